"""What a pytest session of kconform keeps: the suites, what was asked for, and what was found out once for the run."""

from typing import TYPE_CHECKING

import pytest

from fixtures.stash import NamedKey
from netns import Isolation
from results.catalogue import Suite
from results.expectations import Expectations
from results.journal import Journal
from results.records import Clause
from results.selection import Selection

if TYPE_CHECKING:  # These modules use this one.
    from wiring.process_pool import ProcessPool
    from wiring.reaper import Reaper
    from wiring.resume import Earlier
    from wiring.row_state import RowState

_WHO = "wiring.configuration"

SUITES: NamedKey[list[Suite]] = NamedKey("the suites", _WHO)
EXPECTATIONS: NamedKey[dict[str, Expectations]] = NamedKey("the expectations by suite", _WHO)
SELECTION: NamedKey[Selection] = NamedKey("the selection of rows", _WHO)
ISOLATION: NamedKey[Isolation] = NamedKey("the isolation of this process", _WHO)
REAPER: NamedKey["Reaper"] = NamedKey("the reaper of the run", _WHO)
EARLIER: NamedKey["Earlier"] = NamedKey("the earlier part of the run", _WHO)
JOURNALS: NamedKey[Journal] = NamedKey("the journal", _WHO)
POOL: NamedKey["ProcessPool"] = NamedKey("the process pool", _WHO)
CURRENT: NamedKey["RowState | None"] = NamedKey("the row that runs", _WHO)


def clause_of(config: pytest.Config, name: str) -> Clause | None:
    """The clause of that id, in whatever suite it is."""
    return next((suite.clauses[name] for suite in config.stash[SUITES] if name in suite.clauses), None)

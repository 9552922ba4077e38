"""What a pytest session of kconform keeps: the suites, what was asked for, and what was found out once for the run."""

import pytest

from netns import Isolation
from results.catalogue import Suite
from results.expectations import Expectations
from results.records import Clause
from results.selection import Selection
from wiring.process_pool import Overlap
from wiring.row_state import RowState

SUITES = pytest.StashKey[list[Suite]]()
EXPECTATIONS = pytest.StashKey[dict[str, Expectations]]()
SELECTION = pytest.StashKey[Selection]()
ISOLATION = pytest.StashKey[Isolation]()
OVERLAP = pytest.StashKey[Overlap]()
CURRENT = pytest.StashKey[RowState | None]()


def clause_of(config: pytest.Config, name: str) -> Clause | None:
    """The clause of that id, in whatever suite it is."""
    return next((suite.clauses[name] for suite in config.stash[SUITES] if name in suite.clauses), None)

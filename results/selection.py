"""Which rows of which suites a run is about: by clause, by document, by row; and what belongs to which suite."""

import difflib
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from results.catalogue import Suite
from results.expectations import Expectations


class SelectionError(Exception):
    """Nothing has the name that was asked for; the message says what comes near."""


@dataclass(frozen=True)
class Selection:
    """Patterns by kind; an empty kind lets everything through, and ``*`` in a pattern stands for anything."""

    clauses: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    entries: tuple[str, ...] = ()

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return not (self.clauses or self.documents or self.rows or self.entries)

    def check(self, suites: Iterable[Suite]) -> None:
        """See that each pattern can match at all.

        Raises:
            SelectionError: when one can't.
        """
        suites = list(suites)
        clauses = [name for suite in suites for name in suite.clauses]
        documents = [name for suite in suites for name in suite.documents]
        for option, patterns, known in (
            ("--clause", self.clauses, clauses),
            ("--document", self.documents, documents),
            ("--row", tuple(pattern.partition("/")[0] for pattern in self.rows if "/" in pattern), clauses),
        ):
            for pattern in patterns:
                if not any(fnmatchcase(name, pattern) for name in known):
                    raise SelectionError(_nothing(option, pattern, known))

    def wants(self, row: str, clause: str, documents: Iterable[str], entry: str = "") -> bool:
        """Tell whether a row is among those that were asked for."""
        return (
            _any(self.rows, [row])
            and _any(self.clauses, [clause])
            and _any(self.documents, documents)
            and (not entry or _any(self.entries, [entry]))
        )


def find_suite(suites: list[Suite], path: Path) -> Suite | None:
    """The suite in whose folder a test file lies."""
    # Asked for each row several times; Path.is_relative_to takes both paths apart anew.
    return next((suite for suite in suites if str(path).startswith(f"{suite.folder}{os.sep}")), None)


def problems(suite: Suite, expectations: Expectations, rows: list[tuple[str, str]], *, whole: bool) -> list[str]:
    """What does not add up between a suite's catalogue, its expectations and its tests.

    Args:
        suite: the catalogue.
        expectations: what is written down of the kernel under test.
        rows: id and clause of every row that was collected.
        whole: whether these are all rows of the suite: only then can a clause be said to have none.
    """
    counts = Counter(row for row, _ in rows)
    found = [f"two tests make the row '{row}': give one of them a case=" for row in counts if counts[row] > 1]
    if whole:
        found += _clauses_and_tests(suite, {clause for _, clause in rows})
        found += expectations.problems(list(counts))
    return found


def _clauses_and_tests(suite: Suite, tested: set[str]) -> list[str]:
    found = []
    for clause in suite.clauses.values():
        if clause.untestable and clause.id in tested:
            found.append(f"clause '{clause.id}' has a test and yet says that none can exist: {clause.untestable}")
        if not clause.untestable and clause.id not in tested:
            found.append(
                f"clause '{clause.id}' has no test: write one with @clause('{clause.id}'), "
                "or give the clause an 'untestable' reason"
            )
    return found


def unknown_clause(suite: Suite, clause: str, test: str) -> str:
    """The message for a test that names a clause which is not in the catalogue."""
    return (
        f"{test} tries the clause '{clause}', which the catalogue in {suite.folder / 'clauses'} does not have."
        + _near(clause, list(suite.clauses))
    )


def _any(patterns: tuple[str, ...], names: Iterable[str]) -> bool:
    return not patterns or any(fnmatchcase(name, pattern) for name in names for pattern in patterns)


def _nothing(option: str, pattern: str, known: list[str]) -> str:
    return f"{option} {pattern}: nothing has that name.{_near(pattern, known)} 'pytest --list-clauses' lists them all."


def _near(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f" Did you mean {' or '.join(near)}?" if near else ""

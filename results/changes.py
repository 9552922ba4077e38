"""What changed between runs: each row's verdict in a first run against that in each other, and whether it got worse.

Rows are known by id. A row *got worse* when a gate should stop for it:

- it conformed, and now deviates;
- it conformed or deviated, and now was not exercised or is missing: nobody knows any more what it does;
- it deviated as expected or was not exercised, and now deviates as nobody expects;
- it is a harness error, and was none.

A row that the first run does not have is ``new``, and never worse: it has nothing to be compared with.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from results.reader import Results
from results.records import CONFORMS, DEVIATES, HARNESS_ERROR, NOT_EXERCISED, Row

MISSING = "missing"

WORSE = "worse"
CHANGED = "changed"
BETTER = "better"
NEW = "new"
SAME = "same"
# From what is looked at first to what is not looked at: over several runs, a row's change is the first that it has.
CHANGES = (WORSE, CHANGED, BETTER, NEW, SAME)


@dataclass(frozen=True)
class Difference:
    """A row over several runs: the row in each (None where it is missing), and its change against the first."""

    id: str
    rows: tuple[Row | None, ...]
    changes: tuple[str, ...]

    @property
    def change(self) -> str:
        """The change against the first run, over all others."""
        return next((change for change in CHANGES if change in self.changes), SAME)

    @property
    def different(self) -> bool:
        """Whether the runs differ in this row."""
        return self.change != SAME


def compare(several: list[Results], *, forgive_missing: bool = False) -> list[Difference]:
    """Compare every run with the first, row by row, in the order of the first; rows that it has not come last.

    Args:
        several: at least one run.
        forgive_missing: a row that is missing is no change: for runs of a selection.
    """
    by_id = [{row.id: row for row in results.rows} for results in several]
    found = []
    for id_ in dict.fromkeys(id_ for rows in by_id for id_ in rows):
        rows = tuple(each.get(id_) for each in by_id)
        found.append(
            Difference(id_, rows, tuple(change(rows[0], row, forgive_missing=forgive_missing) for row in rows[1:]))
        )
    return found


def change(before: Row | None, after: Row | None, *, forgive_missing: bool = False) -> str:
    """How a row changed; None stands for a row that is missing."""
    if before is None:
        return SAME if after is None else NEW
    if after is None and forgive_missing:
        return SAME
    old, new = verdict(before), verdict(after)
    if old == new:
        return _alike(before, after)
    if new == CONFORMS:
        return BETTER
    if after is None or new == NOT_EXERCISED:
        worse = old in (CONFORMS, DEVIATES)
    elif new == DEVIATES:
        worse = old == CONFORMS or (old == NOT_EXERCISED and after.unexpected)
    else:
        worse = True
    return WORSE if worse else CHANGED


def verdict(row: Row | None) -> str:
    """A row's verdict, or that it is missing."""
    return MISSING if row is None else row.verdict


def counts(differences: list[Difference]) -> dict[str, int]:
    """How many rows changed in which way, against the first run and over all others."""
    found = Counter(difference.change for difference in differences)
    return {change: found[change] for change in CHANGES}


def steps(differences: list[Difference], index: int) -> Iterator[tuple[str, str, int]]:
    """From which verdict to which, and how many rows, in the run of that index; from the most rows to the fewest."""
    pairs = Counter(
        (verdict(each.rows[0]), verdict(each.rows[index])) for each in differences if each.changes[index - 1] != SAME
    )
    for (old, new), number in pairs.most_common():
        yield old, new, number


def _alike(before: Row, after: Row | None) -> str:
    """The change between two rows of one verdict: only what deviates can do so in another manner."""
    if after is None or after.verdict != DEVIATES or before.observed == after.observed:
        return SAME
    return WORSE if after.unexpected and not before.unexpected else CHANGED


# What a row of each verdict is called in a table.
WORDS = {
    CONFORMS: "conforms",
    DEVIATES: "deviates",
    NOT_EXERCISED: "not exercised",
    HARNESS_ERROR: "harness error",
    MISSING: "missing",
}


def cell(row: Row | None) -> str:
    """A row in a word or two: its verdict, and what was observed where it deviates."""
    words = WORDS[verdict(row)]
    return f"{words}: {row.observed}" if row is not None and row.verdict == DEVIATES else words

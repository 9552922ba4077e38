"""What a kernel is known to do otherwise than the documents say, and how a row is judged by it.

An expectation never changes a verdict. It says whether a deviation is news: strict both ways, so that a row which
deviates in another manner, or no longer deviates, is as unexpected as one that nobody wrote down.
"""

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from reports.catalogue import CatalogueError, Suite, Table, read_toml


@dataclass(frozen=True)
class Expectation:
    """Rows by pattern, what they are known to observe, why, and what document says so."""

    rows: str
    observed: str
    reason: str
    document: str
    file: str = ""

    def covers(self, row: str) -> bool:
        """Tell whether the pattern matches a row's id; ``*`` stands for anything."""
        return fnmatchcase(row, self.rows)


@dataclass(frozen=True)
class Judgement:
    """What the expectations say of a row.

    ``state`` is ``none`` (nothing was expected beyond the documents), ``met`` (it deviates as written down), ``other``
    (it deviates, but not as written down) or ``stale`` (it conforms although a deviation is written down).
    """

    state: str
    expectation: Expectation | None = None

    @property
    def unexpected(self) -> bool:
        """Whether a deviation or its absence is news."""
        return self.state in ("other", "stale")

    def record(self) -> dict[str, Any] | None:
        """The judgement as the results file keeps it."""
        if self.expectation is None:
            return None
        found = self.expectation
        return {
            "state": self.state,
            "rows": found.rows,
            "observed": found.observed,
            "reason": found.reason,
            "document": found.document,
        }


@dataclass
class Expectations:
    """All entries that hold for the kernel under test."""

    entries: list[Expectation] = field(default_factory=list)

    def find(self, row: str) -> Expectation | None:
        """The entry for a row; the catalogue's check lets no two entries cover one row."""
        return next((entry for entry in self.entries if entry.covers(row)), None)

    def judge(self, row: str, *, deviates: bool, observed: str | None) -> Judgement:
        """Judge a row that conforms or deviates."""
        entry = self.find(row)
        if entry is None:
            return Judgement("none")
        if not deviates:
            return Judgement("stale", entry)
        return Judgement("met" if observed == entry.observed else "other", entry)

    def problems(self, rows: list[str]) -> list[str]:
        """What is wrong with the entries, given every row that a suite has."""
        found = []
        covering: dict[str, list[Expectation]] = {}
        for entry in self.entries:
            start = re.split(r"[*?\[]", entry.rows, maxsplit=1)[0]  # Most rows are told apart by it, and much faster.
            mine = [row for row in rows if row.startswith(start) and entry.covers(row)]
            if not mine:
                found.append(f"{entry.file}: the expectation for '{entry.rows}' is stale: no row has such an id")
            for row in mine:
                covering.setdefault(row, []).append(entry)
        for row, entries in covering.items():
            if len(entries) > 1:
                names = " and ".join(f"'{entry.rows}'" for entry in entries)
                found.append(f"{entries[1].file}: the row '{row}' is covered by {names}: one entry a row")
        return found


def load_expectations(suite: Suite) -> Expectations:
    """Read every expectation file of a suite.

    Raises:
        CatalogueError: when a file is wrong.
    """
    entries = []
    for path in sorted((suite.folder / "expectations").glob("*.toml")):
        whole = Table(read_toml(path), str(path)).only({"expectation"})
        for table in whole.tables("expectation"):
            table.only({"rows", "observed", "reason", "document"})
            entry = Expectation(
                table.text("rows"), table.text("observed"), table.text("reason"), table.text("document"), str(path)
            )
            clause = entry.rows.partition("/")[0]
            if not any(fnmatchcase(name, clause) for name in suite.clauses):
                raise CatalogueError(f"{path}: the expectation for '{entry.rows}' names no clause of the suite")
            entries.append(entry)
    return Expectations(entries)

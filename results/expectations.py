"""What a kernel is known to do otherwise than the documents say, and how a row is judged by it.

An expectation never changes a verdict. It says whether a deviation is news: strict both ways, so that a row which
deviates in another manner, or no longer deviates, is as unexpected as one that nobody wrote down.
"""

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Literal

from results.catalogue import CatalogueError, Suite, Table, read_toml
from results.records import Expectation


@dataclass(frozen=True)
class KernelFacts:
    """What decides which expectations are for a kernel: its release, who wrote it, its security modules."""

    release: str
    implementation: str = "Linux"
    security: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Entry:
    """Rows by pattern, what they are known to observe, why, and what document says so.

    ``pattern`` tells that ``observed`` is a regular expression, for what is another number each time. ``kernel``,
    ``implementation`` and ``security`` say which kernels the entry is for, by facts of the run; empty ones say nothing:
    ``kernel`` is a range of releases such as ``>=6.1,<6.8``, ``implementation`` a name such as ``gVisor``, ``security``
    a module such as ``selinux``. ``waits`` is how many seconds such a row takes, where that is long: rows that wait
    start early, and wait together.
    """

    rows: str
    observed: str
    reason: str
    document: str
    file: str = ""
    kernel: str = ""
    implementation: str = ""
    security: str = ""
    waits: float = 0.0
    pattern: bool = False

    def explains(self, observed: str | None) -> bool:
        """Tell whether this is what the rows are known to observe."""
        if self.pattern:
            return observed is not None and re.fullmatch(self.observed, observed) is not None
        return observed == self.observed

    def holds(self, facts: KernelFacts) -> bool:
        """Tell whether the entry is for the kernel that these are facts of."""
        return (
            all(_compares(facts.release, part) for part in self.kernel.split(",") if part)
            and self.implementation in ("", facts.implementation)
            and (not self.security or self.security in facts.security)
        )

    def covers(self, row: str) -> bool:
        """Tell whether the pattern matches a row's id; ``*`` stands for anything."""
        return fnmatchcase(row, self.rows)


@dataclass(frozen=True)
class Judgement:
    """What the expectations say of a row.

    ``state`` is ``none`` (nothing was expected beyond the documents), ``met`` (it deviates as written down), ``other``
    (it deviates, but not as written down) or ``stale`` (it conforms although a deviation is written down).
    """

    state: Literal["none", "met", "other", "stale"]
    entry: Entry | None = None

    @property
    def unexpected(self) -> bool:
        """Whether a deviation or its absence is news."""
        return self.state in ("other", "stale")

    def record(self) -> Expectation | None:
        """The judgement as the row's record keeps it; None where nothing is written down."""
        found = self.entry
        if found is None or self.state == "none":
            return None
        return Expectation(self.state, found.rows, found.observed, found.reason, found.document)


@dataclass
class Expectations:
    """All entries that hold for the kernel under test, and those that are for others."""

    entries: list[Entry] = field(default_factory=list)
    others: list[Entry] = field(default_factory=list)

    @cached_property
    def _by_clause(self) -> dict[str, list[Entry]]:
        """The entries by the clause that they name; by ``*`` those that name it by a pattern."""
        found: dict[str, list[Entry]] = {}
        for entry in self.entries:
            clause = entry.rows.partition("/")[0]
            found.setdefault("*" if re.search(r"[*?\[]", clause) else clause, []).append(entry)
        return found

    def find(self, row: str) -> Entry | None:
        """The entry for a row; the catalogue's check lets no two entries cover one row."""
        candidates = [*self._by_clause.get(row.partition("/")[0], ()), *self._by_clause.get("*", ())]
        return next((entry for entry in candidates if entry.covers(row)), None)

    def judge(self, row: str, *, deviates: bool, observed: str | None) -> Judgement:
        """Judge a row that conforms or deviates."""
        entry = self.find(row)
        if entry is None:
            return Judgement("none")
        if not deviates:
            return Judgement("stale", entry)
        return Judgement("met" if entry.explains(observed) else "other", entry)

    def problems(self, rows: list[str]) -> list[str]:
        """What is wrong with the entries, given every row that a suite has."""
        found = []
        covering: dict[str, list[Entry]] = {}
        for entry in [*self.entries, *self.others]:
            start = re.split(r"[*?\[]", entry.rows, maxsplit=1)[0]  # Most rows are told apart by it, and much faster.
            mine = [row for row in rows if row.startswith(start) and entry.covers(row)]
            if not mine:
                found.append(f"{entry.file}: the expectation for '{entry.rows}' is stale: no row has such an id")
            for row in mine if entry in self.entries else []:
                covering.setdefault(row, []).append(entry)
        for row, entries in covering.items():
            if len(entries) > 1:
                names = " and ".join(f"'{entry.rows}'" for entry in entries)
                found.append(f"{entries[1].file}: the row '{row}' is covered by {names}: one entry a row")
        return found


def load_expectations(suite: Suite, facts: KernelFacts) -> Expectations:
    """Read every expectation file of a suite.

    Raises:
        CatalogueError: when a file is wrong.
    """
    found = Expectations()
    for path in sorted(suite.folder.rglob("expectations/*.toml")):
        whole = Table(read_toml(path), str(path)).only({"expectation"})
        for table in whole.tables("expectation"):
            for entry in _read(table, path):
                clause = entry.rows.partition("/")[0]
                if not any(fnmatchcase(name, clause) for name in suite.clauses):
                    raise CatalogueError(f"{path}: the expectation for '{entry.rows}' names no clause of the suite")
                (found.entries if entry.holds(facts) else found.others).append(entry)
    return found


def _read(table: Table, path: Path) -> list[Entry]:
    """The entries of a table: one for each pattern that 'rows' has, where it is a list."""
    table.only({"rows", "observed", "reason", "document", "kernel", "implementation", "security", "waits", "pattern"})
    patterns = table.texts("rows") if isinstance(table.data.get("rows"), list) else (table.text("rows"),)
    known = {key: table.text(key, "") for key in ("kernel", "implementation", "security")}
    wrong = [part for part in known["kernel"].split(",") if part and not _RANGE.fullmatch(part)]
    if wrong:
        raise CatalogueError(f"{path}: kernel = '{known['kernel']}' is no range of releases, such as '>=6.1,<6.8'")
    waits = table.data.get("waits", 0)
    if not isinstance(waits, int | float) or isinstance(waits, bool) or waits < 0:
        raise CatalogueError(f"{table.place}: 'waits' has to be a number of seconds")
    if ("pattern" in table.data) == ("observed" in table.data):
        raise CatalogueError(f"{table.place}: either 'observed' or 'pattern' has to say what is observed")
    pattern = "pattern" in table.data
    observed = table.text("pattern" if pattern else "observed")
    try:
        re.compile(observed if pattern else "")
    except re.error as error:
        raise CatalogueError(f"{table.place}: 'pattern' is no regular expression: {error}") from error
    return [
        Entry(
            rows,
            observed,
            table.text("reason"),
            table.text("document"),
            str(path),
            **known,
            waits=float(waits),
            pattern=pattern,
        )
        for rows in patterns
    ]


_RANGE = re.compile(r"(<=|>=|<|>)(\d+(?:\.\d+)*)")


def _compares(release: str, part: str) -> bool:
    """Tell whether a release such as ``6.1.0-13-amd64`` lies on the side of another that a part of a range says."""
    found = _RANGE.fullmatch(part)
    have = re.match(r"\d+(?:\.\d+)*", release)
    if found is None or have is None:
        return False
    ours, theirs = ([int(number) for number in text.split(".")] for text in (have.group(), found.group(2)))
    ours = ours[: len(theirs)]  # 6.8.1 counts as 6.8 where nothing more is said.
    return {"<": ours < theirs, "<=": ours <= theirs, ">": ours > theirs, ">=": ours >= theirs}[found.group(1)]

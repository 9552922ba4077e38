"""Files that let a comparison pass although rows got worse: which rows, and why.

TOML, one entry for rows of one reason::

    [[allow]]
    rows = "connect.EINTR.*/inet6-*"   # by row id; * stands for anything
    becomes = "not-exercised"          # left out: whatever it became
    reason = "The new machines have no IPv6."
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from results.catalogue import CatalogueError, Table, read_toml
from results.changes import MISSING, WORSE, Difference, verdict
from results.records import VERDICTS


@dataclass(frozen=True)
class Allowance:
    """Rows by pattern that may get worse, into which verdict (empty: any), and why."""

    rows: str
    becomes: str
    reason: str

    def covers(self, row: str, became: str) -> bool:
        """Tell whether a row may become that."""
        return fnmatchcase(row, self.rows) and self.becomes in ("", became)


def load_allowances(path: Path) -> list[Allowance]:
    """Read a file of allowances.

    Raises:
        CatalogueError: when it can't be read, or an entry is wrong; the message names the file and the entry.
    """
    entries = []
    for table in Table(read_toml(path), str(path)).only({"allow"}).tables("allow"):
        table.only({"rows", "becomes", "reason"})
        becomes = table.text("becomes", "")
        if becomes not in ("", MISSING, *VERDICTS):
            known = ", ".join((*VERDICTS, MISSING))
            raise CatalogueError(f"{table.place}: 'becomes' is {becomes!r}; it has to be one of {known}")
        entries.append(Allowance(table.text("rows"), becomes, table.text("reason")))
    return entries


def allowance(difference: Difference, entries: list[Allowance]) -> Allowance | None:
    """The entry that lets a row pass in every run in which it got worse (the first, where several are needed)."""
    found: list[Allowance] = []
    for row, change in zip(difference.rows[1:], difference.changes, strict=True):
        if change == WORSE:
            entry = next((each for each in entries if each.covers(difference.id, verdict(row))), None)
            if entry is None:
                return None
            found.append(entry)
    return found[0] if found else None


def unused(entries: list[Allowance], differences: list[Difference]) -> list[Allowance]:
    """The entries that cover no row that got worse."""
    worse = [
        (each.id, verdict(row))
        for each in differences
        for row, change in zip(each.rows[1:], each.changes, strict=True)
        if change == WORSE
    ]
    return [entry for entry in entries if not any(entry.covers(*each) for each in worse)]

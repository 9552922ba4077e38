"""The lies that survive because noticing them is not the row's job, with the reason for each: ``accepted.toml``."""

import linecache
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from tests.prove.journal import Told


@dataclass(frozen=True)
class Accepted:
    """One entry: which rows, calls and lies (globs), at lines like which, in rows that come to what, and why."""

    reason: str
    row: tuple[str, ...] = ("*",)
    call: tuple[str, ...] = ("*",)
    lie: tuple[str, ...] = ("*",)
    file: str = "*"
    line: tuple[str, ...] = ("*",)
    verdict: str = "*"

    def covers(self, told: Told) -> bool:
        """Tell whether the entry speaks of that lie."""
        lied = told.lied
        return (
            _any(lied.row, self.row)
            and _any(lied.call, self.call)
            and _any(lied.lie, self.lie)
            and fnmatchcase(lied.place.partition(":")[0], self.file)
            and _any(line_of(lied.place), self.line)
            and fnmatchcase(told.verdict, self.verdict)
        )


def line_of(place: str) -> str:
    """The line of code at a place, such as ``suites/connect/entry/test_prototype.py:30``."""
    name, _, number = place.partition(":")
    return linecache.getline(name, int(number or 0)).strip()


def _any(text: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)


def load_accepted(path: Path) -> list[Accepted]:
    """Read the file.

    Raises:
        ValueError: when an entry has no reason, or covers everything.
    """
    entries = []
    for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("accepted", []):
        for name in ("row", "call", "lie", "line"):
            if name in entry:
                entry[name] = tuple([entry[name]] if isinstance(entry[name], str) else entry[name])
        made = Accepted(**entry)
        if not made.reason or made == Accepted(made.reason):
            raise ValueError(f"{path.name}: an entry needs a reason, and may not cover everything: {made}")
        entries.append(made)
    return entries

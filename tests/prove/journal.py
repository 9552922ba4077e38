"""What was found out so far, a line each, so that a proof that was broken off goes on where it was.

A line is good for as long as the row's mark (``tests.prove.plan.Marks``) is what it was.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

NOTICED, SURVIVED, UNTOLD = "noticed", "survived", "untold"


@dataclass(frozen=True)
class Lied:
    """One lie in one row: of the ``nth`` call of that name at ``site``: the line ``place`` and those that led there."""

    row: str
    call: str
    nth: int
    lie: str
    site: str
    place: str
    mark: str

    @property
    def clause(self) -> str:
        """The row's clause."""
        return self.row.partition("/")[0]


@dataclass(frozen=True)
class Heard:
    """A row that ran without a lie: what it came to, and its calls."""

    row: str
    mark: str
    verdict: str
    unexpected: bool
    seconds: float
    calls: list[dict[str, Any]] = field(default_factory=list, repr=False)
    reason: str | None = None


@dataclass(frozen=True)
class Told:
    """A lie that was told, and what became of it."""

    lied: Lied
    outcome: str
    verdict: str
    reason: str | None = None


class Journal:
    """The lines of one file, and those to come; without a file nothing is kept.

    Args:
        path: the file.
        mark: gives the mark that a row has now, None for rows that there are no more.
    """

    def __init__(self, path: Path | None, mark: Callable[[str], str | None]) -> None:
        self.heard: dict[str, Heard] = {}
        self.told: dict[Lied, Told] = {}
        if path is not None and path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                self._read(line, mark)
        self._file: TextIO | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a", encoding="utf-8")

    def hear(self, heard: Heard) -> None:
        """Keep what a row came to."""
        self.heard[heard.row] = heard
        self._write({"heard": asdict(heard)})

    def tell(self, told: Told) -> None:
        """Keep what became of a lie."""
        self.told[told.lied] = told
        self._write({"told": asdict(told)})

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()

    def _read(self, line: str, mark: Callable[[str], str | None]) -> None:
        try:
            record = json.loads(line)
        except ValueError:  # The last line of a run that was killed.
            return
        if "heard" in record:
            heard = Heard(**record["heard"])
            if mark(heard.row) == heard.mark:
                self.heard[heard.row] = heard
        else:
            told = Told(Lied(**record["told"].pop("lied")), **record["told"])
            if mark(told.lied.row) == told.lied.mark:
                self.told[told.lied] = told

    def _write(self, record: dict[str, Any]) -> None:
        if self._file is not None:
            self._file.write(json.dumps(record, separators=(",", ":")) + "\n")
            self._file.flush()

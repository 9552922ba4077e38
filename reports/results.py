"""Writing results.jsonl while a run goes on, and reading it back, even when the run was killed half way."""

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from reports.catalogue import Clause, Document
from reports.records import SCHEMA_VERSION, VERDICTS, End, Row, Run

RESULTS = "results.jsonl"


class ResultsError(Exception):
    """A results file can't be read; the message names it and says why."""


class Collector:
    """Takes the rows of a run as they end, writes them at once where a folder is given, and counts.

    Args:
        folder: where results.jsonl goes; None keeps the rows in memory only.
        run: the run's facts, written first.
    """

    def __init__(self, folder: Path | None, run: Run) -> None:
        self.run = run
        self.rows: dict[str, Row] = {}
        self.collected: dict[str, Row] = {}
        self.end: End | None = None
        self._start = time.monotonic()
        self._file: IO[str] | None = None
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = (folder / RESULTS).open("w", encoding="utf-8")
            self._write(run.line())

    def collect(self, row: Row) -> None:
        """Note that a row will run; ``row`` is what is written should it never be heard of again."""
        self.collected.setdefault(row.id, row)

    def add(self, row: Row, line: str | None = None) -> None:
        """Take a row that has ended, and its line where that is made already.

        A later word on the same row (a worker's death after it) is not taken.
        """
        if row.id not in self.rows:
            self.rows[row.id] = row
            self._write(line or row.line())

    def finish(self, exit_status: int) -> End:
        """Write the rows that never ended, with their reason, and the end."""
        for row in self.collected.values():
            if row.id not in self.rows:
                self.add(row)
        counts = Counter(row.verdict for row in self.rows.values())
        self.end = End(
            collected=len(self.collected),
            reported=len(self.rows),
            verdicts={verdict: counts[verdict] for verdict in VERDICTS},
            unexpected=sum(row.unexpected for row in self.rows.values()),
            seconds=round(time.monotonic() - self._start, 3),
            exit_status=exit_status,
        )
        self._write(self.end.line())
        if self._file is not None:
            self._file.close()
        return self.end

    def results(self) -> "Results":
        """What was taken so far, for a report."""
        return Results(self.run, list(self.rows.values()), self.end)

    def _write(self, line: str) -> None:
        if self._file is not None:
            self._file.write(line)
            self._file.flush()


@dataclass
class Results:
    """One run, read back: its facts, its rows, and its end (None when the run was cut off)."""

    run: Run
    rows: list[Row]
    end: End | None
    damaged: list[str] = field(default_factory=list)

    @property
    def documents(self) -> list[Document]:
        """The documents of all suites of the run."""
        return [Document.from_record(each) for suite in self.run.suites for each in suite["documents"]]

    @property
    def clauses(self) -> dict[str, Clause]:
        """The clauses of all suites of the run, by id."""
        every = [Clause.from_record(each) for suite in self.run.suites for each in suite["clauses"]]
        return {clause.id: clause for clause in every}

    @property
    def incomplete(self) -> str:
        """Why these are not the results of a whole run; empty where they are."""
        if self.end is None:
            return f"the run was cut off: {len(self.rows)} rows had ended, and nobody counted how many there should be"
        if self.end.collected != len(self.rows):
            return f"{self.end.collected} rows were collected and {len(self.rows)} are reported"
        return ""


def read_results(path: Path) -> Results:
    """Read a results file, or the one in a folder. A line that was cut short at the end is passed over and noted.

    Raises:
        ResultsError: when there is no such file, it starts with no run, or is of another version.
    """
    if path.is_dir():
        path = path / RESULTS
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise ResultsError(f"{path}: can't be read: {error.strerror}") from error
    run: Run | None = None
    rows: list[Row] = []
    end: End | None = None
    damaged: list[str] = []
    for number, line in enumerate(lines, start=1):
        try:
            data = json.loads(line)
            kind = data.pop("record")
            if kind == "run":
                run = _run(data, path)
            elif kind == "row":
                rows.append(Row.from_record(data))
            elif kind == "end":
                end = End(**data)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            damaged.append(f"line {number} is no record: {error}")
    if run is None:
        raise ResultsError(f"{path}: has no run record: it is no results file of kconform, or was cut off at once")
    return Results(run, rows, end, damaged)


def _run(data: dict[str, Any], path: Path) -> Run:
    if data.get("schema") != SCHEMA_VERSION:
        raise ResultsError(f"{path}: has schema version {data.get('schema')}; this kconform reads {SCHEMA_VERSION}")
    return Run(**data)

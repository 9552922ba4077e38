"""Writing results.jsonl while a run goes on: each row is written as soon as it has ended, and counted.

What is large in a row, such as its transcript, is in the file only; it does not stay in memory.
"""

import os
import time
from collections import Counter
from collections.abc import Iterable
from io import FileIO
from pathlib import Path

from results.codec import encode
from results.files import PAGES, RESULTS
from results.reader import Results
from results.records import NEVER_REACHED, VERDICTS, End, Row, Run


class Collector:
    """Writes each row of a run when it ends, if a folder is given, and counts the rows.

    Args:
        folder: where results.jsonl goes; None keeps only what the terminal shows.
        run: the run's facts, written first.
        earlier: rows that ended in a part of the run that was cut off; nothing of them is lost, whatever happens.

    ``pending`` are the rows that were collected and have not ended, by id, as they are written if they never end;
    ``rows`` are those that have ended, without what is large. ``broken`` is why nothing more can be written, such as a
    disk that is full; the file ends with its last whole line.

    Raises:
        OSError: when the file can't be begun.
    """

    def __init__(self, folder: Path | None, run: Run, earlier: Iterable[Row] = ()) -> None:
        self.run = run
        self.rows: dict[str, Row] = {}
        self.pending: dict[str, Row] = {}
        self.end: End | None = None
        self.folder = folder
        self.broken: OSError | None = None
        self._collected: set[str] = set()
        self._start = time.monotonic()
        self._size = 0
        self._file: FileIO | None = None
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            partly = folder / f".{RESULTS}.{os.getpid()}"
            self._file = partly.open("wb", buffering=0)
        self._write(encode(run))
        for row in earlier:
            self.collect(row)
            self.add(row)
        if folder is not None:
            self._begun(partly, folder / RESULTS)

    def collect(self, row: Row) -> None:
        """Note that a row will run; ``row`` is what ``finish`` writes if it never ends."""
        if row.id not in self._collected:
            self._collected.add(row.id)
            self.pending[row.id] = row

    def add(self, row: Row, line: bytes | None = None) -> bool:
        """Write and count a row that has ended; ``line`` is the row encoded, where that is done already.

        Returns:
            Whether it was taken: a second report of a row, such as that its worker died after it, is ignored.
        """
        if row.id in self.rows:
            return False
        self.rows[row.id] = row.light()
        self.pending.pop(row.id, None)
        self._write(line or encode(row))
        return True

    def finish(self, exit_status: int) -> list[Row]:
        """Write the rows that never ended, with their reason, and the end; gives these rows."""
        missing = list(self.pending.values())
        for row in missing:
            self.add(row)
        counts = Counter(row.verdict for row in self.rows.values())
        self.end = End(
            collected=len(self._collected),
            reported=len(self.rows),
            verdicts={verdict: counts[verdict] for verdict in VERDICTS},
            unexpected=sum(row.unexpected for row in self.rows.values()),
            seconds=round(time.monotonic() - self._start, 3),
            exit_status=exit_status,
            unreached=sum(row.reason == NEVER_REACHED for row in missing),
        )
        self._write(encode(self.end))
        if self._file is not None:
            self._file.close()
        return missing

    def results(self) -> Results:
        """The results so far; the rows are without what is large."""
        return Results(self.run, list(self.rows.values()), self.end, folder=self.folder)

    def _begun(self, partly: Path, path: Path) -> None:
        if self.broken is not None:
            partly.unlink()
            raise self.broken
        for name in PAGES:  # Of an earlier run: should this one be killed, they would speak for it.
            (path.parent / name).unlink(missing_ok=True)
        partly.replace(path)

    def _write(self, line: bytes) -> None:
        if self._file is None or self.broken is not None:
            return
        try:
            left = memoryview(line)
            while left:
                left = left[self._file.write(left) :]
            self._size += len(line)
        except OSError as error:
            self.broken = error
            self._file.truncate(self._size)

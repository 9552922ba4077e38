"""Taking the rows of a run while it goes on: each is written to results.jsonl as soon as it has ended.

What is large in a row, such as its transcript, is in the file and, packed, in the report to be; it does not stay in
memory beside them.
"""

import os
import time
from collections import Counter
from collections.abc import Iterable
from io import FileIO
from pathlib import Path

from reports.html.page_data import Packer
from reports.html.render import page
from results.reader import PAGES, RESULTS, Results
from results.records import NEVER_REACHED, VERDICTS, End, Row, Run


class Collector:
    """Takes the rows of a run as they end, writes them at once where a folder is given, and counts.

    Args:
        folder: where results.jsonl goes, and the page beside it; None keeps only what the terminal shows.
        run: the run's facts, written first.
        earlier: rows that ended in a part of the run that was cut off; nothing of them is lost, whatever happens.

    ``broken`` is why nothing more can be written, such as a disk that is full; the file ends with its last whole line.

    Raises:
        OSError: when the file can't be begun.
    """

    def __init__(self, folder: Path | None, run: Run, earlier: Iterable[Row] = ()) -> None:
        self.run = run
        self.rows: dict[str, Row] = {}
        self.collected: dict[str, Row] = {}
        self.end: End | None = None
        self._start = time.monotonic()
        self._folder = folder
        self._size = 0
        self._file: FileIO | None = None
        self._packer: Packer | None = None
        if folder is not None:
            self._packer = Packer()
            self._packer.begin(vars(run), Results(run, [], None).label, "", folder)
            folder.mkdir(parents=True, exist_ok=True)
            partly = folder / f".{RESULTS}.{os.getpid()}"
            self._file = partly.open("wb", buffering=0)
        self.broken: OSError | None = None
        self._write(run.line().encode())
        for row in earlier:
            self.collect(row)
            self.add(row)
        if folder is not None:
            self._begun(partly, folder / RESULTS)

    def collect(self, row: Row) -> None:
        """Note that a row will run; ``row`` is what is written should it never be heard of again."""
        self.collected.setdefault(row.id, row)

    def add(self, row: Row, line: bytes | None = None) -> None:
        """Take a row that has ended, and its line where that is made already.

        A later word on the same row (a worker's death after it) is not taken.
        """
        if row.id not in self.rows:
            self.rows[row.id] = row
            self._write(line or row.line().encode())
            if self._packer is not None:
                self._packer.add(0, vars(row))
            row.lighten()

    def finish(self, exit_status: int) -> End:
        """Write the rows that never ended, with their reason, and the end."""
        missing = [row for row in self.collected.values() if row.id not in self.rows]
        for row in missing:
            self.add(row)
        counts = Counter(row.verdict for row in self.rows.values())
        self.end = End(
            collected=len(self.collected),
            reported=len(self.rows),
            verdicts={verdict: counts[verdict] for verdict in VERDICTS},
            unexpected=sum(row.unexpected for row in self.rows.values()),
            seconds=round(time.monotonic() - self._start, 3),
            exit_status=exit_status,
            unreached=sum(row.reason == NEVER_REACHED for row in missing),
        )
        self._write(self.end.line().encode())
        if self._packer is not None:
            self._packer.end(0, self.end)
        if self._file is not None:
            self._file.close()
        return self.end

    def results(self) -> Results:
        """What was taken so far, without what is large."""
        return Results(self.run, list(self.rows.values()), self.end, folder=self._folder)

    def write_page(self, path: Path) -> None:
        """Write the report for a browser, of a run that goes to a folder.

        Raises:
            OSError: when it can't be written.
        """
        if self._packer is not None:
            path.write_text(page(self._packer), encoding="utf-8")

    def _begun(self, partly: Path, path: Path) -> None:
        if self.broken is not None:
            partly.unlink()
            raise self.broken
        for name in PAGES:  # Of an earlier run: should this one be killed, they would speak for it.
            (path.parent / name).unlink(missing_ok=True)
        partly.replace(path)

    def _write(self, data: bytes) -> None:
        if self._file is None or self.broken is not None:
            return
        try:
            left = memoryview(data)
            while left:
                left = left[self._file.write(left) :]
            self._size += len(data)
        except OSError as error:
            self.broken = error
            self._file.truncate(self._size)

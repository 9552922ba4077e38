"""The files that a run leaves in the folder of its results, by name, and the words by which a run is resumed."""

from collections.abc import Iterator
from pathlib import Path

from results.codec import decode, encode
from results.records import Record

RESULTS, JOURNAL, CONSOLE, EVIDENCE = "results.jsonl", "journal.txt", "console.log", "evidence"
PAGE, JUNIT = "index.html", "junit.xml"
PAGES = (PAGE, JUNIT)
"""What a whole run leaves beside its results."""

UNDER_WAY, REST, NOTHING = "under-way", "rest", "nothing"
RESUME = (UNDER_WAY, REST, NOTHING)
"""What a resumed run runs: the rows that were under way, one at a time; the rest; or nothing, so that it has an end."""

DIED = "the kernel died"
"""What is observed of a row that its kernel died of."""


def evidence_folder(row: str) -> str:
    """Where the evidence of a row lies, below the folder of the results."""
    return f"{EVIDENCE}/{row.replace('/', '~')}"


def whole_lines(path: Path) -> Iterator[tuple[bytes, Record]]:
    """Each line of a results file that is a record, with its line end, and the record.

    Lines that were cut off are passed over.

    Raises:
        OSError: when it can't be read; but a file that is not there has no lines.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            try:
                yield line.rstrip(b"\n") + b"\n", decode(line)
            except (ValueError, RecursionError):
                continue


def append(path: Path, record: Record) -> None:
    """Append a record to a results file, on a line of its own also where the last line was cut off.

    Raises:
        OSError: when it can't be written.
    """
    with path.open("r+b") as file:
        if file.seek(0, 2):
            file.seek(-1, 2)
            if file.read(1) != b"\n":
                file.write(b"\n")
        file.write(encode(record))

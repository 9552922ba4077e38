"""What a results file says: read whole or half, of one run or of several, and from strangers.

A file is read line by line, so that its size costs no memory; what is no record is noted and passed over. A file that
is something else altogether ends in a ``ResultsError`` of one line, and so does one that is larger than any run's.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from results.catalogue import merged
from results.ends import incompleteness
from results.files import RESULTS
from results.parser import Item, Parser, ResultsError
from results.records import Carrier, Clause, Document, End, Row, Run

__all__ = [
    "Item", "Results", "ResultsError", "default_label", "folder_of", "make_unique", "read_file", "read_many",
    "read_results", "read_runs", "records",
]  # fmt: skip

# A record of a row has some kilobytes and the catalogue some hundreds; a run of everything has some tens of megabytes.
LONGEST_LINE = 64 << 20
LARGEST_FILE = 4 << 30


@dataclass
class Results:
    """One run: its facts, its rows, its end (None when the run was cut off), and its carrier, where it had one.

    ``label`` names the run among others; ``folder`` is where its evidence lies, None where it was never written.
    ``damaged`` says which lines of its file were no records.
    """

    run: Run
    rows: list[Row]
    end: End | None
    damaged: list[str] = field(default_factory=list)
    label: str = ""
    folder: Path | None = None
    carrier: Carrier | None = None

    def __post_init__(self) -> None:
        self.label = self.label or self.run.label or default_label(self.run)

    @property
    def documents(self) -> list[Document]:
        """The documents of all suites of the run, each once."""
        return merged(document for suite in self.run.suites for document in suite.documents)

    @property
    def clauses(self) -> dict[str, Clause]:
        """The clauses of all suites of the run, by id."""
        return {clause.id: clause for suite in self.run.suites for clause in suite.clauses}

    @property
    def incomplete(self) -> str:
        """Why these are not the results of a whole run; empty where they are."""
        return incompleteness(self.end, len(self.rows))


def default_label(run: Run) -> str:
    """What a run is called where nobody gave it a name: its kernel's release, and its rights."""
    return f"{run.kernel.release} {'root' if run.privilege.kind == 'root' else 'user'}"


def make_unique(several: list[Results]) -> None:
    """Give runs of one label numbers, so that each label stands for one run."""
    taken: set[str] = set()
    for results in several:
        label, number = results.label, 2
        while results.label in taken:
            results.label = f"{label} ({number})"
            number += 1
        taken.add(results.label)


def read_results(path: Path) -> Results:
    """Read the results of one run, from a file or from the ``results.jsonl`` in a folder.

    Raises:
        ResultsError: when the file can't be read, is none of kconform's, is of another version, or has several runs.
    """
    several = read_file(path)
    if len(several) > 1:
        labels = ", ".join(each.label for each in several)
        raise ResultsError(f"{path}: holds {len(several)} runs ({labels}) where one is wanted")
    return several[0]


def read_many(paths: Iterable[Path], *, light: bool = False) -> list[Results]:
    """Read the results of many runs, from files with one or several; each gets a label that no other has.

    Args:
        paths: files, or folders that hold a ``results.jsonl``.
        light: leave out transcripts, topologies, and of rows that did not fail the run what the terminal said: nearly
            all of the memory.

    Raises:
        ResultsError: when one can't be read, is none of kconform's, or is of another version.
    """
    every = [results for path in paths for results in read_file(path, light=light)]
    make_unique(every)
    return every


def read_file(path: Path, *, light: bool = False) -> list[Results]:
    """Read the results of every run in one file; see ``read_many``."""
    several: list[Results] = []
    for index, item in records(path, light=light):
        if isinstance(item, Run):
            several.append(Results(item, [], None, folder=folder_of(path)))
        elif isinstance(item, Row):
            several[index].rows.append(item)
        elif isinstance(item, End):
            several[index].end = item
        elif isinstance(item, Carrier):
            several[index].carrier = item
        else:
            several[index].damaged.append(item)
    make_unique(several)
    return several


def read_runs(paths: Iterable[Path]) -> list[Results]:
    """The runs of all files without their rows, each with a label that no other has; see ``read_many``."""
    every = [
        Results(item, [], None, folder=folder_of(path))
        for path in paths
        for _, item in records(path, light=True)
        if isinstance(item, Run)
    ]
    make_unique(every)
    return every


def records(path: Path, *, light: bool = False) -> Iterator[tuple[int, Item]]:
    """The records of a results file one by one, each with the number of its run in the file, which begins at 0.

    A run comes before its rows. A text stands for a line that is no record, and says why.

    Raises:
        ResultsError: when the file can't be read, is none of kconform's, or is of another version.
    """
    if path.is_dir():
        path = path / RESULTS
    parser = Parser(path, light=light)
    try:
        with path.open("rb") as file:
            for number, line in enumerate(_lines(file, path), start=1):
                yield from parser.take(number, line)
    except OSError as error:
        raise ResultsError(f"{path}: can't be read: {error.strerror}") from error
    yield from parser.finish()


def folder_of(path: Path) -> Path:
    """The folder in which a results file lies, and its evidence: the path itself where it is a folder."""
    return path if path.is_dir() else path.parent


def _lines(file: IO[bytes], path: Path) -> Iterator[bytes]:
    """The lines of a file.

    Raises:
        ResultsError: when a line, or the file, is too long to be one of kconform's.
    """
    size = 0
    while line := file.readline(LONGEST_LINE + 1):
        size += len(line)
        if len(line) > LONGEST_LINE:
            raise ResultsError(
                f"{path}: has a line of more than {LONGEST_LINE >> 20} MiB: it is no results file of kconform"
            )
        if size > LARGEST_FILE:
            raise ResultsError(f"{path}: has more than {LARGEST_FILE >> 30} GiB, which is more than is read")
        yield line

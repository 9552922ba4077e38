"""What a results file says: read whole or half, of one run or of several, and from strangers.

A file is read line by line, so that its size costs no memory; what is no record is noted and passed over. A file that
is something else altogether ends in a ``ResultsError`` of one line, and so does one that is larger than any run's.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from results.catalogue import Clause, Document, merged
from results.consistency import contradiction
from results.records import SCHEMA_VERSION, VERDICTS, End, Row, Run, known, lighten

RESULTS = "results.jsonl"
PAGES = ("index.html", "junit.xml")
"""What a whole run leaves beside it."""
# A record of a row has some kilobytes and the catalogue some hundreds; a run of everything has some tens of megabytes.
LONGEST_LINE = 64 << 20
LARGEST_FILE = 4 << 30
MOST_ROWS = 1_000_000
_INTERRUPTED = 2  # As an exit status of pytest.
_SHOWN = 20  # Lines that are no records and are named one by one.


class ResultsError(Exception):
    """A results file can't be read; the message names it and says why."""


@dataclass
class Results:
    """One run: its facts, its rows, and its end (None when the run was cut off).

    ``label`` names the run among others; ``folder`` is where its evidence lies, None where it was never written.
    ``damaged`` says which lines of its file were no records.
    """

    run: Run
    rows: list[Row]
    end: End | None
    damaged: list[str] = field(default_factory=list)
    label: str = ""
    folder: Path | None = None

    def __post_init__(self) -> None:
        self.label = self.label or self.run.label or default_label(self.run)

    @property
    def documents(self) -> list[Document]:
        """The documents of all suites of the run, each once."""
        return merged(Document.from_record(each) for suite in self.run.suites for each in suite["documents"])

    @property
    def clauses(self) -> dict[str, Clause]:
        """The clauses of all suites of the run, by id."""
        every = [Clause.from_record(each) for suite in self.run.suites for each in suite["clauses"]]
        return {clause.id: clause for clause in every}

    @property
    def incomplete(self) -> str:
        """Why these are not the results of a whole run; empty where they are."""
        return incompleteness(self.end, len(self.rows))


def incompleteness(end: End | None, reported: int) -> str:
    """Why so many rows are not those of a whole run, given its end, where it had one; empty where they are."""
    if end is None:
        return f"the run was cut off: {reported} rows had ended, and nobody counted how many there should be"
    if end.collected != reported:
        return f"{end.collected} rows were collected and {reported} are reported"
    if end.unreached:
        return f"the run ended before it came to {end.unreached} of its {reported} rows"
    return "the run was interrupted" if end.exit_status == _INTERRUPTED else ""


def default_label(run: Run) -> str:
    """What a run is called where nobody gave it a name: its kernel's release, and its rights."""
    return f"{run.kernel['release']} {'root' if run.privilege['kind'] == 'root' else 'user'}"


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
            all
            of the memory.

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


def records(path: Path, *, light: bool = False) -> Iterator[tuple[int, Run | Row | End | str]]:
    """The records of a results file one by one, each with the number of its run in the file, which begins at 0.

    A run comes before its rows. A text stands for a line that is no record, and says why.

    Raises:
        ResultsError: when the file can't be read, is none of kconform's, or is of another version.
    """
    if path.is_dir():
        path = path / RESULTS
    reader = _Reader(path, light=light)
    try:
        with path.open("rb") as file:
            for number, line in enumerate(_lines(file, path), start=1):
                found = reader.take(number, line)
                if found is not None:
                    yield found
    except OSError as error:
        raise ResultsError(f"{path}: can't be read: {error.strerror}") from error
    yield from reader.finish()


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


class _Reader:
    """Makes records of the lines of one file, and knows what came before."""

    def __init__(self, path: Path, *, light: bool) -> None:
        # Imported late: a test run writes results and reads none.
        import msgspec

        from results import shapes

        self._path = path
        self._light = light
        self._decode = msgspec.json.decode
        self._convert = msgspec.convert
        self._shapes = {"run": shapes.Run, "row": shapes.Row, "end": shapes.End}
        self._labels: list[str | None] = []
        self._calls: list[dict[str, tuple[str, ...]]] = []
        self._rows: set[tuple[int, str]] = set()
        self._counts: list[Counter[str]] = []
        self._damaged = 0

    def take(self, number: int, line: bytes) -> tuple[int, Run | Row | End | str] | None:
        """The record of a line, or why it is none; None for lines that need no mention.

        Raises:
            ResultsError: when it is the first and no record of a run, or a run's record can't be used.
        """
        if not line.strip():
            return None
        said = "it is no results file of kconform, or was cut off at once"
        try:
            data = self._decode(line.decode("utf-8", "replace"))
            kind = data.pop("record")
            if kind == "run":
                return self._begin(data)
            if self._labels and kind in self._shapes:
                call = self._calls[self._find(data.get("run"))].get(data.get("clause", ""), ())
                lie = contradiction(data, call) if kind == "row" else ""
                if self._light and kind == "row" and "transcript" in data:
                    lighten(data)
                self._convert(data, self._shapes[kind])
                return self._add(kind, data, lie)
            if self._labels:
                return None  # A kind of record that a later kconform writes.
        # A record that is nested without end makes the decoder give up with a RecursionError.
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            if self._labels:
                self._damaged += 1
                what = f"line {number} is no record: {_reason(error)}"
                return (len(self._labels) - 1, what) if self._damaged <= _SHOWN else None
        raise ResultsError(f"{self._path}: has no run record: {said}")

    def finish(self) -> Iterator[tuple[int, str]]:
        """What there is to say at the end of the file.

        Raises:
            ResultsError: when there was nothing in it.
        """
        if not self._labels:
            raise ResultsError(f"{self._path}: has no run record: it is empty, or was cut off at once")
        if self._damaged > _SHOWN:
            yield len(self._labels) - 1, f"and {self._damaged - _SHOWN} more lines are no records"

    def _begin(self, data: dict[str, Any]) -> tuple[int, Run]:
        schema = data.get("schema")
        if schema != SCHEMA_VERSION:
            raise ResultsError(f"{self._path}: has schema version {schema!r:.20}; this kconform reads {SCHEMA_VERSION}")
        try:
            self._convert(data, self._shapes["run"])
            calls = {clause: tuple(suite["calls"]) for suite in data["suites"] for clause in _check(suite)}
        except (ValueError, RecursionError) as error:
            raise ResultsError(f"{self._path}: has a run record that can't be used: {_reason(error)}") from error
        self._calls.append(calls)
        self._counts.append(Counter())
        self._labels.append(data.get("label"))
        return len(self._labels) - 1, Run(**known(Run, data))

    def _add(self, kind: str, data: dict[str, Any], lie: str) -> tuple[int, Row | End]:
        index = self._find(data.get("run"))
        if kind == "end":
            end = End(**known(End, data))
            _check_end(end, self._counts[index])
            return index, end
        if lie:
            raise ValueError(f"the row {data['id']} {lie}")
        if (index, data["id"]) in self._rows:
            raise ValueError(f"the row {data['id']} was there before")
        if data["clause"] not in self._calls[index]:
            raise ValueError(f"the row {data['id']} is of no clause of its run")
        if len(self._rows) >= MOST_ROWS:
            raise ResultsError(f"{self._path}: has more than {MOST_ROWS:,} rows, which is more than is read")
        self._rows.add((index, data["id"]))
        self._counts[index].update([data["verdict"], *(["unexpected"] if data["unexpected"] else [])])
        return index, Row.from_record(data)

    def _find(self, label: str | None) -> int:
        """Which run a record belongs to: the one it names, else the last that began."""
        if label is None:
            return len(self._labels) - 1
        if label not in self._labels:
            raise ValueError(f"no run has the label {label}")
        return len(self._labels) - 1 - self._labels[::-1].index(label)


def _check_end(end: End, counts: Counter[str]) -> None:
    """See that the end of a run says of its rows what they say themselves; where some are missing nobody knows.

    Raises:
        ValueError: when it does not.
    """
    if end.reported != sum(counts[verdict] for verdict in VERDICTS):
        return
    for what, said in {**end.verdicts, "unexpected": end.unexpected}.items():
        if said != counts[what]:
            raise ValueError(f"the end counts {said} rows that are '{what}', and there are {counts[what]}")
    if end.unexpected and end.exit_status == 0:
        raise ValueError(f"the end says that the run passed, and {end.unexpected} rows are unexpected")


def _check(suite: dict[str, Any]) -> set[str]:
    """See that a catalogue holds together, and give the ids of its clauses.

    Raises:
        ValueError: when a source can't be read, or a sentence names a clause that is not there.
    """
    clauses = {Clause.from_record(each).id for each in suite["clauses"]}
    for document in suite["documents"]:
        for sentence in document["sentences"]:
            for name in sentence["clauses"]:
                if name not in clauses:
                    raise ValueError(f"the sentence {sentence['id']} names the clause {name}, which is not there")
    return clauses


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return f"it has no {error}" if isinstance(error, KeyError) else str(error)

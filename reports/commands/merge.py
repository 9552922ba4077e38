"""``python -m reports merge``: one results file of many runs, each with a label, and their evidence beside it."""

import argparse
import contextlib
import os
import re
import shutil
from pathlib import Path

from msgspec.structs import replace

from reports.commandline import CommandError, Commands, declare, name, wants_labels, wants_results, write
from reports.html.command import write_page
from results.codec import encode
from results.ends import incompleteness
from results.files import EVIDENCE, PAGE, RESULTS
from results.printable import one_line
from results.reader import Item, folder_of, read_runs, records
from results.records import Carrier, End, Evidence, Row, Run

_EXAMPLES = """6.1 6.12 6.18 -o all-kernels
linux/results.jsonl gvisor/results.jsonl --label linux --label gvisor -o both"""


def add_command(commands: Commands) -> None:
    """Declare ``python -m reports merge``."""
    words = "put many runs into one folder, for one report with a column for each kernel"
    parser = declare(commands, "merge", words, _EXAMPLES, _run)
    wants_results(parser, many=True)
    wants_labels(parser)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="the folder that is written")


def _run(chosen: argparse.Namespace) -> int:
    runs = read_runs(chosen.results)
    name(runs, chosen.label)
    for line in merge(chosen.results, [results.label for results in runs], chosen.output):
        write(f"{one_line(line)}\n", None)
    return 0


def merge(paths: list[Path], labels: list[str], output: Path) -> list[str]:
    """Write the runs of all files into one folder: results, their page, and copies of their evidence.

    Args:
        paths: results files, or folders that hold one.
        labels: a label for each run, in the order of the files and of the runs in each.
        output: the folder; it is made where it is not there, and is none of those that are read.

    Returns:
        What was written, what is not whole, and which evidence was not there to be copied; a line each.

    Raises:
        CommandError: when the folder is among those that are read, or can't be written.
        ResultsError: when a file can't be read.
    """
    if output.resolve() in {folder_of(path).resolve() for path in paths}:
        raise CommandError(f"{output}: is read from, and can't be written to as well")
    partly = output / f".{RESULTS}.{os.getpid()}"
    targets = [_Target(label, output, f"{number}-{_name(label)}") for number, label in enumerate(labels, start=1)]
    try:
        output.mkdir(parents=True, exist_ok=True)
        with partly.open("wb") as file:
            first = 0
            # Record by record: together they may be more than the memory holds.
            for path in paths:
                index = -1
                for index, item in records(path):
                    file.write(targets[first + index].take(item, folder_of(path)))
                first += index + 1
        partly.replace(output / RESULTS)
    except OSError as error:
        raise CommandError(f"{output}: can't be written: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            partly.unlink()
    write_page([output], output / PAGE)
    said = [line for target in targets for line in target.finish()]
    return [*said, f"wrote {output / RESULTS} and {PAGE}, with {len(labels)} runs"]


class _Target:
    """A run as it goes into the merged file."""

    def __init__(self, label: str, output: Path, prefix: str) -> None:
        self._label = label
        self._output = output
        self._prefix = prefix
        self._rows = 0
        self._end: End | None = None
        self._said: list[str] = []

    def take(self, item: Item, folder: Path) -> bytes:
        """The line that a record of the run becomes; its evidence is copied. Empty for what is no record."""
        if isinstance(item, Run):
            return encode(replace(item, label=self._label))
        if isinstance(item, Row):
            self._rows += 1
            return encode(replace(item, run=self._label, evidence=self._copies(item, folder)))
        if isinstance(item, End):
            self._end = item
        if isinstance(item, End | Carrier):
            return encode(replace(item, run=self._label))
        self._said.append(f"{self._label}: DAMAGED: {item}")
        return b""

    def finish(self) -> list[str]:
        """What there is to say of the run; a line each."""
        missing = incompleteness(self._end, self._rows)
        return [*self._said, *([f"{self._label}: INCOMPLETE: {missing}"] if missing else [])]

    def _copies(self, row: Row, folder: Path) -> list[Evidence]:
        kept = []
        for each in row.evidence:
            path = _copy(folder, each.path, self._prefix, self._output)
            if path is None:
                self._said.append(f"{self._label}: {each.path} is not there, and was left out")
            else:
                kept.append(replace(each, path=path))
        return kept


def _copy(folder: Path, path: str, prefix: str, output: Path) -> str | None:
    """Copy a file of evidence; the path under which it lies now, or None where it is no file of that folder."""
    source = folder / path
    # A link in a stranger's folder may lead anywhere.
    if not source.is_file() or not source.resolve().is_relative_to((folder / EVIDENCE).resolve()):
        return None
    _, name, file = path.split("/")
    target = output / EVIDENCE / f"{prefix}~{name}"
    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target / file)
    return f"{EVIDENCE}/{target.name}/{file}"


def _name(label: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "_", label)[:60]

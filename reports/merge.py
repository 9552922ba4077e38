"""``python -m reports merge``: one results file of many runs, each with a label, and their evidence beside it."""

import argparse
import contextlib
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import IO

from reports.commandline import CommandError, Commands, declare, wants_results, write
from reports.compare import read_labelled, wants_labels
from reports.plain import one_line
from reports.results import RESULTS, Results, read_file

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
    labels = [results.label for results in read_labelled(chosen)]
    for line in merge(chosen.results, labels, chosen.output):
        write(f"{one_line(line)}\n", None)
    return 0


def merge(paths: list[Path], labels: list[str], output: Path) -> list[str]:
    """Write the runs of all files into one folder.

    Args:
        paths: results files, or folders that hold one.
        labels: a label for each run, in the order of the files and of the runs in each.
        output: the folder; it is made where it is not there, and is none of those that are read.

    Returns:
        What was written, and which evidence was not there to be copied; a line each.

    Raises:
        CommandError: when the folder is among those that are read, or can't be written.
        ResultsError: when a file can't be read.
    """
    folders = {(path if path.is_dir() else path.parent).resolve() for path in paths}
    if output.resolve() in folders:
        raise CommandError(f"{output}: is read from, and can't be written to as well")
    said: list[str] = []
    partly = output / f".{RESULTS}.{os.getpid()}"
    left = iter(enumerate(labels, start=1))
    try:
        output.mkdir(parents=True, exist_ok=True)
        with partly.open("w", encoding="utf-8") as file:
            # A file at a time: together they may be more than the memory holds.
            for path in paths:
                for results in read_file(path):
                    number, label = next(left)
                    said += _add(results, label, f"{number}-{_name(label)}", file, output)
        partly.replace(output / RESULTS)
    except OSError as error:
        raise CommandError(f"{output}: can't be written: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            partly.unlink()
    return [*said, f"wrote {output / RESULTS}, with {len(labels)} runs"]


def _add(results: Results, label: str, prefix: str, file: IO[str], output: Path) -> list[str]:
    said = []
    file.write(replace(results.run, label=label).line())
    for row in results.rows:
        kept = []
        for each in row.evidence:
            path = _copy(results.folder, each["path"], prefix, output)
            if path is None:
                said.append(f"{label}: {each['path']} is not there, and was left out")
            else:
                kept.append({**each, "path": path})
        file.write(replace(row, run=label, evidence=kept).line())
    if results.end is not None:
        file.write(replace(results.end, run=label).line())
    if results.incomplete:
        said.append(f"{label}: INCOMPLETE: {results.incomplete}")
    return said


def _copy(folder: Path | None, path: str, prefix: str, output: Path) -> str | None:
    """Copy a file of evidence; the path under which it lies now, or None where it is no file of that folder."""
    if folder is None:
        return None
    source = folder / path
    # A link in a stranger's folder may lead anywhere.
    if not source.is_file() or not source.resolve().is_relative_to((folder / "evidence").resolve()):
        return None
    _, name, file = path.split("/")
    target = output / "evidence" / f"{prefix}~{name}"
    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target / file)
    return f"evidence/{target.name}/{file}"


def _name(label: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "_", label)[:60]

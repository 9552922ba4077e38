"""``python -m reports html``: the page anew, from results that are there, of one kernel or of many side by side."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from reports.commandline import CommandError, Commands, declare, name, wants_labels, wants_output, wants_results, write
from reports.html.page_data import Packer
from reports.html.render import page, way_to
from results.files import PAGE
from results.reader import default_label, folder_of, read_runs, records
from results.records import Carrier, End, Row, Run

_EXAMPLES = """reports/out
old/results.jsonl -o old.html
6.1 6.12 6.18 -o kernels.html"""


def add_command(commands: Commands) -> None:
    """Declare ``python -m reports html``."""
    parser = declare(commands, "html", "write the report as one HTML page, with a column for each run", _EXAMPLES, _run)
    parser.description = (
        f"{parser.description}\n\nEvidence is linked to where it lies: merge puts it, and the page, into one folder."
    )
    wants_results(parser, many=True)
    wants_labels(parser)
    wants_output(parser, "index.html beside the results")


def _run(chosen: argparse.Namespace) -> int:
    if chosen.output is None and len(chosen.results) > 1:
        raise CommandError("-o has to say where the page of several results goes")
    output: Path = chosen.output or folder_of(chosen.results[0]) / PAGE
    if chosen.label:
        name(read_runs(chosen.results), chosen.label)
    write_page(chosen.results, output, chosen.label)
    write(f"wrote {output}\n", None)
    return 0


def write_page(paths: Sequence[Path], output: Path, labels: Sequence[str] = ()) -> None:
    """Write the page of all runs in these files; they are read row by row, and never are in memory whole.

    Args:
        paths: results files, or folders that hold one.
        output: where the page goes.
        labels: names for the first runs; the others keep theirs.

    Raises:
        CommandError: when the page can't be written.
        ResultsError: when a file can't be read.
    """
    packer = Packer()
    names = list(labels)
    for path in paths:
        base = way_to(folder_of(path), output.parent)
        numbers: list[int] = []
        for index, item in records(path):
            if isinstance(item, Run):
                label = names.pop(0) if names else item.label or default_label(item)
                numbers.append(packer.begin(item, label, base, folder_of(path)))
            elif isinstance(item, Row):
                packer.add(numbers[index], item)
            elif isinstance(item, End):
                packer.end(numbers[index], item)
            elif isinstance(item, Carrier):
                packer.carried(numbers[index], item)
            else:
                packer.damage(numbers[index], item)
    write(page(packer), output)

"""``python -m reports html``: the page anew, from results that are there."""

import argparse
from pathlib import Path

from reports.commandline import Commands, declare, wants_output, wants_results, write
from reports.html import render
from reports.results import read_results

_EXAMPLES = """reports/out
old/results.jsonl -o old.html"""


def add_command(commands: Commands) -> None:
    """Declare ``python -m reports html``."""
    parser = declare(commands, "html", "write the report as one HTML page, beside the results", _EXAMPLES, _run)
    wants_results(parser)
    wants_output(parser, "index.html beside the results")


def _run(chosen: argparse.Namespace) -> int:
    results = read_results(chosen.results)
    folder = chosen.results if chosen.results.is_dir() else chosen.results.parent
    output: Path = chosen.output or folder / "index.html"
    write(render(results), output)
    write(f"wrote {output}\n", None)
    return 0

"""The schema of results.jsonl, for programs that read or write such files."""

import argparse
from pathlib import Path

from reports.commandline import Commands, declare, wants_output, write

SCHEMA = Path(__file__).parent.parent.parent / "results" / "results.schema.json"


def add_command(commands: Commands) -> None:
    """Declare ``python -m reports schema``."""
    wants_output(declare(commands, "schema", "print the JSON schema of a line of results.jsonl", "> schema.json", _run))


def _run(chosen: argparse.Namespace) -> int:
    write(SCHEMA.read_text(encoding="utf-8"), chosen.output)
    return 0

"""The schema of results.jsonl, for programs that read or write such files."""

import argparse
import json

from reports.commandline import Commands, declare, wants_output, write
from results.schema import json_schema


def add_command(commands: Commands) -> None:
    """Declare ``python -m reports schema``."""
    wants_output(declare(commands, "schema", "print the JSON schema of a line of results.jsonl", "> schema.json", _run))


def _run(chosen: argparse.Namespace) -> int:
    write(json.dumps(json_schema(), indent=2) + "\n", chosen.output)
    return 0

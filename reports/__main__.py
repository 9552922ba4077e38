"""``python -m reports``: whatever is made of results that are there; each subcommand stands in a module of its own."""

import argparse
import sys

from reports import text
from reports.commandline import EXIT, carry_out
from reports.commands import compare, merge, reproduce, schema, suggest_expectations
from reports.formats import badge, csv_rows, disagreements, github, kcidb, ktap, tmt
from reports.html import command as html


def main(arguments: list[str] | None = None) -> int:
    """Carry out one subcommand, and give the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m reports",
        description="Make something of results that kconform wrote: pages, formats that others read, comparisons.",
        epilog=f"python -m reports COMMAND --help says more of each, with examples.\n{EXIT}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    html.add_command(commands)
    text.add_command(commands)
    compare.add_command(commands)
    merge.add_command(commands)
    disagreements.add_command(commands)
    suggest_expectations.add_command(commands)
    ktap.add_command(commands)
    kcidb.add_command(commands)
    tmt.add_command(commands)
    github.add_command(commands)
    badge.add_command(commands)
    csv_rows.add_command(commands)
    reproduce.add_command(commands)
    schema.add_command(commands)
    return carry_out(parser, arguments)


if __name__ == "__main__":
    sys.exit(main())

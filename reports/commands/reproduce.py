"""``python -m reports reproduce``: a row as one C program that needs nothing but a compiler, from its results alone."""

import argparse
from pathlib import Path

from programs.reproduce import reproduce
from programs.words import NotExpressible
from reports.commandline import CommandError, Commands, declare, wants_output, write
from results.reader import read_many


def add_command(commands: Commands) -> None:
    """Declare ``reproduce``."""
    parser = declare(
        commands,
        "reproduce",
        "write a row as a C program that makes the same calls in the same private network",
        "connect.EISCONN.tcp/inet-stream-blocking-syscall -o row.c\n"
        "connect.EISCONN.tcp/inet-stream-blocking-syscall --results reports/out | cc -Wall -pthread -x c - -o row",
        _carry_out,
    )
    parser.add_argument("row", metavar="ROW", help="the row's id, CLAUSE/VARIANT")
    parser.add_argument(
        "--results",
        type=Path,
        default=Path("reports/out"),
        metavar="RESULTS",
        help="a results.jsonl, or the folder that holds it (default: reports/out)",
    )
    wants_output(parser)


def _carry_out(chosen: argparse.Namespace) -> int:
    try:
        write(reproduce(read_many([chosen.results]), chosen.row), chosen.output)
    except LookupError as error:
        raise CommandError(str(error.args[0])) from error
    except NotExpressible as error:
        raise CommandError(f"{chosen.row} can't be written as a program: {error}") from error
    return 0

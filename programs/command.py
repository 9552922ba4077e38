"""``python -m reports reproduce``: a row as one C program that needs nothing but a compiler, from its results alone."""

import argparse
from pathlib import Path

from programs.program import program
from programs.words import NotExpressible
from reports.commandline import CommandError, Commands, declare, wants_output, write
from results.reader import Results, read_many

__all__ = ["NotExpressible", "add_command", "reproduce"]


def reproduce(several: list[Results], row_id: str) -> str:
    """The C program of a row, from the first run that has it.

    Raises:
        LookupError: when the results have no such row.
        NotExpressible: when the row can't be written as a program (yet), with the reason.
    """
    found = ((results, row) for results in several for row in results.rows if row.id == row_id)
    results, row = next(found, (None, None))
    if results is None or row is None:
        raise LookupError(f"there is no row '{row_id}' in these results")
    try:
        return program(row, results.run, results.clauses.get(row.clause))
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
        raise NotExpressible(f"its record is not well formed: {type(error).__name__}: {error}") from error


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

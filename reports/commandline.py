"""What the subcommands of ``python -m reports`` have in common: how they are declared, and where their output goes.

Each subcommand lives in the module of what it makes, as a function ``add_command`` which declares it here.
"""

import argparse
import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from results.printable import one_line
from results.reader import Results, ResultsError

# argparse has no public name for it, and what it has takes no parameter when it runs.
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001  As the line above says.
Action = Callable[[argparse.Namespace], int]

EXIT = "exit status: 0 done, 1 the answer is no (compare), 2 the command or a file that it was given is wrong"


class CommandError(Exception):
    """A subcommand can't do what it was asked; the message is one line."""


def declare(commands: Commands, name: str, words: str, examples: str, action: Action) -> argparse.ArgumentParser:
    """Declare a subcommand: its name, what it does in a few words, examples (a line each), and what carries it out.

    The action gives the exit status; it may raise ``ResultsError``, ``CommandError`` or ``OSError``.
    """
    made = commands.add_parser(
        name,
        help=words,
        description=f"{words[0].upper()}{words[1:]}.",
        epilog="examples:\n" + "\n".join(f"  python -m reports {name} {line}" for line in examples.splitlines()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.set_defaults(action=action)
    return made


def wants_results(parser: argparse.ArgumentParser, *, many: bool = False) -> None:
    """Let a subcommand take results: as ``results``, a path, or several paths where ``many``."""
    words = "a results.jsonl, or the folder that holds it"
    if many:
        parser.add_argument("results", type=Path, nargs="+", metavar="RESULTS", help=words)
    else:
        parser.add_argument("results", type=Path, metavar="RESULTS", help=words)


def wants_labels(parser: argparse.ArgumentParser) -> None:
    """Let a subcommand take a name for each run, as ``label``."""
    words = "what a run is called, in the order of the runs (default: its kernel's release, and root or user)"
    parser.add_argument("--label", action="append", default=[], metavar="NAME", help=words)


def name(several: list[Results], labels: list[str]) -> None:
    """Call the first of several runs by these labels; the others keep theirs.

    Raises:
        CommandError: when there are more labels than runs, or one stands for two runs.
    """
    if len(labels) > len(several):
        raise CommandError(f"--label was given {len(labels)} times for {len(several)} runs")
    for results, label in zip(several, labels, strict=False):
        results.label = label
    every = [results.label for results in several]
    twice = next((label for label in every if every.count(label) > 1), None)
    if twice is not None:
        raise CommandError(f"two runs have the label {twice!r}")


def wants_output(parser: argparse.ArgumentParser, default: str = "standard output") -> None:
    """Let a subcommand take ``-o FILE``, as ``output``; None stands for the default, which is named in the help."""
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help=f"where it goes (default: {default})")


def write(text: str, output: Path | None) -> None:
    """Write a text to a file, whole or not at all, or to the standard output.

    Raises:
        CommandError: when the file can't be written.
    """
    if output is None or str(output) == "-":
        sys.stdout.write(text)
        return
    partly = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        if output.exists() and not output.is_file():
            # A device or a pipe is written to; to put a file in its place would take it away from everybody.
            output.write_text(text, encoding="utf-8")
            return
        partly.write_text(text, encoding="utf-8")
        partly.replace(output)
    except OSError as error:
        with contextlib.suppress(OSError):
            partly.unlink()
        raise CommandError(f"{output}: can't be written: {error.strerror}") from error


def carry_out(parser: argparse.ArgumentParser, arguments: list[str] | None = None) -> int:
    """Parse the arguments and carry out the subcommand; whatever is wrong is said in one line.

    Returns:
        The exit status.
    """
    for stream in (sys.stdout, sys.stderr):
        # A terminal that is not UTF-8 gets escapes for what it can't show.
        getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")
    chosen = parser.parse_args(arguments)
    try:
        status: int = chosen.action(chosen)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has seen enough; Python would complain of it once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ResultsError, CommandError) as error:
        sys.stderr.write(f"{parser.prog} {chosen.command}: {one_line(str(error))}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"{parser.prog} {chosen.command}: {one_line(f'{error.filename}: {error.strerror}')}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    return status

"""The command line: the options that kconform adds to pytest's, and the one that only prints.

A pytest plugin. What the options mean is decided where they are used.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from fixtures.marks import ALL
from reports.text import listing
from results.files import RESUME
from wiring.collection import load
from wiring.rerun import MODES


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of kconform."""
    group = parser.getgroup("kconform", "conformance rows, what to run of them and where to report")
    group.addoption("--results", metavar="DIR", help="write results.jsonl, index.html and junit.xml into DIR")
    group.addoption(
        "--no-report", action="store_true", help="write results.jsonl and junit.xml only, and not the page index.html"
    )
    group.addoption(
        "--evidence",
        choices=MODES,
        default="failed",
        help="of which rows packets, sockets and network are kept beside the results: all (slow), failed (those that "
        "are not as expected, run once more for it; the default), none",
    )
    group.addoption("--clause", action="append", default=[], metavar="GLOB", help="run only rows of these clauses")
    group.addoption("--document", action="append", default=[], metavar="GLOB", help="run only rows of these documents")
    group.addoption(
        "--entry", action="append", default=[], choices=ALL, help="run only rows through these entry points"
    )
    group.addoption("--door", action=_Renamed, dest="entry", help=argparse.SUPPRESS)
    group.addoption("--row", action="append", default=[], metavar="GLOB", help="run only these rows, by row id")
    group.addoption("--slow", action="store_true", help="exercise the rows that take minutes, too")
    group.addoption(
        "--resume",
        choices=RESUME,
        default="",
        help="go on with the run in the folder of --results, which was cut off: with the rows that were under way, one "
        "at a time; with the rest; or with nothing, so that it has an end",
    )
    group.addoption(
        "--share",
        type=_share,
        metavar="K/N",
        help="run only the Kth of N shares of the rows: N machines, or guests, with a share each run all of them",
    )
    group.addoption("--list-clauses", action="store_true", help="print the catalogue (as selected) and exit")


def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Answer --list-clauses without running anything."""
    if not config.option.list_clauses:
        return None
    suites, chosen = load(config)
    for suite in suites:
        shown = [each for each in suite.clauses.values() if chosen.wants("", each.id, each.documents)]
        print("\n".join(listing(shown)))  # noqa: T201  The answer to --list-clauses.
    return 0


class _Renamed(argparse.Action):
    """The former name of an option: it still works for one release, and says what it is called now."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Take the value as that of the new option."""
        if values not in ALL:
            parser.error(f"argument {option_string}: invalid choice: '{values}' (choose from {', '.join(ALL)})")
        sys.stderr.write(f"warning: {option_string} is now --{self.dest}; the next release drops the old name\n")
        setattr(namespace, self.dest, [*getattr(namespace, self.dest), values])


def _share(text: str) -> tuple[int, int]:
    """``K/N``, as the number of a share from 0, and how many there are.

    Raises:
        ArgumentTypeError: when it is something else.
    """
    found = re.fullmatch(r"([0-9]{1,4})/([0-9]{1,4})", text)
    number, count = (int(part) for part in found.groups()) if found else (0, 0)
    if not 1 <= number <= count:
        raise argparse.ArgumentTypeError(f"'{text}' is no share: write 1/2 for the first of two")
    return number - 1, count

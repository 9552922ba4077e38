"""``python -m reports badge``: one picture, SVG, that says in a few words how a run came out."""

import argparse
from dataclasses import dataclass
from html import escape

from reports.commandline import Commands, declare, wants_output, wants_results, write
from results.printable import one_line
from results.reader import Results, read_many
from results.records import CONFORMS, DEVIATES

_EXAMPLES = """reports/out -o conformance.svg
reports/out --name "connect(2) on 6.18" -o conformance.svg"""
# Dark enough for white letters: a contrast of at least 4.5 to 1.
_GREEN, _RED, _GREY, _LEFT = "#1a7f37", "#b42318", "#57606a", "#24292f"
_CHARACTER = 6.4  # Units that a character of the badge is wide; textLength makes it hold for every font.


@dataclass(frozen=True)
class Badge:
    """What a badge says: of what, what, and in which colour."""

    name: str
    words: str
    colour: str


def add_command(commands: Commands) -> None:
    """Declare ``python -m reports badge``."""
    parser = declare(commands, "badge", "draw a badge, as SVG", _EXAMPLES, _run)
    wants_results(parser, many=True)
    parser.add_argument("--name", help="what stands at its left (default: what the suites are about)")
    wants_output(parser)


def _run(chosen: argparse.Namespace) -> int:
    write(svg(badge(read_many(chosen.results, light=True), chosen.name)), chosen.output)
    return 0


def badge(several: list[Results], name: str | None = None) -> Badge:
    """What a badge says of these runs together."""
    titles = dict.fromkeys(suite.title.partition(":")[0] for each in several for suite in each.run.suites)
    name = one_line(name or ", ".join(titles) or "kconform", 60)
    rows = [row for results in several for row in results.rows]
    unexpected = sum(row.unexpected for row in rows)
    tried = sum(row.verdict in (CONFORMS, DEVIATES) for row in rows)
    conforming = sum(row.verdict == CONFORMS for row in rows)
    if unexpected:
        return Badge(name, f"{unexpected} unexpected", _RED)
    if any(results.incomplete for results in several):
        return Badge(name, "incomplete", _GREY)
    if not tried:
        return Badge(name, "nothing exercised", _GREY)
    if conforming == tried:
        return Badge(name, "conforms", _GREEN)
    return Badge(name, f"{conforming} of {tried} rows conform", _GREEN)


def svg(made: Badge) -> str:
    """The badge as a picture that needs nothing else, and that a screen reader can read."""
    left, right = (round(len(text) * _CHARACTER) + 12 for text in (made.name, made.words))
    said = escape(f"{made.name}: {made.words}")
    size = f'width="{left + right}" height="20"'
    return f"""<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{said}">
<title>{said}</title>
<rect width="{left}" height="20" fill="{_LEFT}"/>
<rect x="{left}" width="{right}" height="20" fill="{made.colour}"/>
<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">
{_words(made.name, 6, left)}
{_words(made.words, left + 6, right)}
</g>
</svg>
"""


def _words(text: str, start: int, width: int) -> str:
    return f'<text x="{start}" y="14" textLength="{width - 12}">{escape(text)}</text>'

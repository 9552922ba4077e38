"""``python -m reports compare``: what differs between runs, as a table, as JSON or as a page; and a gate for a CI."""

import argparse
import json
from pathlib import Path
from typing import Any

from reports.commandline import CommandError, Commands, declare, name, wants_labels, wants_results, write
from reports.commands.allowances import Allowance, allowance, load_allowances, unused
from reports.html.command import write_page
from reports.text import privilege
from results.catalogue import CatalogueError
from results.changes import CHANGES, NEW, SAME, WORDS, WORSE, Difference, cell, compare, counts, steps
from results.printable import one_line
from results.reader import Results, read_many
from results.records import Row

SHOWN = 20
_WIDEST_CELL = 40
_TITLES = {WORSE: "GOT WORSE", "changed": "changed", "better": "got better", NEW: "new", SAME: "the same"}
_RULE = """Every run is compared with the first, row by row. A row got worse when it conformed and now deviates; when it
was judged and now is not exercised or missing; when it deviates as nobody expects and did not before;
or when it became a harness error. --allow names a TOML file of rows that may, each with a reason:

  [[allow]]
  rows = "connect.EINTR.*/inet6-*"   # by row id; * stands for anything
  becomes = "not-exercised"          # left out: whatever it became
  reason = "The new machines have no IPv6."
"""
_EXAMPLES = """old/results.jsonl reports/out
6.1 6.12 6.18 --label stable --label longterm --label next
old new --allow known.toml --json differences.json --html differences.html
merged --all"""


def add_command(commands: Commands) -> None:
    """Declare ``python -m reports compare``."""
    words = "say what changed between runs, or differs among kernels; exit status 1 where a row got worse"
    parser = declare(commands, "compare", words, _EXAMPLES, _run)
    parser.description = f"{parser.description}\n\n{_RULE.rstrip()}"
    wants_results(parser, many=True)
    wants_labels(parser)
    parser.add_argument("--allow", type=Path, metavar="FILE", help="rows that may get worse, as above")
    parser.add_argument("--forgive-missing", action="store_true", help="a row that is missing is no change")
    parser.add_argument("--all", action="store_true", help=f"show every row that differs, not {SHOWN} of each kind")
    words = "write it as JSON, too; - prints that instead of the table"
    parser.add_argument("--json", type=Path, metavar="FILE", help=words)
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="write it as a page, too: its filter knows is:different"
    )


def _run(chosen: argparse.Namespace) -> int:
    several = read_many(chosen.results, light=True)
    name(several, chosen.label)
    if len(several) < 2:
        raise CommandError("there is one run only: name two results, or a file that holds several runs")
    try:
        entries = load_allowances(chosen.allow) if chosen.allow else []
    except CatalogueError as error:
        raise CommandError(str(error)) from error
    differences = compare(several, forgive_missing=chosen.forgive_missing)
    allowed = {each.id: entry for each in differences if (entry := allowance(each, entries)) is not None}
    if chosen.json:
        write(as_json(several, differences, allowed), chosen.json)
    if chosen.html:
        write_page(chosen.results, chosen.html, [results.label for results in several])
    if chosen.json != Path("-"):
        shown = None if chosen.all else SHOWN
        lines = [*table(several, differences, allowed, shown), *_notes(entries, differences)]
        if chosen.html:
            lines.append(one_line(f"what differs, as a page: {chosen.html}#rows?q=is:different"))
        write("".join(f"{line}\n" for line in lines), None)
    return int(any(each.change == WORSE and each.id not in allowed for each in differences))


def table(
    several: list[Results], differences: list[Difference], allowed: dict[str, Allowance], shown: int | None
) -> list[str]:
    """The comparison for the terminal: the runs, the rows that differ by kind, and the numbers.

    Args:
        several: the runs.
        differences: what ``compare`` made of them.
        allowed: entries by the id of a row that got worse, and may.
        shown: how many rows of a kind are shown; None for all.
    """
    lines = [line for results in several for line in _head(results)]
    for kind in CHANGES[:-1]:
        rows = [each for each in differences if each.change == kind and each.id not in allowed]
        lines += _section(f"{_TITLES[kind]} ({len(rows)})", rows, several, shown)
    rows = [each for each in differences if each.id in allowed]
    lines += _section(f"got worse, and may ({len(rows)})", rows, several, shown)
    lines += [f"    {entry.reason}: {entry.rows}" for entry in dict.fromkeys(allowed.values())]
    lines.append("")
    for index, results in enumerate(several[1:], start=1):
        lines += [
            f"{results.label}: {number} {'row' if number == 1 else 'rows'}: {WORDS[old]} -> {WORDS[new]}"
            for old, new, number in steps(differences, index)
        ]
    numbers = counts(differences)
    numbers[WORSE] -= len(allowed)
    said = [f"{number} {_TITLES[kind].lower()}" for kind, number in numbers.items()]
    if allowed:
        said.insert(1, f"{len(allowed)} got worse and may")
    lines.append(f"{len(differences)} rows: {', '.join(said)}")
    return [one_line(line) for line in lines]


def as_json(several: list[Results], differences: list[Difference], allowed: dict[str, Allowance]) -> str:
    """The comparison for programs: the runs, the numbers, and every row that differs with what each run says of it."""
    data = {
        "schema": 1,
        "runs": [_run_facts(results) for results in several],
        "counts": counts(differences),
        "allowed": len(allowed),
        "rows": [
            {
                "id": each.id,
                "change": each.change,
                "allowed": allowed[each.id].reason if each.id in allowed else None,
                "runs": [
                    {"label": results.label, "change": change, **_row_facts(row)}
                    for results, change, row in zip(several, ("", *each.changes), each.rows, strict=True)
                ],
            }
            for each in differences
            if each.different
        ],
    }
    return json.dumps(data, indent=1) + "\n"


def _head(results: Results) -> list[str]:
    kernel = results.run.kernel
    words = f"{kernel.name} {kernel.release} {kernel.machine}, {privilege(results)}, {results.run.started}"
    lines = [f"{results.label}: {words}, {len(results.rows)} rows"]
    if results.incomplete:
        lines.append(f"    INCOMPLETE: {results.incomplete}")
    return lines


def _section(title: str, rows: list[Difference], several: list[Results], shown: int | None) -> list[str]:
    if not rows:
        return []
    lines = [(title, *(results.label for results in several))]
    lines += [(each.id, *(cell(row) for row in each.rows)) for each in rows[:shown]]
    cells = [
        tuple(one_line(text, _WIDEST_CELL if index else None) for index, text in enumerate(line)) for line in lines
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    made = ["  ".join(f"{text:<{width}}" for text, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    if shown is not None and len(rows) > shown:
        made.append(f"and {len(rows) - shown} more; --all shows them")
    return ["", *made]


def _notes(entries: list[Allowance], differences: list[Difference]) -> list[str]:
    return [
        one_line(f"note: nothing got worse that --allow has for {each.rows}") for each in unused(entries, differences)
    ]


def _run_facts(results: Results) -> dict[str, Any]:
    run = results.run
    return {
        "label": results.label,
        "kernel": {"name": run.kernel.name, "release": run.kernel.release, "machine": run.kernel.machine},
        "privilege": run.privilege.kind,
        "started": run.started,
        "rows": len(results.rows),
        "incomplete": results.incomplete or None,
    }


def _row_facts(row: Row | None) -> dict[str, Any]:
    if row is None:
        return {"verdict": None}
    keys = ("verdict", "unexpected", "expected", "observed", "reason")
    return {key: getattr(row, key) for key in keys}

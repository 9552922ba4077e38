"""``python -m reports csv``: the rows as CSV, a line each, for spreadsheets and scripts.

A spreadsheet takes a cell that begins with ``=``, ``+``, ``-`` or ``@`` for a formula, and a results file may come from
a stranger: such a cell gets an apostrophe before it, which says that it is a text.
"""

import argparse
import csv
import io

from reports.commandline import Commands, declare, wants_output, wants_results, write
from results.printable import one_line
from results.reader import Results, read_many
from results.records import Row

COLUMNS = (
    "run",
    "row",
    "clause",
    "family",
    "type",
    "mode",
    "entry",
    "case",
    "verdict",
    "unexpected",
    "allowed",
    "observed",
    "reason",
    "expectation",
    "seconds",
    "documents",
    "rerun",
)
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # Also as wide as a sign of East Asia.
_EXAMPLES = """reports/out
6.1 6.12 6.18 -o rows.csv"""


def add_command(commands: Commands) -> None:
    """Declare ``python -m reports csv``."""
    parser = declare(commands, "csv", "write the rows as CSV", _EXAMPLES, _run)
    wants_results(parser, many=True)
    wants_output(parser)


def _run(chosen: argparse.Namespace) -> int:
    write(rows_as_csv(read_many(chosen.results, light=True)), chosen.output)
    return 0


def rows_as_csv(several: list[Results]) -> str:
    """The rows of all runs, with a line of column names first."""
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\n")
    writer.writerow(COLUMNS)
    for results in several:
        documents = {id_: " ".join(clause.documents) for id_, clause in results.clauses.items()}
        for row in results.rows:
            cells = [_cell(text) for text in _texts(results, row, documents.get(row.clause, ""))]
            # The one number: as it is, and never negative.
            cells[COLUMNS.index("seconds")] = f"{row.seconds:.6f}"
            writer.writerow(cells)
        # A run that was cut off says so where nobody who reads the rows can miss it.
        if results.incomplete:
            writer.writerow([_cell(results.label), "INCOMPLETE", *[""] * 10, _cell(results.incomplete), *[""] * 4])
    return made.getvalue()


def _texts(results: Results, row: Row, documents: str) -> tuple[str | None, ...]:
    variant = row.variant
    return (
        results.label,
        row.id,
        row.clause,
        variant.family,
        variant.type,
        variant.mode,
        variant.entry,
        variant.case,
        row.verdict,
        "yes" if row.unexpected else "no",
        row.expected,
        row.observed,
        row.reason,
        None if row.expectation is None else row.state,
        None,
        documents,
        row.rerun,
    )


def _cell(text: str | None) -> str:
    line = one_line(text or "")
    return f"'{line}" if line.lstrip().startswith(_FORMULA) else line

"""The page of disagreements: where documents and kernel part, made of a results file.

For each clause that deviates, or that says of itself that another document has it otherwise: both sides in our own
words, what was observed, and the row that shows it.
"""

import argparse
from collections.abc import Iterator

from reports.commandline import Commands, declare, wants_output, wants_results, write
from results.printable import one_line
from results.reader import Results, read_results
from results.records import DEVIATES, Clause
from results.scores import ClauseScore, score_clauses

_HEAD = """# Where documents and kernel part

Generated from the catalogue and a run on {kernel} ({date}) by `python -m reports disagreements`; do not edit by hand.

Each clause says what its documents say. Below are the clauses from which this kernel deviates, and those on which
documents disagree among themselves. What was observed is what the named row saw; `pytest --row ROW` shows it again.
"""


def add_command(commands: Commands) -> None:
    """Declare ``python -m reports disagreements``."""
    words = "write the page on which documents and kernel part, as Markdown"
    parser = declare(commands, "disagreements", words, "reports/out -o disagreements.md", _run)
    wants_results(parser)
    wants_output(parser)


def _run(chosen: argparse.Namespace) -> int:
    write(disagreements(read_results(chosen.results)), chosen.output)
    return 0


def disagreements(results: Results) -> str:
    """The page as Markdown."""
    facts = results.run.kernel
    kernel = _words(f"{facts.name} {facts.release}, {facts.machine}")
    scores = score_clauses(results)
    deviating = [score for score in scores.values() if score.verdict == DEVIATES]
    others = [score for score in scores.values() if score.clause.disagreement and score.verdict != DEVIATES]
    lines = [_HEAD.format(kernel=kernel, date=_words(results.run.started[:10]))]
    if results.incomplete:
        lines.append(f"**Incomplete:** {_words(results.incomplete)}.\n")
    lines += [f"## The kernel deviates ({len(deviating)})\n"]
    for score in deviating:
        lines += _deviation(score)
    lines += [f"## The kernel conforms, and another document has it otherwise ({len(others)})\n"]
    for score in others:
        lines += _conforming(score)
    return "\n".join(lines).rstrip() + "\n"


def _deviation(score: ClauseScore) -> Iterator[str]:
    yield from _clause(score.clause)
    # Rows that saw the same are named by the first of them.
    seen: dict[tuple[str, str], list[str]] = {}
    reasons: dict[str, str] = {}
    for row in score.rows:
        if row.verdict == DEVIATES:
            seen.setdefault((row.expected or "", row.observed or ""), []).append(row.id)
            if row.expectation is not None:
                reasons.setdefault(row.expectation.reason, row.expectation.document)
    for (expected, observed), rows in seen.items():
        more = f" and {len(rows) - 1} more" if len(rows) > 1 else ""
        yield f"- Allowed: `{_code(expected)}`. Observed: `{_code(observed)}` in `{_code(rows[0])}`{more}."
    conforming = sum(row.verdict != DEVIATES for row in score.rows)
    if conforming:
        yield f"- {conforming} other rows of the clause do not deviate."
    for reason, document in reasons.items():
        yield f"- The kernel's side: {_words(reason)} ({_words(document)})"
    if score.clause.disagreement:
        yield f"- {_words(score.clause.disagreement)}"
    yield ""


def _conforming(score: ClauseScore) -> Iterator[str]:
    yield from _clause(score.clause)
    shown = next((row for row in score.rows if row.observed is not None), None)
    if shown is not None:
        yield f"- Observed: `{_code(shown.observed or '')}` in `{_code(shown.id)}`."
    else:
        yield f"- {_words(score.reason) or 'Not observed in this run.'}"
    yield f"- {_words(score.clause.disagreement)}"
    yield ""


def _clause(clause: Clause) -> Iterator[str]:
    yield f"### {_words(clause.id)}\n"
    yield f"{_words(clause.statement)} ({_words('; '.join(clause.sources))})\n"


def _code(text: str) -> str:
    """A text that can stand between backticks."""
    return one_line(text).replace("`", "'")


def _words(text: str) -> str:
    """A text of a sentence or two: Markdown in it stays, for a catalogue may have some; markup and links do not."""
    return one_line(text).replace("<", "&lt;").replace("](", "]\\(").lstrip("#->+*=~ ")

"""The HTML report: one page that opens from disk, made of one run's results and nothing else.

The page is Jinja2 with autoescape on, so that nothing that came from a kernel, a host or a file can inject anything.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reports.conformance import DocumentScore, reasons_not_exercised, score_clauses, score_documents
from reports.records import CONFORMS, DEVIATES, HARNESS_ERROR, NOT_EXERCISED, Row
from reports.results import Results
from reports.terminal import privilege

_PAGE = Path(__file__).parent / "page"


@dataclass(frozen=True)
class _State:
    """How a verdict looks: a CSS class and the words for it."""

    css: str
    words: str


def write_html(results: Results, path: Path) -> None:
    """Render the report into a file."""
    path.write_text(render(results), encoding="utf-8")


def render(results: Results) -> str:
    """The report as a text."""
    # Imported late: only whoever renders pays for the template engine.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_PAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["state"] = _state
    environment.filters["bar"] = _bar
    environment.filters["milliseconds"] = _milliseconds
    clauses = score_clauses(results)
    documents = score_documents(results)
    return environment.get_template("report.html.j2").render(
        results=results,
        run=results.run,
        title=", ".join(suite["title"] for suite in results.run.suites),
        privilege=privilege(results),
        counts=_counts(results.rows),
        documents=documents,
        clauses=clauses,
        unexpected=[row for row in results.rows if row.unexpected],
        known=[score for score in clauses.values() if score.verdict == DEVIATES and not score.unexpected],
        reasons=reasons_not_exercised(results),
        style=(_PAGE / "report.css").read_text(encoding="utf-8"),
        script=(_PAGE / "report.js").read_text(encoding="utf-8"),
    )


def _state(item: Any) -> _State:
    """The look of a row, a clause or a sentence."""
    if item.verdict == HARNESS_ERROR:
        return _State("error", "harness error")
    if item.verdict == NOT_EXERCISED:
        return _State("none", "not exercised")
    if item.verdict == CONFORMS:
        return _State("bad", "conforms, unexpectedly") if item.unexpected else _State("good", "conforms")
    return _State("bad", "deviates") if item.unexpected else _State("known", "deviates, as expected")


def _counts(rows: list[Row]) -> list[tuple[str, str, int]]:
    """Rows by state: css class, words, number."""
    order = [
        ("good", "conform"),
        ("known", "deviate as expected"),
        ("bad", "are unexpected"),
        ("none", "were not exercised"),
        ("error", "harness errors"),
    ]
    found = [_state(row).css for row in rows]
    return [(css, words, found.count(css)) for css, words in order]


def _bar(score: DocumentScore) -> list[tuple[str, int, float]]:
    """The parts of a document's bar: css class, number of statements, percent of all."""
    states = [_state(item).css for item in score.statements]
    parts = [(css, states.count(css)) for css in ("good", "known", "bad", "error", "none")]
    return [(css, number, 100 * number / len(states)) for css, number in parts if number]


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.1f}"

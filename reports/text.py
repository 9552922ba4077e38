"""Words for the terminal: what a row that failed has to say, the summary of a run, and the list of clauses."""

import argparse
from collections import Counter
from collections.abc import Iterable

from reports.commandline import Commands, declare, wants_results, write
from results.printable import one_line
from results.reader import Results, read_many
from results.records import CONFORMS, DEVIATES, HARNESS_ERROR, NOT_EXERCISED, Clause, Row
from results.scores import NOT_SELECTED, DocumentScore, reasons_not_exercised, score_clauses, score_documents

_MANY = 20
_TITLE = "statements by document"


def add_command(commands: Commands) -> None:
    """Declare ``python -m reports summary``."""
    words = "print each run in a screenful, as a run itself does at its end"
    wants_results(declare(commands, "summary", words, "reports/out\nold/results.jsonl new", _run), many=True)


def _run(chosen: argparse.Namespace) -> int:
    for results in read_many(chosen.results, light=True):
        write("".join(f"{line}\n" for line in summary(results)), None)
    return 0


def failure(row: Row, clause: Clause | None, transcript: str, traceback: str) -> str:
    """What a person needs who sees one red row: what was asked, what came, who says so, how to see it again."""
    lines = [_headline(row)]
    if clause is not None:
        lines.append(f"clause      {clause.id}: {clause.statement}")
        lines += [f"document    {source}" for source in clause.sources]
        if clause.disagreement:
            lines.append(f"note        {clause.disagreement}")
    if row.verdict == HARNESS_ERROR:
        lines.append(f"reason      {row.reason}")
    else:
        lines += [f"allowed     {row.expected}", f"observed    {row.observed}"]
    if row.expectation is not None:
        lines.append(f"expectation {row.expectation.observed} was expected for {row.expectation.rows}")
        lines.append(f"            because {row.expectation.reason}")
    lines += ["transcript", *(f"  {line}" for line in transcript.splitlines())]
    if traceback:
        lines += ["where", *(f"  {line}" for line in traceback.splitlines())]
    lines.append(f"run it alone: {row.rerun}")
    return "\n".join(lines)


def _headline(row: Row) -> str:
    if row.verdict == HARNESS_ERROR:
        return f"harness-error: {row.id} could not be judged"
    if row.state == "stale":
        return f"stale expectation: {row.id} conforms, although a deviation is written down"
    if row.state == "other":
        return f"deviates: {row.id}, and not as written down"
    return f"deviates: {row.id}"


def word(row: Row) -> tuple[str, str]:
    """The letter and the word for a row in pytest's own progress."""
    if row.verdict == CONFORMS:
        return ("S", "STALE-EXPECTATION") if row.unexpected else (".", "CONFORMS")
    if row.verdict == DEVIATES:
        return ("D", "DEVIATES") if row.unexpected else ("d", "DEVIATES (expected)")
    return ("s", "NOT-EXERCISED") if row.verdict == NOT_EXERCISED else ("H", "HARNESS-ERROR")


def summary(results: Results) -> list[str]:
    """The run in a screenful: the kernel, each document's score, what is unexpected, what was not exercised and why."""
    kernel, rows = results.run.kernel, results.rows
    lines = [f"kernel {kernel.name} {kernel.release} {kernel.machine}, {privilege(results)}"]
    if results.incomplete:
        lines.append(f"INCOMPLETE: {results.incomplete}")
    lines += [f"DAMAGED: {what}" for what in results.damaged]
    scores = [score for score in score_documents(results) if score.rows]
    if scores:
        width = max(len(_TITLE), *(len(score.document.id) for score in scores))
        head = ("conform", "deviate as expected", "unexpected", "not exercised", "harness errors")
        lines.append(f"{_TITLE:<{width}}  " + "  ".join(head))
        lines += [_score_line(score, width, head) for score in scores]
    counts = Counter(row.verdict for row in rows)
    expected = sum(row.verdict == DEVIATES and not row.unexpected for row in rows)
    lines.append(
        f"rows: {len(rows)}: {counts[CONFORMS]} conform, {expected} deviate as expected, "
        f"{counts[DEVIATES] - expected} deviate unexpectedly, {counts[NOT_EXERCISED]} not exercised, "
        f"{counts[HARNESS_ERROR]} harness errors"
    )
    lines += _not_selected(results)
    lines += _not_exercised(results)
    lines += _unexpected(rows) or [
        f"nothing unexpected{' among the rows that are there' if results.incomplete else ''}"
    ]
    return [one_line(line) for line in lines]


def privilege(results: Results) -> str:
    """The run's rights in words."""
    facts = results.run.privilege
    if facts.kind == "root":
        return "as root"
    return f"as user {facts.uid} in a user namespace"


def _score_line(score: DocumentScore, width: int, head: Iterable[str]) -> str:
    numbers = (score.conforming, score.expected, score.unexpected, score.not_exercised, score.harness_errors)
    cells = "  ".join(f"{number:>{len(title)}}" for number, title in zip(numbers, head, strict=True))
    return f"{score.document.id:<{width}}  {cells}"


def _not_exercised(results: Results) -> list[str]:
    lines, clauses = [], results.clauses
    # A run of a few rows is not about what nobody can test: it is counted there, and explained by larger ones.
    few = 2 * len({row.clause for row in results.rows}) < len(clauses)
    untested = [id_ for id_, clause in clauses.items() if clause.untestable] if few else []
    for reason, ids in reasons_not_exercised(results):
        if reason != NOT_SELECTED and not set(ids) <= set(untested):
            lines.append(f"not exercised: {_some(ids)}: {reason}")
    if untested:
        lines.append(f"no test can try: {_some(untested)}")
    return lines


def _not_selected(results: Results) -> list[str]:
    """What the run was not about: clauses that could be tried, and have no row in it."""
    every = score_clauses(results)
    without = [name for name, score in every.items() if not score.rows and not score.clause.untestable]
    if not without:
        return []
    return [f"not selected: {len(without)} of {len(every)} clauses have no row here: {_some(without)}"]


def _some(ids: list[str]) -> str:
    return ", ".join(ids[:3]) + (f" and {len(ids) - 3} more" if len(ids) > 3 else "")


def _unexpected(rows: list[Row]) -> list[str]:
    found = [row for row in rows if row.unexpected]
    if not found:
        return []
    lines = [f"UNEXPECTED ({len(found)}):"]
    for row in found[:_MANY]:
        said = row.reason if row.verdict == HARNESS_ERROR else f"allowed {row.expected}, observed {row.observed}"
        lines += [f"  {word(row)[1]} {row.id}: {said}", f"      {row.rerun}"]
    if len(found) > _MANY:
        lines.append(f"  and {len(found) - _MANY} more; results.jsonl and index.html have them all")
    return lines


def listing(clauses: Iterable[Clause]) -> list[str]:
    """The catalogue, a clause a paragraph."""
    lines = []
    for clause in clauses:
        lines.append(f"{clause.id}: {clause.statement}")
        lines.append(f"    {'; '.join(clause.sources)}")
        if clause.untestable:
            lines.append(f"    no test: {clause.untestable}")
    return lines

"""``python -m reports tmt``: the results as tmt's custom ``results.yaml``: one result a run, a subresult a document.

A document that the kernel keeps to in all that was tried is ``pass``; one from which it parts only as written down is
``info``, since that is no pass and fails nothing. ``warn`` is never used: for tmt a run with a warning has failed.

Scalars are written as JSON writes strings, which YAML reads as they are; what comes from a results file is made
printable before.
"""

import argparse
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from reports.commandline import CommandError, Commands, declare, wants_output, wants_results, write
from reports.text import privilege
from results.files import CONSOLE, JUNIT, PAGE, RESULTS
from results.printable import one_line
from results.reader import Results, read_many
from results.records import HARNESS_ERROR, NOT_EXERCISED, VERDICTS, Row
from results.scores import DocumentScore, score_documents

ROWS = 10
"""How many rows that fail the run are named in the notes of a document."""

_EXAMPLES = """reports/out -o reports/results.yaml
$TMT_TEST_DATA/results -o $TMT_TEST_DATA/results.yaml"""
_LOGS = (PAGE, RESULTS, JUNIT, CONSOLE)
_LONGEST = 300  # Characters of a note.


def add_command(commands: Commands) -> None:
    """Declare ``python -m reports tmt``."""
    words = "write the results as tmt's results.yaml, with a subresult for each document"
    parser = declare(commands, "tmt", words, _EXAMPLES, _run)
    wants_results(parser, many=True)
    wants_output(parser)


def _run(chosen: argparse.Namespace) -> int:
    beside = Path.cwd() if chosen.output is None else chosen.output.parent
    write(tmt(read_many(chosen.results, light=True), beside), chosen.output)
    return 0


def tmt(several: list[Results], beside: Path) -> str:
    """The results as tmt reads them.

    Args:
        several: the runs; a single one is the result of tmt's test itself, of many each is a result below it.
        beside: the folder of tmt's test data, in or below which reports lie, and from which tmt fetches them.

    Raises:
        CommandError: when the files of a run lie elsewhere, where tmt would not find them.
    """
    alone = len(several) == 1
    made = [_result(results, "/" if alone else f"/{_name(results.label)}", beside) for results in several]
    return "\n".join(line for result in made for line in _yaml(result)) + "\n"


def _result(results: Results, name: str, beside: Path) -> dict[str, Any]:
    kernel = results.run.kernel
    facts = f"kernel {kernel.name} {kernel.release} {kernel.machine}, {privilege(results)}"
    wrong = _what_went_wrong(results)
    counts = Counter(row.verdict for row in results.rows)
    found = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict]) or "none"
    made: dict[str, Any] = {
        "name": name,
        "result": "error" if wrong else _outcome(results.rows),
        "note": [facts, f"rows: {found}", *wrong],
        "log": _logs(results, beside),
        "subresult": [_subresult(score) for score in score_documents(results)],
    }
    if results.end is not None:
        minutes, seconds = divmod(max(0, round(results.end.seconds)), 60)
        made["duration"] = f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
    return made


def _what_went_wrong(results: Results) -> list[str]:
    """Why a run says nothing of the kernel, whatever its rows say; empty where it does."""
    if results.incomplete:
        return [results.incomplete]
    if not results.rows:
        return ["no row was selected"]
    status = results.end.exit_status if results.end else 0
    if status > 1 or (status == 1 and not any(row.unexpected for row in results.rows)):
        return [f"pytest ended with exit status {status}, and no row says why"]
    return []


def _outcome(rows: list[Row]) -> str:
    """What rows come to: the gravest of them; a run in which nothing was exercised is skipped."""
    if any(row.verdict == HARNESS_ERROR for row in rows):
        return "error"
    if any(row.unexpected for row in rows):
        return "fail"
    return "skip" if all(row.verdict == NOT_EXERCISED for row in rows) else "pass"


def _subresult(score: DocumentScore) -> dict[str, Any]:
    rows = [row for clause in score.clauses for row in clause.rows]
    outcome = _outcome(rows)
    if outcome == "pass" and not score.conforms:
        outcome = "info"
    numbers = {
        "conform": score.conforming,
        "deviate as expected": score.expected,
        "unexpected": score.unexpected,
        "not exercised": score.not_exercised,
        "could not be judged": score.harness_errors,
    }
    said = ", ".join(f"{number} {words}" for words, number in numbers.items() if number)
    failing = [row for row in rows if row.unexpected]
    notes = [f"statements: {said}", *(_row(row) for row in failing[:ROWS])]
    if len(failing) > ROWS:
        notes.append(f"and {len(failing) - ROWS} more rows")
    return {"name": f"/{_name(score.document.id)}", "result": outcome, "note": notes}


def _row(row: Row) -> str:
    if row.verdict == HARNESS_ERROR:
        return f"{row.id}: {row.verdict}: {row.reason}"
    return f"{row.id}: {row.verdict}: allowed {row.expected}, observed {row.observed}"


def _logs(results: Results, beside: Path) -> list[str]:
    folder = results.folder
    if folder is None:
        return []
    there = [folder / name for name in _LOGS if (folder / name).is_file()]
    try:
        return [path.resolve().relative_to(beside.resolve()).as_posix() for path in there]
    except ValueError:
        raise CommandError(f"{folder}: lies outside of {beside}, where tmt looks for files") from None


def _name(text: str) -> str:
    """A part of a result's name: nothing in it that a reader of paths could take for something else."""
    return re.sub(r"[^A-Za-z0-9_.@+-]+", "_", text).strip("_.") or "unnamed"


def _yaml(result: dict[str, Any], indent: str = "") -> list[str]:
    """An entry of a list, as lines of YAML."""
    lines = []
    for key, value in result.items():
        if isinstance(value, str):
            lines.append(f"{key}: {_scalar(value)}")
        elif not value:
            lines.append(f"{key}: []")
        else:
            lines.append(f"{key}:")
            for each in value:
                lines += _yaml(each, "  ") if isinstance(each, dict) else [f"  - {_scalar(each)}"]
    return [f"{indent}{'- ' if index == 0 else '  '}{line}" for index, line in enumerate(lines)]


def _scalar(text: str) -> str:
    return json.dumps(one_line(text, _LONGEST), ensure_ascii=False)

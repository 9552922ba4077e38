"""What GitHub's actions show of a run: a summary of the step in Markdown, and annotations for the rows that failed it.

``python -m reports github`` writes both, and so does a run at its end where ``GITHUB_ACTIONS`` is set.
"""

import argparse
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from reports.commandline import CommandError, Commands, declare, wants_output, wants_results, write
from reports.text import privilege, word
from results.printable import one_line
from results.reader import Results, read_many
from results.records import CONFORMS, HARNESS_ERROR, Row
from results.scores import NOT_SELECTED, reasons_not_exercised, score_documents

ANNOTATIONS = 10  # GitHub shows this many errors of a step, and passes over the rest.
LARGEST_SUMMARY = 1 << 20  # Bytes that GitHub takes from a step.
_ROWS = 50
_EXAMPLES = """reports/out
reports/out -o summary.md
linux/results.jsonl gvisor/results.jsonl"""


def add_command(commands: Commands) -> None:
    """Declare ``python -m reports github``."""
    words = "write a summary in Markdown, and ::error annotations where GITHUB_ACTIONS is set"
    parser = declare(commands, "github", words, _EXAMPLES, _run)
    wants_results(parser, many=True)
    wants_output(parser, "appended to the file that GITHUB_STEP_SUMMARY names, else standard output")


def _run(chosen: argparse.Namespace) -> int:
    several = read_many(chosen.results, light=True)
    step = os.environ.get("GITHUB_STEP_SUMMARY")
    if chosen.output is not None or not step:
        write(summary(several), chosen.output)
    else:
        try:
            append(several, Path(step))
        except OSError as error:
            raise CommandError(f"{step}: can't be written: {error.strerror}") from error
    if in_actions(os.environ):
        write("".join(f"{line}\n" for line in annotations(several)), None)
    return 0


def in_actions(environment: Mapping[str, str]) -> bool:
    """Whether this runs as a step of GitHub's actions."""
    return environment.get("GITHUB_ACTIONS") == "true"


def at_the_end(results: Results, environment: Mapping[str, str]) -> list[str]:
    """What a run says to GitHub at its end: it appends its summary, and these lines are for the terminal.

    Nothing is said, and nothing written, outside of GitHub's actions.
    """
    if not in_actions(environment):
        return []
    lines = list(annotations([results]))
    step = environment.get("GITHUB_STEP_SUMMARY")
    if step:
        try:
            append([results], Path(step))
        except OSError as error:
            lines.append(
                _command("warning", f"the summary of the step can't be written: {error.strerror}", title="kconform")
            )
    return lines


def append(several: list[Results], path: Path) -> None:
    """Append the summary to a file, so that all of it together is no more than GitHub takes.

    Raises:
        OSError: when it can't be written.
    """
    with path.open("a", encoding="utf-8") as file:
        file.write(summary(several, LARGEST_SUMMARY - file.tell()))


def annotations(several: list[Results]) -> Iterator[str]:
    """A command of GitHub's actions for each row that failed its run, and for each run that is not whole."""
    found = []
    for results in several:
        if results.incomplete:
            found.append(_command("error", results.incomplete, title=f"kconform: {results.label} is incomplete"))
        found += [_annotation(row) for row in results.rows if row.unexpected]
    shown = found if len(found) <= ANNOTATIONS else found[: ANNOTATIONS - 1]
    yield from shown
    if len(shown) < len(found):
        yield _command("error", f"{len(found) - len(shown)} more; the summary has them", title="kconform")


def summary(several: list[Results], most: int = LARGEST_SUMMARY) -> str:
    """The runs in Markdown, of no more than that many bytes."""
    blocks = [block for results in several for block in _blocks(results)]
    left = most - len(_CUT)
    kept = []
    for block in blocks:
        left -= len(block.encode()) + 1
        if left < 0:
            kept.append(_CUT)
            break
        kept.append(block)
    return "\n".join(kept)


# Plain letters, digits and some signs mean nothing to Markdown; but the first of a line may begin a list or a heading,
# and an address makes itself a link.
_MEANS = re.compile(r"""\A[^A-Za-z]|[^A-Za-z0-9 .,;:/()'=%-]|:(?=//)|(?<=www)\.""", re.IGNORECASE)
_CUT = "\nThe rest is left out: GitHub takes no longer summary.\n"


def _blocks(results: Results) -> Iterator[str]:
    """A run, in pieces that can be left out from the end without breaking what stands before."""
    kernel, unexpected = results.run.kernel, [row for row in results.rows if row.unexpected]
    facts = f"{kernel.name} {kernel.release} {kernel.machine}, {privilege(results)}"
    yield f"## kconform: {_text(facts)}\n"
    if results.incomplete:
        yield f"**Incomplete:** {_text(results.incomplete)}\n"
    verdict = (
        f"**{len(unexpected)} of {len(results.rows)} rows are unexpected.**" if unexpected else "Nothing unexpected."
    )
    yield f"{verdict}\n"
    scores = [score for score in score_documents(results) if score.rows]
    if scores:
        lines = ["| document | conform | deviate as expected | unexpected | not exercised | harness errors |"]
        lines.append("|---|---:|---:|---:|---:|---:|")
        for score in scores:
            numbers = (score.conforming, score.expected, score.unexpected, score.not_exercised, score.harness_errors)
            lines.append(f"| {_text(score.document.id)} | {' | '.join(map(str, numbers))} |")
        yield "\n".join(lines) + "\n"
    yield from _unexpected(unexpected)
    reasons = [(reason, ids) for reason, ids in reasons_not_exercised(results) if reason != NOT_SELECTED]
    if reasons:
        yield f"<details><summary>Not exercised, by reason ({len(reasons)})</summary>\n"
        yield "\n".join(f"- {_text(reason, 300)} ({len(ids)})" for reason, ids in reasons) + "\n\n</details>\n"


def _unexpected(rows: list[Row]) -> Iterator[str]:
    if not rows:
        return
    yield (
        "| row | verdict | allowed | observed |\n|---|---|---|---|"
        + "".join(
            f"\n| {_text(row.id)} | {_text(word(row)[1].lower())} | {_text(row.expected or '', 100)} "
            f"| {_text((row.reason if row.verdict == HARNESS_ERROR else row.observed) or '', 100)} |"
            for row in rows[:_ROWS]
        )
        + "\n"
    )
    if len(rows) > _ROWS:
        yield f"And {len(rows) - _ROWS} more.\n"


def _annotation(row: Row) -> str:
    if row.verdict == HARNESS_ERROR:
        said = f"could not be judged: {row.reason}"
    elif row.verdict == CONFORMS:
        said = f"conforms, although a deviation is written down: {row.known_reason}"
    else:
        said = f"allowed {row.expected}, observed {row.observed}"
    file = row.test.partition("::")[0]
    # A path of a stranger's file is named only where it can be one of the suites.
    place = file if re.fullmatch(r"suites/(?!.*\.\.)[\w./-]+\.py", file) else ""
    return _command("error", f"{said}\nrun it alone: {row.rerun}", file=place, title=row.id)


def _command(name: str, message: str, **properties: str) -> str:
    """A command for GitHub's log: nothing in the message or a property ends it or begins another."""
    given = ",".join(f"{key}={_property(value)}" for key, value in properties.items() if value)
    return f"::{name} {given}::{_data(message)}"


def _data(text: str) -> str:
    text = "\n".join(one_line(line) for line in text.split("\n"))
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(one_line(text)).replace(":", "%3A").replace(",", "%2C")


def _text(text: str, most: int | None = None) -> str:
    """A text that Markdown shows as it is: every sign that could mean something to it is named by its number."""
    return _MEANS.sub(lambda found: f"&#{ord(found[0])};", one_line(text, most))

"""Signals to a run at random moments: to its controller, to one of its workers, to all as Ctrl-C does."""

import contextlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from reports.results import ResultsError, read_results
from tests.chaos.traces import Watch
from tests.samples import run_reports

LONGEST = 180.0  # Seconds that a run gets to end after the signal.


@dataclass(frozen=True)
class Blow:
    """A way to end a run: a signal, to whom, and how often."""

    number: signal.Signals
    victim: str
    times: int = 1

    def __str__(self) -> str:
        return f"{self.number.name} to {self.victim}" + (" twice" if self.times > 1 else "")


BLOWS = (
    Blow(signal.SIGKILL, "controller"),
    Blow(signal.SIGKILL, "worker"),
    Blow(signal.SIGTERM, "controller"),
    Blow(signal.SIGTERM, "worker"),
    Blow(signal.SIGINT, "all"),
    Blow(signal.SIGINT, "all", 2),
    Blow(signal.SIGINT, "controller"),
)


def strike(
    watch: Watch, start: Callable[[Path], "subprocess.Popen[str]"], results: Path, blow: Blow, after: float
) -> list[str]:
    """Start a run, end it by a blow ``after`` seconds, and give what is wrong then; nothing is as it should be."""
    run = start(results)
    with contextlib.suppress(subprocess.TimeoutExpired):
        run.wait(after)
    struck = run.poll() is None
    chance = random.Random(after)  # noqa: S311  A choice, not a secret.
    for _ in range(blow.times):
        _hit(watch, run, blow, chance)
        if blow.times > 1:
            time.sleep(0.1)  # A person is no faster.
    try:
        status = run.wait(LONGEST)
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGKILL)
        return [f"it went on for {LONGEST:g} s", *watch.left()]
    wrong = watch.left()
    said = results.with_suffix(".log").read_text(encoding="utf-8", errors="replace")
    # Where Ctrl-C lands in the middle of pytest's own work it is pytest that says so.
    if blow.number != signal.SIGINT and ("INTERNALERROR" in said or "Traceback (most recent" in said):
        wrong.append(f"it ended with a traceback:\n{said[-3000:]}")
    return wrong + _records(results, whole=not struck or blow.victim == "worker", status=status)


def _hit(watch: Watch, run: "subprocess.Popen[str]", blow: Blow, chance: random.Random) -> None:
    if run.poll() is not None:
        return
    if blow.victim == "all":
        os.killpg(run.pid, blow.number)
        return
    victims = [run.pid]
    if blow.victim == "worker":
        victims = [pid for pid, command in watch.processes().items() if "execnet" in command]
    if victims:
        with contextlib.suppress(ProcessLookupError):
            os.kill(chance.choice(victims), blow.number)


def _records(results: Path, *, whole: bool, status: int) -> list[str]:
    """What is wrong with the results of a run that was struck, or was not."""
    wrong = []
    if results.exists():
        wrong += [f"half a file: {path.name}" for path in results.iterdir() if path.name.startswith(".")]
    if not (results / "results.jsonl").exists():
        return [*wrong, "there are no results"] if whole else wrong
    try:
        read = read_results(results)
    except ResultsError as error:
        return [*wrong, str(error)]
    wrong += [damage for damage in read.damaged if not damage.startswith(f"line {len(read.rows) + 2} ")]
    if whole and read.end is None:
        wrong.append("a run that nobody ended has no end")
    if status == 0 and read.incomplete:
        wrong.append(f"it says that it passed, and {read.incomplete}")
    said = run_reports("summary", results)
    if read.incomplete and "INCOMPLETE" not in said.output:
        wrong.append(f"the summary does not say that the run is incomplete:\n{said.output[:500]}")
    return wrong

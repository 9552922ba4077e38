"""Which rows are watched for evidence, and how a row is run once more for it, in a child process.

To watch a row costs more than the row. So a row first runs without; where it turns out not to be as expected, a child
runs it once more and watches it (``--evidence failed``). However that child ends, the row's record stays as it was, and
the evidence says that it is of a second run. With ``all`` every row is watched in its only run.
"""

import gc
import os
import select
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from fixtures.stash import NamedKey
from netns import load_scapy, preload
from results.records import Evidence, Row
from wiring.carried_row import attached
from wiring.evidence import Recording
from wiring.forking import fork_off, send
from wiring.pytest_internals import run_item

MODES = ("all", "failed", "none")
_LONGEST = 30.0  # Seconds: a row that took longer is not run again.
_PATIENCE = 60.0  # Seconds that its second run gets beyond what the first took.


@dataclass(frozen=True)
class EvidencePlan:
    """Where evidence goes, and of which rows it is kept (one of ``MODES``); without a folder for results, of none."""

    results: Path | None
    mode: str


EVIDENCE: NamedKey[EvidencePlan] = NamedKey("which evidence is wanted", "wiring.configuration")
RECORDING = pytest.StashKey[Recording]()


def watch_row(item: pytest.Item, row: str) -> None:
    """Have an item's next run watched, if all are; ``row`` is the row's id."""
    plan = item.config.stash[EVIDENCE]
    if plan.mode == "all" and plan.results is not None:
        item.stash[RECORDING] = Recording(plan.results, row)


def add_evidence(item: pytest.Item, report: pytest.TestReport, seconds: float) -> None:
    """Put into the row that a report carries what was recorded of it; run it once more where that is wanted.

    Args:
        item: the row's item, whose run has ended.
        report: the report of its tear-down.
        seconds: how long the run took.
    """
    plan, row = item.config.stash[EVIDENCE], attached(report)
    if row is None or plan.results is None:
        return
    recording = item.stash.get(RECORDING, None)
    if recording is not None:
        row.evidence = recording.entries
        del item.stash[RECORDING]
    elif plan.mode == "failed" and row.unexpected and seconds < _LONGEST:
        row.evidence = _run_again(item, Recording(plan.results, row.id), row, seconds + _PATIENCE)


def _run_again(item: pytest.Item, recording: Recording, row: Row, limit: float) -> list[Evidence]:
    """Run a row again in a child that may take so many seconds; gives what was recorded, nothing where it died."""
    preload()
    load_scapy()  # Here once, and not in each child.
    reading, writing = os.pipe()

    def life() -> None:
        signal.alarm(int(limit))
        gc.disable()
        _run_watched(item, recording, row)
        send(writing, msgspec.json.encode(recording.entries))

    pid = fork_off(item.config, life, [reading])
    os.close(writing)
    try:
        data = _read_all(reading, limit)
    finally:
        os.close(reading)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return msgspec.json.decode(data, type=list[Evidence]) if data else []


def _run_watched(item: pytest.Item, recording: Recording, first: Row) -> None:
    item.stash[RECORDING] = recording
    second = attached(run_item(item, None)[-1])
    if second is None:
        how = "ended without a record"
    elif (second.verdict, second.expected, second.observed) == (first.verdict, first.expected, first.observed):
        how = "came to the same"
    else:
        how = f"came to {second.verdict}, observed {second.observed}"
    for entry in recording.entries:
        entry.note = "; ".join(filter(None, [entry.note, f"of a second run of the row, which {how}"]))


def _read_all(fd: int, limit: float) -> bytes:
    """What comes through a pipe until its end; nothing if that takes longer than so many seconds."""
    data, end = b"", time.monotonic() + limit
    while (left := end - time.monotonic()) > 0 and select.select([fd], [], [], left)[0]:
        chunk = os.read(fd, 1 << 16)
        if not chunk:
            return data
        data += chunk
    return b""

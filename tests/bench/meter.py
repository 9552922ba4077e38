"""A pytest plugin (``-p tests.bench.meter``): what each process spends its time on, by the clock and by rusage.

``KCONFORM_METER`` names a folder; each process writes a file there: ``controller``, ``worker-PID``, and ``row-PID`` for
one that is forked off for rows that wait, a line a row. All moments are of one clock, CLOCK_BOOTTIME, as is what the
kernel says of when a process began. A process waits while the clock counts and its processor time does not.
"""

import json
import os
import resource
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_TICKS = os.sysconf("SC_CLK_TCK")
_Moment = tuple[float, float, float]


def now() -> float:
    """Seconds since the machine was started."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _moment() -> _Moment:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return now(), used.ru_utime, used.ru_stime


def _began() -> float:
    """When this process began, by the kernel's word (see proc_pid_stat(5))."""
    fields = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return int(fields[19]) / _TICKS


def _queued() -> float:
    """Seconds in which threads of this process were ready and had no processor; 0 where the kernel does not say."""
    try:
        found = [path.read_text(encoding="ascii") for path in Path("/proc/self/task").glob("*/schedstat")]
    except OSError:
        return 0.0
    return sum(int(text.split()[1]) for text in found) / 1e9


def _most() -> float:
    """The most megabytes that this process had at one time."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return next(int(line.split()[1]) * 1024 / 1e6 for line in status.splitlines() if line.startswith("VmHWM"))


class Meter:
    """The spans of one process: for each name how often it was, seconds by the clock, and of user and system time."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.spans: dict[str, list[float]] = {}
        self.moments: dict[str, float] = {"began": _began()}
        self.role = "controller"
        self.here = False  # Whether the row that runs does so in this process.

    @contextmanager
    def span(self, name: str) -> Generator[list[str]]:
        """Count a block under the name, or under what the block puts into the list."""
        start, names = _moment(), [name]
        try:
            yield names
        finally:
            self.add(names[-1], start, _moment())

    def add(self, name: str, start: _Moment, end: _Moment) -> None:
        """Count a span."""
        known = self.spans.setdefault(name, [0, 0.0, 0.0, 0.0])
        known[0] += 1
        for place, (before, after) in enumerate(zip(start, end, strict=True), 1):
            known[place] += after - before

    def forked(self) -> None:
        """Begin anew in a process that was forked off."""
        self.__init__()  # type: ignore[misc]  # All that the parent has counted is the parent's.
        self.role = f"row-{self.pid}"

    def write(self) -> None:
        """Write down what was counted, behind what this process wrote before."""
        moment, place = _moment(), Path(os.environ["KCONFORM_METER"]) / f"{self.role}.jsonl"
        said = {
            "spans": self.spans,
            "moments": self.moments | {"written": moment[0]},
            "processor": moment[1:],
            "queued": _queued(),
            "megabytes": _most(),
        }
        with place.open("a", encoding="utf-8") as file:
            file.write(json.dumps(said) + "\n")


METER = Meter()
os.register_at_fork(after_in_child=METER.forked)


@pytest.hookimpl(tryfirst=True, wrapper=True)
def pytest_sessionstart(session: pytest.Session) -> Generator[None, Any, Any]:
    """Count what it took to come here, and what the session's start takes."""
    # Imported late: conftest.py has pytest rewrite the assertions there.
    from wiring.pytest_internals import is_worker

    if is_worker(session.config):
        METER.role = f"worker-{METER.pid}"
    METER.add("start", (METER.moments["began"], 0.0, 0.0), _moment())
    METER.moments["started"] = now()
    with METER.span("probe"):
        return (yield)


@pytest.hookimpl(tryfirst=True, wrapper=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """Count the collection."""
    with METER.span("collect"):
        return (yield)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished() -> None:
    """Note, in the controller, when the last worker had collected."""
    METER.moments["collected"] = now()


@pytest.hookimpl(tryfirst=True, wrapper=True)
def pytest_runtestloop() -> Generator[None, Any, Any]:
    """Count all that rows take, and what comes after the last one that ran here."""
    METER.moments["loop"] = now()
    with METER.span("loop"):
        result = yield
    METER.moments["looped"] = now()
    return result


@pytest.hookimpl(tryfirst=True, wrapper=True)
def pytest_runtest_protocol() -> Generator[None, Any, Any]:
    """Count a row with all around it; one that is given away apart."""
    METER.here = False
    with METER.span("given away") as names:
        result = yield
        if METER.here:
            names.append("row")
    METER.moments["last row"] = now()
    return result


@pytest.hookimpl(tryfirst=True, wrapper=True)
def pytest_runtest_setup() -> Generator[None, Any, Any]:
    """Count the set-up."""
    METER.here = True
    with METER.span("set-up"):
        return (yield)


@pytest.hookimpl(tryfirst=True, wrapper=True)
def pytest_runtest_call() -> Generator[None, Any, Any]:
    """Count the test itself."""
    with METER.span("test"):
        return (yield)


@pytest.hookimpl(tryfirst=True, wrapper=True)
def pytest_runtest_teardown() -> Generator[None, Any, Any]:
    """Count the tear-down; a process that was forked off may be gone before anybody asks it again."""
    with METER.span("tear-down"):
        result = yield
    if METER.role.startswith("row"):
        METER.write()
    return result


def pytest_runtest_logreport() -> None:
    """Note when the last report came."""
    METER.moments["reported"] = now()


@pytest.hookimpl(tryfirst=True, wrapper=True)
def pytest_sessionfinish() -> Generator[None, Any, Any]:
    """Count the end: in the controller the end of the results file, and the report."""
    METER.moments["finishing"] = now()
    with METER.span("finish"):
        result = yield
    METER.moments["finished"] = now()
    METER.write()
    return result

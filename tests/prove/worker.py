"""The processes that run rows: each takes one order after another, and says what became of the row.

A process is forked off once everything is collected and imported. One whose row was not well ends with it, so that what
it left behind meets no other row, and another takes its place.
"""

import json
import os
import signal
import time
from dataclasses import astuple, dataclass, field
from functools import partial
from typing import Any

import pytest

from fixtures.syscalls.call_threads import DEADLINE
from tests.prove.limits import Setter, find_limits
from tests.prove.lying_entry import Order, install, listen
from wiring.forking import fork_off, send
from wiring.row_protocol import run_phases
from wiring.row_state import STATE

_LIMIT = 1.5  # Seconds that stand for the harness's usual limit, in rows that take no longer themselves.
_STUCK = 60  # Seconds beside what a row takes after which it ends its process.


@dataclass(eq=False)
class Job:
    """One run of a row: which item, and the lie; without one the row is heard."""

    item: int
    row: str
    order: Order | None = None
    seconds: float = 0.0
    tries: int = 0


@dataclass
class Worker:
    """One process, seen from outside."""

    pid: int
    orders: int
    answers: int
    job: Job | None = None
    said: bytearray = field(default_factory=bytearray)

    def give(self, job: Job) -> None:
        """Have it do a job."""
        self.job, self.said = job, bytearray()
        order = [*astuple(job.order)] if job.order is not None else None
        os.write(self.orders, json.dumps([job.item, order, job.seconds]).encode() + b"\n")

    def take(self) -> dict[str, Any] | None:
        """What it has to say, if that is all there by now; a process that died says so."""
        chunk = os.read(self.answers, 1 << 20)
        self.said += chunk
        if chunk and not chunk.endswith(b"\n"):
            return None
        if chunk:
            answer: dict[str, Any] = json.loads(self.said)
        else:
            answer = {"verdict": "harness-error", "unexpected": True, "over": True, "told": True, "heard": []}
        if answer["over"]:
            status = self.end()
            if not chunk:
                answer["reason"] = f"the row's process ended with status {status}"
        return answer

    def end(self) -> int:
        """Part with it; gives how it ended."""
        os.close(self.orders)
        os.close(self.answers)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def start_worker(session: pytest.Session, others: list[Worker]) -> Worker:
    """Fork a process off that runs rows of the session."""
    orders, give = os.pipe()
    take, answers = os.pipe()
    theirs = [fd for other in others for fd in (other.orders, other.answers)]
    pid = fork_off(session.config, partial(_serve, session, orders, answers), [*theirs, give, take])
    os.close(orders)
    os.close(answers)
    return Worker(pid, give, take)


def _serve(session: pytest.Session, orders: int, answers: int) -> None:
    session.config.pluginmanager.register(_Here())
    install(session.config.rootpath)
    set_limits = find_limits()
    with os.fdopen(orders, encoding="utf-8") as lines:
        for line in lines:
            answer = _run(session, set_limits, *json.loads(line))
            send(answers, json.dumps(answer).encode() + b"\n")
            if answer["over"]:
                return


class _Here:
    """Runs an item in this process, and tells nobody: in place of what the project's conftest does."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        run_phases(item, nextitem)
        return True


def _run(
    session: pytest.Session, set_limits: Setter, place: int, order: list[Any] | None, seconds: float
) -> dict[str, Any]:
    item = session.items[place]
    set_limits(max(_LIMIT, 2 * seconds) if order is not None else DEADLINE)
    ear = listen(Order(*order) if order is not None else None)
    signal.alarm(int(4 * seconds) + _STUCK)
    began = time.monotonic()
    item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
    signal.alarm(0)
    state = item.stash[STATE]
    judgement = state.judgement
    met = judgement is not None and judgement.state == "met"
    return {
        "verdict": state.verdict,
        "unexpected": state.verdict == "harness-error"
        or (judgement is not None and judgement.unexpected)
        or (state.verdict == "deviates" and not met),
        "reason": state.reason,
        "expected": state.expected,
        "observed": state.observed,
        "told": ear.told,
        "heard": ear.heard,
        "seconds": round(time.monotonic() - began, 4),
        "over": state.verdict == "harness-error" or bool(state.row.stuck),
    }

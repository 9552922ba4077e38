"""Rows run by many processes at a time: first each as it is, to hear its calls, and then with a lie."""

import select
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import pytest

from fixtures.marks import RowPlan
from netns import load_scapy, preload
from tests.prove.journal import NOTICED, SURVIVED, UNTOLD, Heard, Journal, Told
from tests.prove.lying_entry import Order
from tests.prove.plan import Marks, by_chance, wanted
from tests.prove.plugin import Prover
from tests.prove.worker import Job, Worker, start_worker

_TRIES = 3
_EVERY = 10.0  # Seconds between two lines that say how far it is.

Take = Callable[[Job, dict[str, Any]], bool]
"""Takes what came of a job; False: it is to be done once more."""


def prove(session: pytest.Session, prover: Prover) -> None:
    """Hear every row and tell every lie that is not known yet, and leave what was found with the prover."""
    preload()
    load_scapy()  # Here, and not in each process that needs it.
    marks = Marks(session.config.rootpath)
    places: dict[str, int] = {}
    now: dict[str, str] = {}
    for at, item in enumerate(session.items):
        plan = RowPlan.parse(item.nodeid)
        if plan is not None and item.get_closest_marker("slow") is None:
            places[plan.id], now[plan.id] = at, marks.of(item.path)
    if prover.sample:
        # As many rows as lies: to hear all of them would take longer than to lie in some.
        quick = [row for row, at in places.items() if session.items[at].get_closest_marker("waits") is None]
        some = sorted(quick, key=lambda row: by_chance(prover.seed, row))[: prover.sample]
        places = {row: places[row] for row in some}
    journal = Journal(prover.resume, now.get)
    try:
        _hear(session, prover, places, now, journal)
        _tell(session, prover, places, journal)
    finally:
        journal.close()


def _hear(
    session: pytest.Session, prover: Prover, places: dict[str, int], now: dict[str, str], journal: Journal
) -> None:
    def take(job: Job, answer: dict[str, Any]) -> bool:
        if answer["unexpected"] and job.tries < _TRIES:
            return False
        seconds, calls = answer.get("seconds", 0.0), answer["heard"]
        said = _said(answer)
        journal.hear(Heard(job.row, now[job.row], answer["verdict"], answer["unexpected"], seconds, calls, said))
        return True

    _work(session, [Job(at, row) for row, at in places.items() if row not in journal.heard], take, prover.workers)
    prover.heard = [journal.heard[row] for row in places]


def _tell(session: pytest.Session, prover: Prover, places: dict[str, int], journal: Journal) -> None:
    good = {each.row: each for each in prover.heard if each.calls and not each.unexpected}
    lies = wanted(good, every=prover.every, sample=prover.sample, seed=prover.seed)
    jobs = {
        Job(places[each.row], each.row, Order(each.call, each.site, each.nth, each.lie), good[each.row].seconds): each
        for each in lies
        if each not in journal.told
    }

    def take(job: Job, answer: dict[str, Any]) -> bool:
        if not answer["told"] and not answer["unexpected"] and job.tries < _TRIES:
            return False
        outcome = NOTICED if answer["unexpected"] else SURVIVED if answer["told"] else UNTOLD
        journal.tell(Told(jobs[job], outcome, answer["verdict"], _said(answer)))
        return True

    _work(session, list(jobs), take, prover.workers)
    prover.told = [journal.told[each] for each in lies]


def _said(answer: dict[str, Any]) -> str | None:
    said: str | None = answer.get("reason") or answer.get("observed")
    return said


def _work(session: pytest.Session, jobs: list[Job], take: Take, most: int) -> None:
    """Have all jobs done, so many at a time, in their order."""
    waiting = deque(jobs)
    free: list[Worker] = []
    busy: dict[int, Worker] = {}
    done, said = 0, time.monotonic()
    try:
        while waiting or busy:
            while waiting and len(busy) < most:
                worker = free.pop() if free else start_worker(session, [*free, *busy.values()])
                worker.give(waiting.popleft())
                busy[worker.answers] = worker
            for fd in select.select(list(busy), [], [], _EVERY)[0]:
                worker = busy[fd]
                answer = worker.take()
                if answer is None:
                    continue
                del busy[fd]
                if not answer["over"]:
                    free.append(worker)
                job = worker.job
                if job is None:
                    raise RuntimeError("a process without a job has something to say")
                job.tries += 1
                if take(job, answer):
                    done += 1
                else:
                    waiting.append(job)
            if time.monotonic() - said > _EVERY:
                said = time.monotonic()
                print(f"{done} of {len(jobs)}", file=sys.stderr, flush=True)  # noqa: T201  How far it is.
    finally:
        for worker in [*free, *busy.values()]:
            worker.end()

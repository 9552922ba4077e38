"""Each row, from its beginning to its end: where it runs, what is made for it, and what it may not leave behind.

A pytest plugin. How the phases of a row become one report is in ``wiring.row_protocol``.
"""

from collections.abc import Generator
from typing import Any

import pytest

from fixtures.marks import RowPlan
from fixtures.plugin import lives_in_kept_topology, topology_name, why_not
from fixtures.row import ROW, RunningRow, not_exercised
from fixtures.syscalls.transcript import FIXTURE, TEST
from netns import kept_loopback
from results.files import NOTHING, UNDER_WAY
from results.selection import find_suite
from wiring.collection import plan_of
from wiring.process_pool import WAITS
from wiring.pytest_internals import is_worker
from wiring.rerun import RECORDING
from wiring.row_protocol import run_row
from wiring.row_state import STATE, RowState
from wiring.session_state import CURRENT, EARLIER, JOURNALS, POOL, SUITES


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Let a row that waits wait in a process of its own, unless somebody wants to debug it here."""
    if RowPlan.parse(item.nodeid) is None:
        return None
    pool = item.config.stash[POOL]
    here = item.config.option.usepdb or item.config.option.capture == "no"
    alone = item.config.stash[EARLIER].how == UNDER_WAY
    if here or not (alone or item.stash.get(WAITS, 0.0)):
        run_row(item, nextitem)
        pool.take_reports()
    else:
        pool.run(item, nextitem)
        if alone:
            pool.finish()
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, bool, bool]:
    """Wait for the rows that wait before the run is over."""
    pool, earlier = session.config.stash[POOL], session.config.stash[EARLIER]
    if earlier.how == NOTHING:
        session.items.clear()
    try:
        result = yield
        pool.finish()
    finally:
        pool.kill()
    if not is_worker(session.config):
        earlier.tell(session.config)
    return result


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin a row, and end it here where its marks say that it is not exercised."""
    config = item.config
    config.stash[JOURNALS].begin(item.nodeid)
    config.stash[CURRENT] = None
    suite = find_suite(config.stash[SUITES], item.path)
    if suite is None or not isinstance(item, pytest.Function):
        return
    plan = plan_of(item)
    kept = lives_in_kept_topology(item, plan)
    if kept:
        kept_loopback.make_ready()  # Now, since it stays: what is there after the row and was not before is a leak.
    row = item.stash[ROW] = RunningRow(plan, frozenset(suite.calls), topology_name(item), kept)
    if RECORDING in item.stash:
        row.observers.append(item.stash[RECORDING])
    config.stash[CURRENT] = item.stash[STATE] = RowState(row, suite.folder)
    if reason := why_not(item, plan):
        not_exercised(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Note that calls are the test's own from now on, and no longer those of its fixtures."""
    row = item.stash.get(ROW, None)
    if row is None:
        return (yield)
    row.transcript.phase = TEST
    try:
        return (yield)
    finally:
        row.transcript.phase = FIXTURE


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, Any, Any]:
    """After a row's fixtures are gone, see that nothing is left of it."""
    result = yield
    state = item.stash.get(STATE, None)
    if state is not None:
        state.before.check(forgiven=frozenset(state.row.stuck))
    return result

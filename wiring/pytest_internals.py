"""The private parts of pytest and pytest-xdist that kconform uses. No other module touches any.

Each use is one function, which says what it is for and which private name it takes. ``tests/test_pytest_internals.py``
has a test for each, which names the function and the private name when a new pytest or pytest-xdist changes it. This
module imports nothing of kconform.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest
from _pytest.junitxml import xml_key
from _pytest.runner import runtestprotocol

_HANDED = "kconform"  # The key of what we hand to workers, in xdist's own dictionary for them.
_CRASHED: Any = "???"  # The phase in xdist's report of an item whose worker died.


def run_item(item: pytest.Item, nextitem: pytest.Item | None) -> list[pytest.TestReport]:
    """Run an item's phases and give their reports, without reporting them (``_pytest.runner.runtestprotocol``).

    pytest's own hook reports each phase at once; a row is reported when it is over, as one.
    """
    reports: list[pytest.TestReport] = runtestprotocol(item, log=False, nextitem=nextitem)
    return reports


def tear_down_shared(session: pytest.Session, nextitem: pytest.Item | None) -> None:
    """Tear down the modules and packages that ``nextitem`` is not in (``Session._setupstate.teardown_exact``).

    For a row that another process runs: here, pytest never learns that the row is over.
    """
    session._setupstate.teardown_exact(nextitem)  # noqa: SLF001  There is no public function for it.


def remember_conftests(session: pytest.Session) -> None:
    """Keep the answers of ``Session.gethookproxy``: which conftest files apply to a path.

    pytest works it out anew for each hook, thirty times in a row. After the collection nothing changes in it.
    """
    vars(session)["gethookproxy"] = cache(session.gethookproxy)


def fixture_function(item: pytest.Function, name: str) -> Callable[..., Any] | None:
    """The function of a fixture that an item uses (``Function._fixtureinfo``); None where it has none of that name."""
    definitions = item._fixtureinfo.name2fixturedefs.get(name, ())  # noqa: SLF001  There is no public attribute for it.
    return definitions[-1].func if definitions else None


def parameter(item: pytest.Function, name: str) -> Any:
    """The value that ``pytest_generate_tests`` gave an item for a name (``Function.callspec``).

    Raises:
        LookupError: when the item was not parametrized with that name.
    """
    call = getattr(item, "callspec", None)
    if call is None or name not in call.params:
        raise LookupError(f"{item.nodeid} has no parameter '{name}'")
    return call.params[name]


def junit_reporter(config: pytest.Config) -> Any:
    """The reporter that writes JUnit's file (``_pytest.junitxml.xml_key``); None where none is written."""
    return config.stash.get(xml_key, None)


def drop_junit_reporter(config: pytest.Config) -> None:
    """Keep pytest from writing JUnit's file: it ends in a traceback where the disk is full."""
    if xml_key in config.stash:
        config.pluginmanager.unregister(config.stash[xml_key])
        del config.stash[xml_key]


def stop_capturing(config: pytest.Config) -> None:
    """Drop the capture of output in a forked process (the plugin ``capturemanager``); its output goes nowhere.

    Parent and child would read and truncate the same files.
    """
    manager = config.pluginmanager.getplugin("capturemanager")
    if manager is not None:
        config.pluginmanager.unregister(manager)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (1, 2):
        os.dup2(null, fd)
    os.close(null)
    sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  For the rest of this process.


def is_worker(config: pytest.Config) -> bool:
    """Whether this process is a worker of pytest-xdist (``config.workerinput``)."""
    return hasattr(config, "workerinput")


def worker_count(config: pytest.Config) -> int:
    """How many workers run rows, this one included; 1 in a process that is none (``config.workerinput``)."""
    count: int = config.workerinput["workercount"] if is_worker(config) else 1  # type: ignore[attr-defined]
    return count


def hand_to_worker(node: Any, text: str) -> None:
    """In the controller, give a text to a worker that is about to start (``WorkerController.workerinput``)."""
    node.workerinput[_HANDED] = text


def handed_to_worker(config: pytest.Config) -> str:
    """In a worker, the text that the controller gave it (``config.workerinput``).

    Raises:
        UsageError: when the controller gave none.
    """
    text: str | None = config.workerinput.get(_HANDED)  # type: ignore[attr-defined]
    if text is None:
        raise pytest.UsageError("this worker got nothing from its controller: is kconform's conftest.py loaded there?")
    return text


@contextmanager
def reporting_item(config: pytest.Config, place: int) -> Iterator[None]:
    """Let an xdist worker take reports as those of the item at a place (``WorkerInteractor.item_index``).

    It takes every report as one of the item that it runs at the moment, and rows that wait end later.

    Args:
        config: pytest's.
        place: the item's index in the session's items.
    """
    worker = next((each for each in config.pluginmanager.get_plugins() if hasattr(each, "item_index")), None)
    if worker is None:
        yield
        return
    now = worker.item_index
    worker.item_index = place
    try:
        yield
    finally:
        worker.item_index = now


def crash_report(item: pytest.Item, reason: str) -> pytest.TestReport:
    """The report of an item whose process died, as xdist makes it for a worker (``when`` is "???")."""
    return pytest.TestReport(
        nodeid=item.nodeid,
        location=item.location,
        keywords={},
        outcome="failed",
        longrepr=reason,
        when=_CRASHED,
    )


def is_crash(report: pytest.TestReport) -> bool:
    """Whether a report says that the item's process died (``DSession.handle_crashitem``)."""
    return bool(report.when == _CRASHED)

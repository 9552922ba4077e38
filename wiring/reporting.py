"""From the end of a phase to a verdict, and what pytest shows of it, writes down, and sends to other processes.

A pytest plugin.
"""

from collections.abc import Generator
from typing import Any

import pytest

from wiring.carried_row import drop, encode
from wiring.session_state import CURRENT
from wiring.verdicts import assess, conclude


def pytest_assertrepr_compare(config: pytest.Config, op: str, left: object, right: object) -> list[str] | None:
    """Keep both sides of a comparison that failed, and print them in the field's names."""
    state = config.stash[CURRENT]
    return None if state is None else state.compare(op, left, right)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the end of a phase into a verdict, and the end of the row into its record."""
    style = item.config.option.tbstyle
    try:
        if assess(item, call):
            item.config.option.tbstyle = "native"
        report = yield
    finally:
        item.config.option.tbstyle = style
    conclude(item, report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> Generator[None, object, object]:
    """Drop a row's record after every plugin has had the report: pytest keeps its reports to the end."""
    result = yield
    drop(report)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, dict[str, Any] | None, dict[str, Any] | None]:
    """Encode the row's record in a report that leaves this process."""
    data = yield
    if data is not None:
        encode(data)
    return data


def pytest_report_teststatus(report: pytest.CollectReport | pytest.TestReport) -> tuple[str, str, str] | None:
    """Show a row's verdict in place of pytest's outcome."""
    shown = getattr(report, "kconform_word", None)
    if shown is None or (report.when == "setup" and report.passed):
        return None
    category: str = "xfailed" if hasattr(report, "wasxfail") else report.outcome
    if report.failed and report.when != "call":
        category = "error"
    return category, shown[0], shown[1]

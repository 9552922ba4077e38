"""The controller's record of the run: each row that was collected is written down, however it ended.

A row comes with pytest's report of it, from this process or from a worker. One whose process died is written as a
harness-error, and one that was never reached as not exercised.
"""

import copy
import os
from pathlib import Path

import pytest

from fixtures.marks import RowPlan
from reports.formats import github
from reports.text import summary
from results.journal import JOURNAL
from results.records import CONFORMS, HARNESS_ERROR, NEVER_REACHED, NOT_EXERCISED, Row
from results.writer import Collector
from wiring.carried_row import take
from wiring.pytest_internals import drop_junit_reporter, is_crash, junit_reporter
from wiring.session_state import SUITES


class Recorder:
    """Gets the reports of all rows, from this process or from workers, and writes the results.

    Args:
        config: pytest's.
        collector: writes the records, and counts.
    """

    def __init__(self, config: pytest.Config, collector: Collector) -> None:
        self.config = config
        self.collector = collector
        self.folder = Path(config.option.results) if config.option.results else None
        self._interrupted = False

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note which rows will run, where this process runs them itself."""
        self._collect([item.nodeid for item in session.items])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Note which rows will run, where workers run them."""
        self._collect(ids)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Note that a row runs: if no report of it comes, its process died."""
        plan = RowPlan.parse(nodeid)
        if plan is not None and plan.id in self.collector.collected:
            _lose(self.collector.collected[plan.id])

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, error: object | None) -> None:
        """Note that a worker died: rows may be lost that it had not even announced."""
        if error is not None:
            for id_, row in self.collector.collected.items():
                if id_ not in self.collector.rows:
                    _lose(row)

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write a row down as soon as it has ended, or its worker has died."""
        carried = take(report)
        plan = RowPlan.parse(report.nodeid)
        if carried is not None:
            self.collector.add(*carried)
            if report.when == "call":
                self._end_in_junit(report)
        elif is_crash(report) and plan is not None and plan.id in self.collector.collected:
            row = self.collector.collected[plan.id]
            row.reason = f"the process that ran it died: {report.longrepr}"
            self.collector.add(row)
        if self.collector.broken is not None:
            drop_junit_reporter(self.config)
            pytest.exit(
                f"no more results can be written: {self.collector.broken.strerror}", pytest.ExitCode.INTERRUPTED
            )

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self) -> None:
        """Note that somebody ended the run: a second Ctrl-C may come before pytest has made an exit status of that."""
        self._interrupted = True

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the end, and the report. A row without a report fails the run, though pytest counts no failure."""
        missing = [row for id_, row in self.collector.collected.items() if id_ not in self.collector.rows]
        # ``--resume nothing`` gives the missing rows up.
        lost = any(row.unexpected for row in missing) or (missing and self.config.option.resume == "nothing")
        if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and self.collector.rows:  # All had ended earlier.
            session.exitstatus = exitstatus = pytest.ExitCode.OK
        if lost and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = exitstatus = pytest.ExitCode.TESTS_FAILED
        if self._interrupted:
            exitstatus = pytest.ExitCode.INTERRUPTED
        self.collector.finish(int(exitstatus))
        if self.folder is not None:
            self._end_in_folder(self.folder)
        if self.collector.broken is not None:
            session.exitstatus = pytest.ExitCode.INTERRUPTED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print what a person wants to know first."""
        if not self.collector.rows:
            return
        terminalreporter.section("conformance")
        for line in summary(self.collector.results()):
            terminalreporter.write_line(line)
        if self.collector.broken is not None:
            terminalreporter.write_line(f"INCOMPLETE: --results {self.folder}: {self.collector.broken.strerror}")
        elif self.folder is not None:
            terminalreporter.write_line(f"report: {self.folder / 'index.html'}")
        for line in github.at_the_end(self.collector.results(), os.environ):
            terminalreporter.write_line(line)

    def _end_in_folder(self, folder: Path) -> None:
        try:
            (folder / JOURNAL).unlink(missing_ok=True)
            if self.collector.rows:
                self.collector.write_page(folder / "index.html")
        except OSError as error:
            self.collector.broken = error
            drop_junit_reporter(self.config)
            (folder / "index.html").unlink(missing_ok=True)  # Half a page, or one of an earlier run.

    def _end_in_junit(self, report: pytest.TestReport) -> None:
        """Give JUnit's reporter a report of the tear-down, which it waits for (see ``wiring.row_protocol``)."""
        junit = junit_reporter(self.config)
        if junit is not None:
            ended = copy.copy(report)
            vars(ended).pop("wasxfail", None)
            ended.when, ended.outcome, ended.longrepr, ended.duration = "teardown", "passed", None, 0.0
            junit.pytest_runtest_logreport(ended)

    def _collect(self, nodeids: list[str]) -> None:
        for nodeid in nodeids:
            plan = RowPlan.parse(nodeid)
            if plan is not None and any(plan.clause in suite.clauses for suite in self.config.stash[SUITES]):
                row = blank_row(plan, nodeid)
                row.verdict, row.reason = NOT_EXERCISED, NEVER_REACHED
                self.collector.collect(row)


def _lose(row: Row) -> None:
    row.verdict, row.unexpected = HARNESS_ERROR, True
    row.reason = "the process that ran it died, or was stopped, before the row had ended"


def blank_row(plan: RowPlan, nodeid: str) -> Row:
    """The record of a row that has a plan and no outcome yet."""
    return Row(
        id=plan.id,
        clause=plan.clause,
        variant=plan.variant.fields(),
        test=nodeid,
        verdict=CONFORMS,
        unexpected=False,
        rerun=f"pytest --row {plan.id}",
    )

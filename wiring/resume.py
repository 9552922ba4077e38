"""Going on with a run that was cut off: what of it had ended, what is to be run now, and what its kernel died of."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from reports.text import failure, word
from results.files import CONSOLE, DIED, UNDER_WAY, evidence_folder
from results.ids import RowId
from results.journal import BEGUN, FOUND_DEAD, UNSETTLED, read_journal
from results.reader import ResultsError, read_results
from results.records import CONFORMS, DEVIATES, HARNESS_ERROR, NOT_EXERCISED, Evidence, Row, Run
from wiring.carried_row import attach
from wiring.recorder import blank_row
from wiring.session_state import EXPECTATIONS, SUITES, clause_of


@dataclass
class Earlier:
    """What is known of the part of a run that came earlier; of none where a run begins.

    ``how`` says what is to be run now: what was under way, the rest, or nothing. ``ended`` and ``begun`` are node ids.
    """

    how: str = ""
    run: Run | None = None
    rows: list[Row] = field(default_factory=list)
    ended: frozenset[str] = frozenset()
    begun: frozenset[str] = frozenset()

    @classmethod
    def asked_for(cls, config: pytest.Config, results: Path | None) -> "Earlier":
        """What ``--resume`` asks for.

        Raises:
            UsageError: when there is nothing to go on with.
        """
        how: str = config.option.resume
        try:
            return cls.read(results or Path(), how, config) if how else cls()
        except ResultsError as error:
            raise pytest.UsageError(f"--resume: {error}") from error

    @classmethod
    def read(cls, folder: Path, how: str, config: pytest.Config) -> "Earlier":
        """Read what an earlier part has left in the folder of its results.

        Raises:
            ResultsError: when there are no results of one run.
        """
        results, told = read_results(folder), read_journal(folder)
        rows = {row.test: row for row in results.rows}
        rows.update({nodeid: _dead_row(config, nodeid, folder) for nodeid in told[FOUND_DEAD] if nodeid not in rows})
        for nodeid in told[UNSETTLED]:
            rows[nodeid] = _unsettled(nodeid, rows.get(nodeid))
        return cls(how, results.run, list(rows.values()), frozenset(rows), frozenset(told[BEGUN]))

    def handed(self) -> dict[str, Any]:
        """What a worker has to know, as JSON has it."""
        return {"how": self.how, "ended": sorted(self.ended), "begun": sorted(self.begun)}

    @classmethod
    def taken(cls, handed: dict[str, Any]) -> "Earlier":
        """What ``handed`` gave, in the worker."""
        return cls(handed["how"], ended=frozenset(handed["ended"]), begun=frozenset(handed["begun"]))

    def wants(self, nodeid: str) -> bool:
        """Whether a row is to be run now. Of ``nothing``, all are collected, so that they are known by name."""
        return nodeid not in self.ended and (self.how != UNDER_WAY or nodeid in self.begun)

    def tell(self, config: pytest.Config) -> None:
        """Tell everybody of the rows that have ended, as of rows of this session."""
        for row in self.rows:
            config.hook.pytest_runtest_logreport(report=_report(row))


def _dead_row(config: pytest.Config, nodeid: str, folder: Path) -> Row:
    """The record of a row that the kernel died of."""
    row = _blank(nodeid)
    row.verdict, row.reason = DEVIATES, DIED
    row.expected, row.observed = "a kernel that lives on", DIED
    suite = next(suite for suite in config.stash[SUITES] if row.clause in suite.clauses)
    judgement = config.stash[EXPECTATIONS][suite.name].judge(row.id, deviates=True, observed=DIED)
    row.expectation, row.unexpected = judgement.record(), judgement.state != "met"
    row.detail = failure(row, clause_of(config, row.clause), "", "")
    path = f"{evidence_folder(row.id)}/{CONSOLE}"
    if (folder / path).is_file():
        row.evidence = [Evidence("kernel-log", path, "the console, up to the kernel's death")]
    return row


def _unsettled(nodeid: str, row: Row | None) -> Row:
    """Take back what a row came to when it was tried again alone: with it or with another the kernel had died."""
    words = f"{DIED} while this row and others were under way"
    if row is None:
        row = _blank(nodeid)
        row.reason = f"{words}, and it was not tried again"
    elif row.verdict != HARNESS_ERROR:
        row.reason = f"{words}, and of none of them when each was tried again alone; this one came to: {row.verdict}"
    row.verdict, row.unexpected = HARNESS_ERROR, True
    return row


def _blank(nodeid: str) -> Row:
    plan = RowId.parse(nodeid)
    if plan is None:
        raise ValueError(f"'{nodeid}' is no row")
    return blank_row(plan, nodeid)


def _report(row: Row) -> pytest.TestReport:
    """A row that has ended, as pytest would have heard of it."""
    path, _, name = row.test.partition("::")
    report = pytest.TestReport(
        nodeid=row.test,
        location=(path, 0, name),
        keywords={},
        outcome="failed" if row.unexpected else "passed" if row.verdict == CONFORMS else "skipped",
        longrepr=row.detail or row.reason,
        when="call",
        duration=row.seconds,
        user_properties=[("clause", row.clause), ("verdict", row.verdict)],
    )
    if report.passed:
        report.longrepr = None
    elif report.skipped and row.verdict == NOT_EXERCISED:
        report.longrepr = (path, 0, f"Skipped: {row.reason}")
    elif report.skipped:
        report.wasxfail = row.known_reason
    attach(report, row)
    vars(report)["kconform_word"] = word(row)
    return report

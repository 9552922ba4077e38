"""From the end of a phase to the row's verdict, its judgement by the expectations, and its record on the report."""

import pytest

from reports.text import failure, word
from results.expectations import Expectations, Judgement
from results.records import CONFORMS, DEVIATES, HARNESS_ERROR, NOT_EXERCISED, Row
from results.selection import find_suite
from wiring.carried_row import attach
from wiring.recorder import blank_row
from wiring.row_state import STATE, RowState
from wiring.session_state import EXPECTATIONS, SUITES, clause_of
from wiring.unrecorded import unrecorded


def assess(item: pytest.Item, call: pytest.CallInfo[None]) -> bool:
    """Take the outcome of a phase into the row's state; gives whether the row deviates as an expectation says.

    This comes before pytest describes the exception: for a known deviation nobody reads the source lines, and to find
    them costs as much as three rows.
    """
    state = item.stash.get(STATE, None)
    if state is None:
        return False
    if call.excinfo is None:
        if call.when == "call":
            state.passed()
    elif isinstance(call.excinfo.value, pytest.skip.Exception):
        state.skipped(str(call.excinfo.value.msg or call.excinfo.value))
    else:
        state.failed(call.excinfo.value, call.excinfo.tb, call.when)
    if call.when == "call" and state.verdict in (CONFORMS, DEVIATES):
        suite = find_suite(item.config.stash[SUITES], item.path)
        known = item.config.stash[EXPECTATIONS][suite.name] if suite else Expectations()
        state.judgement = known.judge(state.row.plan.id, deviates=state.verdict == DEVIATES, observed=state.observed)
    return state.verdict == DEVIATES and state.judgement is not None and state.judgement.state == "met"


def conclude(item: pytest.Item, report: pytest.TestReport) -> None:
    """Put the row's verdict into pytest's report of a phase, and its record into that of the tear-down."""
    state = item.stash.get(STATE, None)
    if state is None or (report.when == "setup" and report.passed):
        return
    row = _row(item, state)
    if report.when == "call" or report.failed:
        _explain(item, report, state, row)
    if report.when != "teardown" or report.failed:
        vars(report)["kconform_word"] = word(row)
    if report.when == "teardown":
        row.transcript = state.row.transcript.record()
        row.changes = state.changes()
        row.folder = str(state.row.folder) if state.row.folder is not None else None
        row.beside = unrecorded(item)
        attach(report, row)
        clause = clause_of(item.config, state.row.plan.clause)
        report.user_properties += [("clause", row.clause), ("verdict", row.verdict)]
        report.user_properties += [("document", document) for document in clause.documents] if clause else []


def _row(item: pytest.Item, state: RowState) -> Row:
    row = blank_row(state.row.plan, item.nodeid)
    judgement: Judgement = state.judgement or Judgement("none")
    row.verdict, row.reason = state.verdict, state.reason
    row.expected, row.observed = state.expected, state.observed
    row.expectation = judgement.record()
    row.unexpected = (
        judgement.unexpected or row.verdict == HARNESS_ERROR or (row.verdict == DEVIATES and judgement.state != "met")
    )
    row.seconds = round(state.seconds, 6)
    row.topology = state.row.topology_record
    row.detail = state.detail
    return row


def _explain(item: pytest.Item, report: pytest.TestReport, state: RowState, row: Row) -> None:
    """Make pytest's report of a phase say what the row says."""
    if row.verdict in (CONFORMS, NOT_EXERCISED) and not row.unexpected:
        return
    state.detail = failure(
        row, clause_of(item.config, row.clause), state.row.transcript.text(), str(report.longrepr or "")
    )
    row.detail = state.detail
    report.longrepr = state.detail
    if row.unexpected:
        report.outcome = "failed"
    else:
        report.outcome = "skipped"
        report.wasxfail = (row.expectation or {}).get("reason", "")

"""Tests become rows: which rows there are, which of them run, in which order, and whether they match the catalogue.

A pytest plugin.
"""

import gc
from collections.abc import Generator
from itertools import chain

import pytest

from fixtures.marks import PlanError, RowPlan, rows_of
from fixtures.plugin import why_not
from fixtures.syscalls.registry import carries
from results import selection
from results.catalogue import CatalogueError, Suite, load_suites
from results.selection import Selection, SelectionError
from wiring.process_pool import WAITS, shares
from wiring.pytest_internals import parameter, remember_conftests, worker_count
from wiring.session_state import EARLIER, EXPECTATIONS, SELECTION, SUITES, clause_of


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make rows of a suite's test function."""
    suite = selection.find_suite(metafunc.config.stash[SUITES], metafunc.definition.path)
    if suite is None:
        return
    try:
        rows = rows_of(metafunc.definition)
    except PlanError as error:
        raise pytest.Collector.CollectError(str(error)) from error
    for row in rows:
        if row.clause not in suite.clauses:
            raise pytest.Collector.CollectError(selection.unknown_clause(suite, row.clause, metafunc.definition.nodeid))
        if not any(carries(row.variant.entry, call) for call in suite.calls):
            raise pytest.Collector.CollectError(
                f"{metafunc.definition.nodeid}: the entry point '{row.variant.entry}' can't make "
                f"{' or '.join(suite.calls)}(): the row would name an entry point that it did not take"
            )
    metafunc.parametrize("_row", rows, ids=[row.id for row in rows], indirect=True)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Fail a module of a suite that is skipped as a whole: its rows would be missing from the results."""
    report = yield
    if report.skipped and selection.find_suite(collector.config.stash[SUITES], collector.path) is not None:
        report.outcome = "failed"
        report.longrepr = f"{collector.nodeid} is skipped as a whole, and its rows are missing then: use @needs"
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Check tests and catalogue against each other, keep the rows that were asked for, start long waits first."""
    suites = config.stash[SUITES]
    for suite in suites:
        mine = [item for item in items if selection.find_suite(suites, item.path) is suite]
        if not adds_up(config, suite, mine, whole=is_whole(config, suite, mine)):
            items.clear()
            return
    chosen, earlier = config.stash[SELECTION], config.stash[EARLIER]
    kept = items if chosen.everything else [item for item in items if wanted(config, item, chosen)]
    for item in kept:
        if isinstance(item, pytest.Function):
            item.stash[WAITS] = wait_of(item)
    if config.option.share is not None:
        number, count = config.option.share
        kept = shares(kept, count)[number]
    if earlier.how:
        kept = [item for item in kept if earlier.wants(item.nodeid)]
    gone = set(items).difference(kept)
    config.hook.pytest_deselected(items=[item for item in items if item in gone])
    # A share for each worker, one behind the other: xdist hands them out in this order.
    items[:] = chain.from_iterable(shares(kept, worker_count(config)))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Settle what no longer changes; keep the garbage collector from looking through all items again and again."""
    remember_conftests(session)
    gc.collect()
    gc.freeze()
    # Rows leave few cycles behind; to look for them at the usual rate costs a second of a run.
    gc.set_threshold(100_000)


def load(config: pytest.Config) -> tuple[list[Suite], Selection]:
    """The suites of the project, and what was asked for of them.

    Raises:
        UsageError: when a catalogue can't be read, or nothing has a name that was asked for.
    """
    options = config.option
    chosen = Selection(tuple(options.clause), tuple(options.document), tuple(options.row), tuple(options.entry))
    try:
        suites = load_suites(config.rootpath / "suites")
        chosen.check(suites)
    except (CatalogueError, SelectionError) as error:
        raise pytest.UsageError(str(error)) from error
    return suites, chosen


def is_whole(config: pytest.Config, suite: Suite, items: list[pytest.Item]) -> bool:
    """Whether every test of a suite was collected: only then can it be said that a clause has none."""
    files = {item.path for item in items}
    named = any("::" in argument for argument in config.args)
    return bool(items) and not named and files.issuperset(suite.folder.rglob("test_*.py"))


def adds_up(config: pytest.Config, suite: Suite, items: list[pytest.Item], *, whole: bool) -> bool:
    """Say, as an error of the collection, where rows, clauses and expectations do not add up."""
    rows = [plan_of(item) for item in items if isinstance(item, pytest.Function)]
    known = config.stash[EXPECTATIONS][suite.name]
    found = selection.problems(suite, known, [(row.id, row.clause) for row in rows], whole=whole)
    if found:
        message = f"the suite '{suite.name}' does not add up:\n" + "\n".join(found)
        report = pytest.CollectReport(str(suite.folder), "failed", message, [])
        config.hook.pytest_collectreport(report=report)
    return not found


def wanted(config: pytest.Config, item: pytest.Item, chosen: Selection) -> bool:
    """Tell whether a row is among those that were asked for."""
    plan = RowPlan.parse(item.nodeid)
    clause = clause_of(config, plan.clause) if plan is not None else None
    return (
        plan is not None
        and clause is not None
        and chosen.wants(plan.id, plan.clause, clause.documents, plan.variant.entry)
    )


def wait_of(item: pytest.Function) -> float:
    """How long the kernel makes a row wait: by its marks, and where it does otherwise, by what is known of that."""
    suite = selection.find_suite(item.config.stash[SUITES], item.path)
    try:
        if suite is None or why_not(item, plan_of(item)):
            return 0.0
    except LookupError:  # The row itself will say so.
        return 0.0
    known = item.config.stash[EXPECTATIONS][suite.name].find(plan_of(item).id)
    return max(float(sum(mark.args[0] for mark in item.iter_markers("waits"))), known.waits if known else 0.0)


def plan_of(item: pytest.Function) -> RowPlan:
    """The row that a test is, once it is collected."""
    plan: RowPlan = parameter(item, "_row")
    return plan

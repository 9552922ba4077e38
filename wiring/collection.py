"""Which rows a run is to have: what was asked for, whether it adds up with the catalogue, and how long each waits."""

import pytest

from fixtures.marks import RowPlan
from fixtures.plugin import why_not
from results import selection
from results.catalogue import CatalogueError, Suite, load_suites
from results.selection import Selection, SelectionError
from wiring.session_state import EXPECTATIONS, SUITES, clause_of


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
    plan: RowPlan = item.callspec.params["_row"]  # type: ignore[assignment]  # What pytest_generate_tests put there.
    return plan

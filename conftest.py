"""The wiring of kconform and its command line options, and nothing else.

Every hook here hands on to a room: netns isolates, fixtures make rows of tests, reports write down what they came to.
"""

import gc
import json
import os
import shutil
import tempfile
from collections.abc import Generator
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

pytest.register_assert_rewrite("fixtures", "suites")

from fixtures.contexts import control_groups as cgroups
from fixtures.marks import PlanError, RowPlan, rows_of
from fixtures.plugin import FEATURES, RUN_FOLDER, carries, lives_in_kept_topology
from fixtures.probes.facts import (
    implementation,
    kernel_facts,
    privilege_facts,
    security_modules,
    system_facts,
    upstream_release,
)
from fixtures.probes.features import Feature, probe_all, probe_entries
from netns import IsolationError, enter_private_network, in_user_namespace, kept_loopback
from reports.text import listing
from results import selection
from results.catalogue import CatalogueError
from results.expectations import KernelFacts, load_expectations
from results.files import JOURNAL, NOTHING, UNDER_WAY
from results.journal import Journal
from results.records import SCHEMA_VERSION, Run
from results.version import version_record
from results.writer import Collector
from wiring.collection import adds_up, is_whole, load, plan_of, wait_of, wanted
from wiring.evidence import EVIDENCE, EvidencePlan
from wiring.options import declare
from wiring.process_pool import WAITS, Overlap, shares
from wiring.reaper import Keeper, hold
from wiring.recorder import Recorder
from wiring.resume import Earlier
from wiring.rlimits import what_is_short
from wiring.row_protocol import run_row, watch
from wiring.row_state import ROW, RowState
from wiring.session_state import CURRENT, EXPECTATIONS, ISOLATION, OVERLAP, SELECTION, SUITES
from wiring.verdicts import assess, conclude

# pytester is for the tests of the harness; pytest takes plugins from this file only.
pytest_plugins = ["fixtures.plugin", "pytester"]

ROOT = Path(__file__).parent
KEEPER = pytest.StashKey[Keeper]()
EARLIER = pytest.StashKey[Earlier]()
JOURNALS = pytest.StashKey[Journal]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of kconform."""
    declare(parser)


def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Answer --list-clauses without running anything."""
    if not config.option.list_clauses:
        return None
    suites, chosen = load(config)
    for suite in suites:
        shown = [each for each in suite.clauses.values() if chosen.wants("", each.id, each.documents)]
        print("\n".join(listing(shown)))  # noqa: T201  The answer to --list-clauses.
    return 0


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Read the catalogue and leave the network that this process was started in, before anything else happens."""
    config.addinivalue_line("markers", "clause(id, case): the clause that a test tries")
    config.addinivalue_line("markers", "variants(families, types, modes, entry points): in which variants it is tried")
    config.addinivalue_line("markers", "cases(table): the lines of a table of like cases")
    config.addinivalue_line("markers", "topology(name): the topology that the test stands in")
    config.addinivalue_line("markers", "needs(feature): a feature without which it is not exercised")
    config.addinivalue_line("markers", "slow(reason): why it takes minutes, so that it is exercised only with --slow")
    config.addinivalue_line("markers", "waits(seconds): how long the kernel makes it wait")
    if short := what_is_short():
        raise pytest.UsageError(short)
    suites, chosen = load(config)
    config.stash[SUITES], config.stash[SELECTION], config.stash[CURRENT] = suites, chosen, None
    config.stash[OVERLAP] = Overlap(getattr(config, "workerinput", {}).get("workercount", 1))
    watch()
    try:
        facts = KernelFacts(upstream_release(), implementation(), security_modules())
        config.stash[EXPECTATIONS] = {suite.name: load_expectations(suite, facts) for suite in suites}
        config.stash[ISOLATION] = enter_private_network()
    except (CatalogueError, IsolationError) as error:
        raise pytest.UsageError(str(error)) from error
    if _is_worker(config):
        handed = json.loads(config.workerinput["kconform"])  # type: ignore[attr-defined]  # Set by xdist.
        config.stash[FEATURES] = {name: Feature(**fields) for name, fields in handed["features"].items()}
        hold(Path(handed["folder"]))
        config.stash[RUN_FOLDER] = cgroups.noted_in = _worker_folder(handed["folder"])
        results = Path(handed["results"]) if handed["results"] else None
        config.stash[EVIDENCE] = EvidencePlan(results, config.option.evidence)
        config.stash[EARLIER], config.stash[JOURNALS] = Earlier.taken(handed["earlier"]), Journal(results)
        return
    results = Path(config.option.results).absolute() if config.option.results else None
    config.stash[EVIDENCE] = EvidencePlan(results, config.option.evidence)
    config.stash[EARLIER], config.stash[JOURNALS] = Earlier.asked_for(config, results), Journal(results)
    try:
        config.stash[KEEPER] = Keeper(results)
    except OSError as error:
        raise pytest.UsageError(
            f"kconform needs a temporary folder, and a process to watch over it: {error}"
        ) from error
    config.stash[RUN_FOLDER] = cgroups.noted_in = config.stash[KEEPER].folder
    if in_user_namespace() and not config.option.basetemp:
        # User 0 of a user namespace is not the root whose pytest-of-root folder may lie in the temporary folder.
        config.option.basetemp = str(config.stash[RUN_FOLDER] / "pytest")
    if getattr(config.option, "dist", "no") == "load":
        # Each worker gets its share at once and asks for more when it is done: no message for every single row.
        config.option.dist = "worksteal"
    if config.option.results and not config.option.xmlpath:
        config.option.xmlpath = str(Path(config.option.results) / "junit.xml")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing on the machine, whatever became of the workers."""
    # What is left ends with the process; to look through a million objects for cycles first takes a second.
    gc.freeze()
    if KEEPER in config.stash:
        config.stash[KEEPER].dismiss()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Find out what this kernel can do, and begin the results file, before workers are started."""
    config = session.config
    if _is_worker(config):
        return
    entries = probe_entries(suite.call for suite in config.stash[SUITES])
    config.stash[FEATURES] = probe_all() | {f"entry:{name}": entry for name, entry in entries.items()}
    run = Run(
        schema=SCHEMA_VERSION,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        kernel=kernel_facts(),
        system=system_facts(),
        privilege=privilege_facts(config.stash[ISOLATION]),
        features={name: each.record() for name, each in config.stash[FEATURES].items() if name[:5] != "entry:"},
        entries={name: entry.record() for name, entry in entries.items()},
        kconform=version_record(ROOT),
        command=["pytest", *config.invocation_params.args],
        suites=[suite.record() for suite in config.stash[SUITES]],
    )
    folder, earlier = config.stash[EVIDENCE].results, config.stash[EARLIER]
    try:
        collector = Collector(folder, earlier.run or run, earlier.rows)
    except OSError as error:
        raise pytest.UsageError(f"--results {folder}: can't be written: {error.strerror}") from error
    if folder is not None and not earlier.how:
        shutil.rmtree(folder / "evidence", ignore_errors=True)  # That of an earlier run, whose results are gone, too.
        (folder / JOURNAL).unlink(missing_ok=True)
    config.pluginmanager.register(Recorder(config, collector, earlier.rows), "kconform-recorder")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Hand a new worker what was found out once for the whole run."""
    features = {name: asdict(feature) for name, feature in node.config.stash[FEATURES].items()}
    folder, results = str(node.config.stash[RUN_FOLDER]), node.config.stash[EVIDENCE].results
    handed = {"features": features, "folder": folder, "results": str(results) if results else None}
    handed["earlier"] = node.config.stash[EARLIER].handed()
    node.workerinput["kconform"] = json.dumps(handed)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """What ``-n auto`` means: a worker for each processor that there is for us, since rows that wait do so apart."""
    if os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS"):
        return None
    return len(os.sched_getaffinity(0))


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
        if not carries(row.variant.entry, suite.call):
            raise pytest.Collector.CollectError(
                f"{metafunc.definition.nodeid}: the entry point '{row.variant.entry}' does not carry {suite.call}(): "
                "the row would say that it went through it, and it would not"
            )
    metafunc.parametrize("_row", rows, ids=[row.id for row in rows], indirect=True)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Let nobody skip a module of a suite as a whole: its rows would be missing without a word."""
    report = yield
    if report.skipped and selection.find_suite(collector.config.stash[SUITES], collector.path) is not None:
        report.outcome = "failed"
        report.longrepr = f"{collector.nodeid} is skipped as a whole, so that nobody hears of its rows: use @needs"
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Check tests and catalogue against each other, keep the rows that were asked for, start long waits first."""
    for suite in config.stash[SUITES]:
        mine = [item for item in items if item.path.is_relative_to(suite.folder)]
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
    items[:] = chain.from_iterable(shares(kept, getattr(config, "workerinput", {}).get("workercount", 1)))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Keep the collector of garbage from looking through all items, which live to the end, again and again."""
    # Which conftest files are whose is settled now; pytest looks it up thirty times in a row.
    vars(session)["gethookproxy"] = cache(session.gethookproxy)
    gc.collect()
    gc.freeze()
    # Rows leave few cycles behind; to look for them at the usual rate costs a second of a run.
    gc.set_threshold(100_000)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Let a row that waits wait in a process of its own, unless somebody wants to debug it here."""
    if RowPlan.parse(item.nodeid) is None:
        return None
    overlap = item.config.stash[OVERLAP]
    here = item.config.option.usepdb or item.config.option.capture == "no"
    alone = item.config.stash[EARLIER].how == UNDER_WAY
    if here or not (alone or item.stash.get(WAITS, 0.0)):
        run_row(item, nextitem)
        overlap.collect()
    else:
        overlap.start(item, nextitem)
        if alone:
            overlap.drain()
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, bool, bool]:
    """Wait for the rows that wait before the run is over."""
    overlap, earlier = session.config.stash[OVERLAP], session.config.stash[EARLIER]
    if earlier.how == NOTHING:
        session.items.clear()
    try:
        result = yield
        overlap.drain()
    finally:
        overlap.abandon()
    if not _is_worker(session.config):
        earlier.tell(session.config)
    return result


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin a row."""
    suite = selection.find_suite(item.config.stash[SUITES], item.path)
    state = None
    item.config.stash[JOURNALS].begin(item.nodeid)
    if suite is not None and isinstance(item, pytest.Function):
        if lives_in_kept_topology(item, plan_of(item)):
            kept_loopback.make_ready()  # Now, since it stays: what is there after the row and was not before is a leak.
        state = RowState(plan_of(item), suite.call, suite.folder)
        item.stash[ROW] = state
    item.config.stash[CURRENT] = state


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, Any, Any]:
    """After a row's fixtures are gone, see that nothing is left of it."""
    result = yield
    state = item.stash.get(ROW, None)
    if state is not None:
        state.before.check(forgiven=frozenset(state.stuck))
    return result


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
    """Drop a row's record when everybody has heard of it: pytest keeps its reports to the end."""
    heard = yield
    vars(report).pop("kconform_row", None)
    return heard


def pytest_report_teststatus(report: pytest.CollectReport | pytest.TestReport) -> tuple[str, str, str] | None:
    """Show a row's verdict in place of pytest's word for it."""
    said = getattr(report, "kconform_word", None)
    if said is None or (report.when == "setup" and report.passed):
        return None
    category: str = "xfailed" if hasattr(report, "wasxfail") else report.outcome
    if report.failed and report.when != "call":
        category = "error"
    return category, said[0], said[1]


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _worker_folder(parent: str) -> Path:
    """A worker's folder for what rows need in the file system; another user, whom a row may become, gets through it."""
    made = Path(tempfile.mkdtemp(dir=parent, prefix=""))
    made.chmod(0o711)
    return made

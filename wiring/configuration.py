"""What a session keeps from its beginning to its end, and what is found out once for the whole run.

A pytest plugin: it reads the catalogue, leaves the network that the process was started in, tries what the kernel can
do, begins the results file, and passes to each worker what the controller found out.
"""

import gc
import json
import os
import shutil
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fixtures.contexts import control_groups
from fixtures.plugin import FEATURES, RUN_FOLDER
from fixtures.probes.facts import (
    implementation,
    kernel_facts,
    privilege_facts,
    security_modules,
    system_facts,
    upstream_release,
)
from fixtures.probes.features import Feature, probe_all, probe_entries
from netns import IsolationError, enter_private_network, in_user_namespace
from results.catalogue import CatalogueError
from results.expectations import KernelFacts, load_expectations
from results.files import EVIDENCE as EVIDENCE_FOLDER
from results.files import JOURNAL, JUNIT
from results.journal import Journal
from results.records import SCHEMA_VERSION, Run
from results.version import version_record
from results.writer import Collector
from wiring.collection import load
from wiring.process_pool import ProcessPool
from wiring.pytest_internals import hand_to_worker, handed_to_worker, is_worker, worker_count
from wiring.reaper import Reaper, hold
from wiring.recorder import Recorder
from wiring.rerun import EVIDENCE, EvidencePlan
from wiring.resume import Earlier
from wiring.rlimits import what_is_short
from wiring.row_protocol import explain_hangs
from wiring.session_state import CURRENT, EARLIER, EXPECTATIONS, ISOLATION, JOURNALS, POOL, REAPER, SELECTION, SUITES

ROOT = Path(__file__).parents[1]
_MARKERS = (
    "clause(id, case): the clause that a test tries",
    "variants(families, types, modes, entries): in which variants it is tried",
    "cases(table): the lines of a table of like cases",
    "topology(name): the topology that the test stands in",
    "needs(feature): a feature without which it is not exercised",
    "slow(reason): why it takes minutes, so that it is exercised only with --slow",
    "waits(seconds): how long the kernel makes it wait",
)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Read the catalogue and leave the network that this process was started in, before anything else happens."""
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)
    if short := what_is_short():
        raise pytest.UsageError(short)
    suites, chosen = load(config)
    config.stash[SUITES], config.stash[SELECTION], config.stash[CURRENT] = suites, chosen, None
    config.stash[POOL] = ProcessPool(worker_count(config))
    explain_hangs()
    try:
        facts = KernelFacts(upstream_release(), implementation(), security_modules())
        config.stash[EXPECTATIONS] = {suite.name: load_expectations(suite, facts) for suite in suites}
        config.stash[ISOLATION] = enter_private_network()
    except (CatalogueError, IsolationError) as error:
        raise pytest.UsageError(str(error)) from error
    if is_worker(config):
        _configure_worker(config)
    else:
        _configure_controller(config)


def _configure_worker(config: pytest.Config) -> None:
    handed = json.loads(handed_to_worker(config))
    config.stash[FEATURES] = {name: Feature(**fields) for name, fields in handed["features"].items()}
    hold(Path(handed["folder"]))
    folder = Path(tempfile.mkdtemp(dir=handed["folder"], prefix=""))
    folder.chmod(0o711)  # Another user, whom a row may become, gets through it.
    config.stash[RUN_FOLDER] = control_groups.noted_in = folder
    results = Path(handed["results"]) if handed["results"] else None
    config.stash[EVIDENCE] = EvidencePlan(results, config.option.evidence)
    config.stash[EARLIER], config.stash[JOURNALS] = Earlier.taken(handed["earlier"]), Journal(results)


def _configure_controller(config: pytest.Config) -> None:
    results = Path(config.option.results).absolute() if config.option.results else None
    config.stash[EVIDENCE] = EvidencePlan(results, config.option.evidence)
    config.stash[EARLIER], config.stash[JOURNALS] = Earlier.asked_for(config, results), Journal(results)
    try:
        config.stash[REAPER] = Reaper(results)
    except OSError as error:
        raise pytest.UsageError(
            f"kconform needs a temporary folder, and a process to watch over it: {error}"
        ) from error
    config.stash[RUN_FOLDER] = control_groups.noted_in = config.stash[REAPER].folder
    if in_user_namespace() and not config.option.basetemp:
        # User 0 of a user namespace is not the root whose pytest-of-root folder may lie in the temporary folder.
        config.option.basetemp = str(config.stash[RUN_FOLDER] / "pytest")
    if getattr(config.option, "dist", "no") == "load":
        # Each worker gets its share at once and asks for more when it is done: no message for every single row.
        config.option.dist = "worksteal"
    if config.option.results and not config.option.xmlpath:
        config.option.xmlpath = str(Path(config.option.results) / JUNIT)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing on the machine, however the workers ended."""
    # What is left ends with the process; to look through a million objects for cycles first takes a second.
    gc.freeze()
    if REAPER in config.stash:
        config.stash[REAPER].dismiss()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Find out what this kernel can do, and begin the results file, before workers are started."""
    config = session.config
    if is_worker(config):
        return
    entries = probe_entries(call for suite in config.stash[SUITES] for call in suite.calls)
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
        shutil.rmtree(
            folder / EVIDENCE_FOLDER, ignore_errors=True
        )  # That of an earlier run, whose results are gone, too.
        (folder / JOURNAL).unlink(missing_ok=True)
    config.pluginmanager.register(Recorder(config, collector, earlier.rows), "kconform-recorder")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Hand a new worker what was found out once for the whole run."""
    config: pytest.Config = node.config
    results = config.stash[EVIDENCE].results
    handed = {
        "features": {name: asdict(feature) for name, feature in config.stash[FEATURES].items()},
        "folder": str(config.stash[RUN_FOLDER]),
        "results": str(results) if results else None,
        "earlier": config.stash[EARLIER].handed(),
    }
    hand_to_worker(node, json.dumps(handed))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """What ``-n auto`` means: a worker for each processor that we may use, since rows that wait do so elsewhere."""
    if os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS"):
        return None
    return len(os.sched_getaffinity(0))

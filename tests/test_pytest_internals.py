"""Each private part of pytest and pytest-xdist that we use is there and does what we use it for.

A test that fails here names the function of ``wiring.pytest_internals`` to mend, and the private name that has changed.
"""

import ast
import importlib
import inspect
import io
import subprocess
import sys
import tokenize
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Project
from wiring import pytest_internals

USES = [
    ("run_item", "_pytest.runner", "runtestprotocol", ("item", "log", "nextitem")),
    ("tear_down_shared", "_pytest.runner", "SetupState.teardown_exact", ("self", "nextitem")),
    ("remember_conftests", "_pytest.main", "Session.gethookproxy", ("self", "fspath")),
    ("junit_reporter, drop_junit_reporter", "_pytest.junitxml", "xml_key", None),
    ("reporting_item", "xdist.remote", "WorkerInteractor.pytest_runtest_logreport", ("self", "report")),
    ("is_crash, crash_report", "xdist.dsession", "DSession.handle_crashitem", ("self", "nodeid", "worker")),
]
TEST = "import pytest\n\n@pytest.fixture\ndef thing():\n    return 7\n\ndef test_func(thing):\n    assert thing == 7\n"
TWO_LINES = """
import pytest

@pytest.mark.parametrize("line", [1, 2], ids=["first", "second"])
def test_func(line):
    pass
"""


@pytest.fixture(autouse=True)
def _without_hypothesis(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """As our own pytest runs: loaded once more in this process, Hypothesis' plugin warns in all tests that follow."""
    if "pytester" in request.fixturenames:
        request.getfixturevalue("pytester")  # It clears the variable.
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:hypothesispytest")


@pytest.mark.parametrize(("function", "module", "name", "parameters"), USES, ids=[use[0] for use in USES])
def test_private_names_are_there(function: str, module: str, name: str, parameters: tuple[str, ...] | None) -> None:
    wrong = f"mend wiring.pytest_internals.{function}: {module}.{name} has changed"
    value: Any = importlib.import_module(module)
    for part in name.split("."):
        value = getattr(value, part, None)
        assert value is not None, wrong
    if parameters is not None:
        assert tuple(inspect.signature(value).parameters) == parameters, wrong


def test_run_item(pytester: pytest.Pytester) -> None:
    item = pytester.getitem(TEST)
    reports = pytest_internals.run_item(item, None)
    assert [(report.when, report.outcome) for report in reports] == [
        (phase, "passed") for phase in ("setup", "call", "teardown")
    ], "mend run_item: _pytest.runner.runtestprotocol does not give the three phases' reports"


def test_run_item_again(pytester: pytest.Pytester) -> None:
    """A row is run once more for evidence."""
    item = pytester.getitem(TEST)
    first, second = (pytest_internals.run_item(item, None) for _ in range(2))
    assert [report.outcome for report in second] == [report.outcome for report in first] == ["passed"] * 3, (
        "mend run_item: _pytest.runner.runtestprotocol does not run an item a second time"
    )


def test_tear_down_shared(pytester: pytest.Pytester) -> None:
    item = pytester.getitem(TEST)
    ended: list[str] = []
    item.session._setupstate.setup(item)  # noqa: SLF001  What tear_down_shared ends.
    item.addfinalizer(lambda: ended.append(item.name))
    pytest_internals.tear_down_shared(item.session, None)
    assert ended == ["test_func"], "mend tear_down_shared: Session._setupstate.teardown_exact tears nothing down"


def test_remember_conftests(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    item = pytester.getitem(TEST)
    asked: list[Any] = []
    find = type(item.session).gethookproxy

    def noted(session: pytest.Session, path: Path) -> Any:
        asked.append(path)
        return find(session, path)

    monkeypatch.setattr(type(item.session), "gethookproxy", noted)
    pytest_internals.remember_conftests(item.session)
    assert item.ihook is item.ihook
    assert len(asked) == 1, "mend remember_conftests: Node.ihook does not ask Session.gethookproxy, or always anew"


def test_fixture_function(pytester: pytest.Pytester) -> None:
    item = pytester.getitem(TEST)
    assert isinstance(item, pytest.Function)
    found = pytest_internals.fixture_function(item, "thing")
    assert found is not None
    assert found.__name__ == "thing", "mend fixture_function: Function._fixtureinfo does not give a fixture's function"
    assert pytest_internals.fixture_function(item, "another") is None


def test_parameter(pytester: pytest.Pytester) -> None:
    items = pytester.getitems(TWO_LINES)
    found = [pytest_internals.parameter(item, "line") for item in items if isinstance(item, pytest.Function)]
    assert found == [1, 2], "mend parameter: Function.callspec.params has changed"
    with pytest.raises(LookupError, match="has no parameter 'other'"):
        pytest_internals.parameter(items[0], "other")  # type: ignore[arg-type]


def test_junit_reporter(pytester: pytest.Pytester) -> None:
    assert pytest_internals.junit_reporter(pytester.parseconfigure()) is None
    config = pytester.parseconfigure("--junit-xml=out.xml")
    reporter = pytest_internals.junit_reporter(config)
    assert reporter in config.pluginmanager.get_plugins(), "mend junit_reporter: _pytest.junitxml.xml_key has changed"
    pytest_internals.drop_junit_reporter(config)
    assert pytest_internals.junit_reporter(config) is None
    assert reporter not in config.pluginmanager.get_plugins(), "mend drop_junit_reporter: the reporter is still there"


def test_stop_capturing(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeconftest(
        "import sys\nfrom wiring.pytest_internals import stop_capturing\n"
        "def pytest_runtest_call(item):\n"
        "    assert item.config.pluginmanager.hasplugin('capturemanager')\n"
        "    stop_capturing(item.config)\n"
        "    assert not item.config.pluginmanager.hasplugin('capturemanager')\n"
        "    assert sys.stdout.name == '/dev/null'\n"
        "    import os\n    os._exit(3)\n"
    )
    pytester.makepyfile(TEST)
    ran = pytester.run(sys.executable, "-m", "pytest", "-p", "no:cacheprovider")
    assert ran.ret == 3, "mend stop_capturing: the plugin 'capturemanager' has changed\n" + ran.stdout.str()


WORKER = """
from wiring import pytest_internals as internals

def pytest_configure_node(node):
    assert not internals.is_worker(node.config)
    assert internals.worker_count(node.config) == 1
    internals.hand_to_worker(node, "what the controller knows")

def pytest_runtest_setup(item):
    assert internals.is_worker(item.config)
    assert internals.handed_to_worker(item.config) == "what the controller knows"
    assert internals.worker_count(item.config) == 2
"""


def test_workers(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeconftest(WORKER)
    pytester.makepyfile(TEST)
    ran = pytester.runpytest_subprocess("-n", "2")
    assert ran.ret == 0, (
        "mend is_worker, worker_count, hand_to_worker or handed_to_worker: config.workerinput has changed\n"
        + ran.stdout.str()
    )


LATE_REPORT = """
import pytest
from wiring import pytest_internals as internals

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    reports[item] = internals.run_item(item, nextitem)
    if nextitem is None:
        for place, each in enumerate(item.session.items):
            item.ihook.pytest_runtest_logstart(nodeid=each.nodeid, location=each.location)
            with internals.reporting_item(item.config, place):
                for report in reports[each]:
                    item.ihook.pytest_runtest_logreport(report=report)
    return True

reports = {}
"""


@pytest.mark.parametrize("workers", ["0", "1"])
def test_reporting_item(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: str) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeconftest(LATE_REPORT)
    pytester.makepyfile(TWO_LINES)
    ran = pytester.runpytest_subprocess("-n", workers)
    assert ran.ret == 0, "mend reporting_item: WorkerInteractor.item_index has changed\n" + ran.stdout.str()
    ran.assert_outcomes(passed=2)


def test_crash_report(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """xdist's own report of a dead worker is one, ours is one, and that of a row that failed is none."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeconftest(
        "from wiring.pytest_internals import is_crash\n"
        "def pytest_runtest_logreport(report):\n    print('CRASH' if is_crash(report) else 'none', report.nodeid)\n"
    )
    pytester.makepyfile("import os\ndef test_dies():\n    os._exit(1)\ndef test_fails():\n    assert False\n")
    said = pytester.runpytest_subprocess("-n", "1", "-s", "--max-worker-restart=1").stdout.str().splitlines()
    crashes = {line.partition("::")[2] for line in said if "CRASH " in line}
    assert crashes == {"test_dies"}, "mend is_crash: the report of DSession.handle_crashitem has changed"
    item = pytester.getitem(TEST)
    assert pytest_internals.is_crash(pytest_internals.crash_report(item, "it died"))


PRIVATE = {"_setupstate", "_fixtureinfo", "callspec", "gethookproxy", "item_index", "workerinput", "xml_key"}
ALONE = {ROOT / "wiring" / "pytest_internals.py", Path(__file__)}
CODE = [path for path in sorted(ROOT.rglob("*.py")) if ".venv" not in path.parts and path not in ALONE]


def test_one_module_uses_private_parts() -> None:
    """Ruff forbids the imports, unless a comment allows one; this looks at names, and at comments nowhere."""
    found = [f"{path.relative_to(ROOT)}: {name}" for path in CODE for name in sorted(_private_names(path))]
    assert not found, "only wiring/pytest_internals.py may touch these: " + ", ".join(found)


def _private_names(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    names = {each.string for each in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline)}
    return {name for name in modules if name.split(".")[0] in ("_pytest", "xdist")} | names & PRIVATE


@pytest.mark.parametrize(
    ("path", "line", "status"),
    [
        ("wiring/collection.py", "from _pytest.runner import runtestprotocol", 1),
        ("fixtures/plugin.py", "import xdist.remote", 1),
        ("conftest.py", "import _pytest.main", 1),
        ("wiring/pytest_internals.py", "from _pytest.runner import runtestprotocol", 0),
    ],
)
def test_lint_forbids_private_imports(path: str, line: str, status: int) -> None:
    command = [sys.executable, "-m", "ruff", "check", "--select=TID251", "--stdin-filename", path, "-"]
    ran = subprocess.run(command, input=f"{line}\n", cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == status, ran.stdout + ran.stderr


def test_what_a_session_lacks_is_named(project: Project) -> None:
    """A session without the plugin that keeps a thing says which, and a fixture outside of a suite says why."""
    project.pytester.makepyfile(test_elsewhere="def test_outside(sock):\n    pass\n")
    assert "is no row that runs: these fixtures are for tests of a suite" in project.run("test_elsewhere.py").output
    project.test("sock.connect(server.address)")
    lacking = project.run("-p", "no:wiring.configuration")
    assert "the suites, which wiring.configuration keeps: is that plugin loaded" in lacking.output

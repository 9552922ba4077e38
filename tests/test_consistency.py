"""Results that lie, and runs that leave something out, show: in the report, on the terminal, or by stopping the run."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from msgspec import to_builtins
from msgspec.structs import replace

from reports.html.render import render
from reports.text import summary
from results.reader import read_results
from tests.conftest import Project
from tests.test_results import data_of
from tests.tools.samples import CALL, RECORDS, run_reports, written

Record = dict[str, Any]


def _end(**what: Any) -> Callable[[list[Record]], None]:
    return lambda records: records[-1].update(what)


def _row(name: str, **what: Any) -> Callable[[list[Record]], None]:
    def change(records: list[Record]) -> None:
        next(each for each in records if each.get("clause") == f"demo.{name}").update(what)

    return change


LIES = {
    "a deviation that hides": (_row("b", unexpected=False), "claims to be as expected"),
    "a deviation under another's expectation": (_row("b", unexpected=False, expectation=None), "claims to be"),
    "an error that hides": (_row("d", unexpected=False), "could not be judged, and claims"),
    "a stale expectation that hides": (_row("f", unexpected=False), "conforms although a deviation is written down"),
    "no reason": (_row("c", reason=None), "says no reason"),
    "no call under test": (
        _row("a", transcript=[to_builtins(replace(CALL, call="getpeername"))]),
        "there is no connect() of the test's own in its transcript",
    ),
    "the call under test by a fixture": (
        _row("a", transcript=[to_builtins(replace(CALL, made_by="fixture"))]),
        "there is no connect() of the test's own in its transcript",
    ),
    "a count": (_end(verdicts={"conforms": 3, "deviates": 1}), "the end counts 3 rows that are 'conforms'"),
    "nothing unexpected": (_end(unexpected=0), "the end counts 0 rows that are 'unexpected'"),
    "a run that passed": (_end(exit_status=0), "the end says that the run passed"),
    "a row fewer": (lambda records: records.pop(2), "rows were collected and 5 are reported"),
    "a row too many": (lambda records: records.insert(2, deepcopy(records[1])), "was there before"),
}


@pytest.mark.parametrize("name", LIES)
def test_a_results_file_that_lies(tmp_path: Path, name: str) -> None:
    lie, told = LIES[name]
    records = deepcopy(RECORDS)
    honest = read_results(written(tmp_path, records))
    assert (honest.damaged, honest.incomplete) == ([], "")
    lie(records)
    path = written(tmp_path, records)
    results = read_results(path)
    said = [*results.damaged, results.incomplete]
    assert any(told in each for each in said)
    assert results.incomplete or name == "a row too many"
    assert any(told in line for line in summary(results))
    (kernel,) = data_of(render(results))["kernels"]
    assert any(told in each for each in [*kernel["damaged"], kernel["incomplete"]])
    assert told in run_reports("merge", path, path, "--output", tmp_path / "merged").output


def test_an_expectation_that_matches_too_much(project: Project) -> None:
    project.clauses("a", "b")
    project.test("assert sock.connect_and_wait(servers.closed()) == EISCONN")
    project.test("assert sock.connect_and_wait(servers.closed()) == ECONNREFUSED", name="b")
    words = 'rows = "demo.*"\nobserved = "ECONNREFUSED"\nreason = "so it is"\ndocument = "demo.2"\n'
    project.write("expectations/kernel.toml", f"[[expectation]]\n{words}")
    ran = project.run()
    assert ran.status == 1
    met, stale = (ran.rows[f"demo.{name}/inet-stream-blocking-syscall"] for name in "ab")
    assert (met["unexpected"], met["expectation"]["state"]) == (False, "met")
    assert (stale["verdict"], stale["unexpected"], stale["expectation"]["state"]) == ("conforms", True, "stale")
    assert "STALE-EXPECTATION demo.b/" in ran.output
    project.write("expectations/other.toml", f"[[expectation]]\n{words.replace('demo.*', 'demo.a/*')}")
    assert "is covered by 'demo.*' and 'demo.a/*': one entry a row" in project.run().output


def test_a_clause_whose_tests_are_deselected(project: Project) -> None:
    project.clauses("a", "b")
    for name in "ab":
        project.test("assert sock.connect_and_wait(servers.closed()) == ECONNREFUSED", name=name)
    ran = project.run("--deselect", "suites/demo/test_b.py::test_b[demo.b/inet-stream-blocking-syscall]")
    assert ran.status == 0
    assert "not selected: 1 of 2 clauses have no row here: demo.b" in ran.output
    results = read_results(project.pytester.path / "out")
    assert "no row of it was selected for this run" in render(results)


def test_a_subject_that_is_skipped(project: Project) -> None:
    project.clauses("a", "b", "c")
    project.test("assert sock.connect_and_wait(servers.closed()) == ECONNREFUSED")
    project.test("sock.connect(server.address)", name="b", extra="@pytest.mark.skip('no time')")
    project.test("sock.connect(server.address)", name="c")
    ran = project.run()
    assert ran.rows["demo.b/inet-stream-blocking-syscall"]["verdict"] == "not-exercised"
    assert "not exercised: demo.b: no time" in ran.output
    project.write("test_c.py", "import pytest\npytest.skip('no time', allow_module_level=True)\n")
    for workers in ([], ["-n", "1"]):
        ran = project.run(*workers)
        assert ran.status in (1, 2)
        assert "test_c.py is skipped as a whole, and its rows are missing then" in ran.output


def test_an_act_that_never_happens(project: Project) -> None:
    project.test("assert sock.getpeername() == ENOTCONN")
    ran = project.run()
    assert ran.status == 1
    assert ran.row["verdict"] == "harness-error"
    assert (
        ran.row["reason"]
        == "the call under test was never made: there is no connect() of the test's own in the transcript"
    )

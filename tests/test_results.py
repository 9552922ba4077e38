"""Results files: the schema holds, a cut-off file still gives a report, and nothing in one can inject anything."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from reports.formats.disagreements import disagreements
from reports.html.render import render
from reports.text import summary
from results.codec import encode
from results.reader import ResultsError, read_results
from results.records import Carrier
from tests.conftest import Project, Ran
from tests.tools.samples import ROWS, run_reports, sample

# Beside markup: what a terminal and the log of a CI would obey.
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


def data_of(page: str) -> dict[str, Any]:
    """The data that a report holds."""
    found: dict[str, Any] = json.loads(page.partition('id="data">')[2].partition("</script>")[0])
    return found


@pytest.fixture
def ran(project: Project) -> Ran:
    """A run with a row of every verdict."""
    project.clauses("a", "b", "c", "d", "e")
    project.test("assert sock.connect_and_wait(servers.closed()) == ECONNREFUSED")
    project.test("assert sock.connect_and_wait(servers.closed()) == EISCONN", name="b")
    project.test("not_exercised('not here')", name="c")
    project.test("sock.connect(server.address)\nraise ValueError('oh')", name="d")
    project.test("assert sock.connect(servers.closed()) == EISCONN", name="e", variants='families=["inet6"]')
    project.write(
        "expectations/x.toml",
        '[[expectation]]\nrows = "demo.e/*"\nobserved = "ECONNREFUSED"\nreason = "known"\ndocument = "demo.2"\n',
    )
    return project.run("-n", "2")


def test_every_record_follows_the_schema(ran: Ran) -> None:
    printed = run_reports("schema")
    schema = json.loads(printed.output)
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    validator.check_schema(schema)
    assert [record["record"] for record in ran.records] == ["run", *["row"] * 5, "end"]
    for record in ran.records:
        validator.validate(record)
    assert {row["verdict"] for row in ran.rows.values()} == {"conforms", "deviates", "not-exercised", "harness-error"}
    assert printed.status == 0
    validator.validate(json.loads(encode(Carrier(name="uml", what="a kernel", start_up=1.0, seconds=2.5, deaths=0))))
    row = ran.records[1]
    for broken in ({**row, "verdict": "fine"}, {**row, "colour": "red"}, {**row, "seconds": -1}, {**row, "id": ""}):
        assert not validator.is_valid(broken)


def test_the_files_of_a_run(ran: Ran, pytester: pytest.Pytester) -> None:
    out = pytester.path / "out"
    assert sorted(path.name for path in out.iterdir()) == ["evidence", "index.html", "junit.xml", "results.jsonl"]
    junit = (out / "junit.xml").read_text(encoding="utf-8")
    assert '<property name="clause" value="demo.a"' in junit
    assert '<property name="document" value="demo.2"' in junit
    data = data_of((out / "index.html").read_text(encoding="utf-8"))
    tails = [data["texts"][tail] for tail in data["items"]["tail"]]
    clauses = [data["clauses"][clause]["id"] for clause in data["items"]["clause"]]
    assert {f"{clause}/{tail}" for clause, tail in zip(clauses, tails, strict=True)} == set(ran.rows)


def test_a_run_that_was_cut_off(ran: Ran, tmp_path: Path) -> None:
    lines = [json.dumps(record) for record in ran.records]
    path = tmp_path / "results.jsonl"
    path.write_text("\n".join([*lines[:3], lines[3][:50]]), encoding="utf-8")
    results = read_results(tmp_path)
    assert len(results.rows) == 2
    assert results.damaged
    assert "the run was cut off" in results.incomplete
    assert any("INCOMPLETE" in line for line in summary(results))
    (kernel,) = data_of(render(results))["kernels"]
    assert "the run was cut off" in kernel["incomplete"]
    assert "no record" in kernel["damaged"][0]


def test_what_no_test_can_try_is_explained_unless_the_run_is_about_little(tmp_path: Path) -> None:
    assert "not exercised: demo.g: nobody can" in summary(sample(tmp_path))
    few = summary(sample(tmp_path, ROWS[:2]))
    assert "no test can try: demo.g" in few
    assert not any("nobody can" in line for line in few)


def test_files_that_are_no_results(ran: Ran, tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="can't be read: No such file"):
        read_results(tmp_path / "nothing.jsonl")
    path = tmp_path / "other.jsonl"
    path.write_text("hello\n", encoding="utf-8")
    with pytest.raises(ResultsError, match="has no run record"):
        read_results(path)
    path.write_text(json.dumps({**ran.records[0], "schema": 99}), encoding="utf-8")
    with pytest.raises(ResultsError, match="has schema version 99"):
        read_results(path)


def test_nothing_from_outside_gets_into_the_page_unescaped(ran: Ran, tmp_path: Path) -> None:
    def poison(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: poison(each) for key, each in value.items()}
        if isinstance(value, list):
            return [poison(each) for each in value]
        return f"{value}{HOSTILE}" if isinstance(value, str) else value

    keep = {"record", "schema", "started", "verdict", "sources", "state", "kind"}
    records = [
        {key: value if key in keep else poison(value) for key, value in record.items()} for record in ran.records
    ]
    for suite in records[0]["suites"]:
        for clause in suite["clauses"]:
            clause["sources"] = ["demo.2 [DESCRIPTION]"]
    path = tmp_path / "results.jsonl"
    path.write_text("\n".join(json.dumps(record) for record in records), encoding="utf-8")
    page = render(read_results(path))
    assert "alert(1)" in page
    assert "<script>alert" not in page
    assert "<img" not in page
    assert page.count("<script") == page.count("</script>") == 3


@pytest.mark.usefixtures("ran")
def test_the_page_of_disagreements(pytester: pytest.Pytester) -> None:
    page = disagreements(read_results(pytester.path / "out"))
    assert "### demo.e" in page
    assert "- Allowed: `EISCONN`. Observed: `ECONNREFUSED` in `demo.e/inet6-stream-blocking-syscall`." in page
    assert "- The kernel's side: known (demo.2)" in page
    assert "demo.a" not in page

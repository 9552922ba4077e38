"""Proposals for expectations: what is new, which are stale, and patterns that cover neither more nor less."""

import tomllib
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from results.records import Row
from tests.tools.samples import RUN, expectation, row, run_reports, sample


def entries(folder: Path, rows: list[Row], **facts: Any) -> list[dict[str, Any]]:
    sample(folder, rows, **facts)
    done = run_reports("expectations", "--update", folder)
    assert done.status == 0
    found: list[dict[str, Any]] = tomllib.loads(done.output).get("expectation", [])
    return found


def new(name: str, observed: str, family: str = "inet") -> Row:
    return row(name, "deviates", family=family, unexpected=True, expected="EISCONN", observed=observed)


def test_a_new_deviation(tmp_path: Path) -> None:
    (found,) = entries(tmp_path, [new("a", "EPERM"), row("b", "conforms")])
    assert (found["rows"], found["observed"]) == ("demo.a/inet-stream-blocking-syscall", "EPERM")
    assert found["kernel"] == ">=6.1,<=6.1"
    assert found["reason"] == found["document"] == "TODO"


def test_another_kernel_than_linux(tmp_path: Path) -> None:
    (found,) = entries(tmp_path, [new("a", "EPERM")], kernel=replace(RUN.kernel, implementation="gVisor"))
    assert found["implementation"] == "gVisor"
    assert "kernel" not in found


def test_a_pattern_covers_no_row_that_does_otherwise(tmp_path: Path) -> None:
    rows = [new("a", "EPERM"), new("a", "EACCES", "inet6"), row("a", "conforms", family="unix")]
    found = {each["rows"]: each["observed"] for each in entries(tmp_path, rows)}
    assert sorted(found.values()) == ["EACCES", "EPERM"]
    assert not any(rows in ("demo.a/*", "demo.a/*-stream-blocking-syscall") for rows in found)


def test_a_row_is_covered_once(tmp_path: Path) -> None:
    rows = [new("a", "EPERM", family) for family in ("inet", "inet6", "unix")]
    assert [each["rows"] for each in entries(tmp_path, rows)] == ["demo.a/*"]


def test_what_is_known_is_not_proposed(tmp_path: Path) -> None:
    known = row("e", "deviates", expected="EISCONN", observed="EPERM", expectation=expectation("met"))
    assert entries(tmp_path, [known, row("d", "harness-error", unexpected=True, reason="oh")]) == []


def test_numbers_that_vary(tmp_path: Path) -> None:
    for name, port in (("one", 40001), ("other", 51234)):
        sample(tmp_path / name, [new("a", f"127.0.0.1:{port}")])
    done = run_reports("expectations", "--update", tmp_path / "one", tmp_path / "other")
    (found,) = tomllib.loads(done.output)["expectation"]
    assert found["pattern"] == r"127\.0\.0\.1:\d+"


def test_words_that_vary(tmp_path: Path) -> None:
    for name in ("EPERM", "EACCES"):
        sample(tmp_path / name, [new("a", name)])
    done = run_reports("expectations", "--update", tmp_path / "EPERM", tmp_path / "EACCES")
    (found,) = tomllib.loads(done.output)["expectation"]
    assert found["pattern"] == "EACCES|EPERM"


def test_stale_entries_are_named(tmp_path: Path) -> None:
    stale = row("e", "conforms", unexpected=True, expectation=expectation("stale"))
    sample(tmp_path, [stale])
    done = run_reports("expectations", "--update", tmp_path)
    assert f"# stale: demo.e/*: no row of it deviates\n#   {stale.id}\n" in done.output
    assert "expectation" not in tomllib.loads(done.output)
    met = row("e", "deviates", family="inet6", observed="EPERM", expectation=expectation("met"))
    sample(tmp_path, [stale, met])
    assert "some rows of it conform" in run_reports("expectations", tmp_path).output


def test_the_exit_status_without_update(tmp_path: Path) -> None:
    sample(tmp_path, [new("a", "EPERM")])
    done = run_reports("expectations", tmp_path)
    assert (done.status, done.output) == (1, "new: demo.a/inet-stream-blocking-syscall observes EPERM (1 rows)\n")
    sample(tmp_path, [row("a", "conforms")])
    assert run_reports("expectations", tmp_path).status == 0


def test_runs_of_two_kernels(tmp_path: Path) -> None:
    sample(tmp_path / "a", [new("a", "EPERM")])
    sample(tmp_path / "b", [new("a", "EPERM")], kernel=replace(RUN.kernel, implementation="gVisor"))
    done = run_reports("expectations", "--update", tmp_path / "a", tmp_path / "b")
    assert done.status == 2
    assert "these runs are of several kernels (Linux, gVisor): propose for one at a time" in done.output


def test_what_is_no_results_file(tmp_path: Path) -> None:
    (tmp_path / "results.jsonl").write_text("{]", encoding="utf-8")
    assert run_reports("expectations", tmp_path).status == 2
    assert run_reports("expectations", tmp_path / "nowhere").status == 2

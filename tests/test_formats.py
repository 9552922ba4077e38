"""What others read: each format is read back here by a reader that is not ours, and strangers inject nothing."""

import csv
import io
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from kcidb_io.schema import V5_3
from msgspec.structs import replace
from tap.parser import Parser

from reports.formats.badge import badge, svg
from reports.formats.csv_rows import COLUMNS, rows_as_csv
from reports.formats.disagreements import disagreements
from reports.formats.kcidb import kcidb, path, status
from reports.formats.ktap import ktap
from results.reader import Results
from results.records import NEVER_REACHED
from tests.tools.foreign_readers import shown, xml
from tests.tools.samples import HOSTILE, RECORDS, ROWS, RUN, expectation, row, run_reports, sample, written

# KTAP


def read_ktap(lines: list[str]) -> list[tuple[str, bool, str, list[Any]]]:
    """The tests of a KTAP text: name, whether it passed, directive, and the tests in it. Lines are read by tap.py."""
    assert lines[0] == "KTAP version 1"
    found: list[tuple[str, bool, str, list[Any]]] = []
    nested: list[str] = []
    planned = None
    for line in lines[1:]:
        if line.startswith("  "):
            nested.append(line[2:])
            continue
        parsed = Parser().parse_line(line)
        assert parsed.category in ("plan", "test", "diagnostic"), line
        if parsed.category == "plan":
            planned = parsed.expected_tests
        elif parsed.category == "test":
            assert parsed.number == len(found) + 1
            directive = parsed.directive.text
            found.append((parsed.description, parsed.ok, directive, read_ktap(nested) if nested else []))
            nested = []
    assert not nested
    assert planned == len(found)
    return found


def test_ktap_is_read_by_another(good: Results) -> None:
    text = ktap([good])
    ((suite, passed, _, clauses),) = read_ktap(text.splitlines())
    assert (suite, passed, len(clauses)) == ("demo", False, 7)
    rows = {name: (ok, said) for _, _, _, rows in clauses for name, ok, said, _ in rows}
    assert list(rows) == [each.id for each in ROWS]
    assert list(rows.values()) == [
        (True, ""),
        (False, ""),
        (True, "SKIP not here"),
        (False, "ERROR ValueError: oh"),
        (True, "XFAIL known since 1998"),
        (False, ""),
    ]
    assert [ok for _, ok, _, _ in clauses] == [True, False, True, False, True, False, True]
    assert clauses[2][2] == "SKIP nothing in it was exercised"
    assert clauses[6] == ("demo.g", True, "SKIP nobody can", [])
    assert "# kernel Linux 6.1.0 x86_64, as root" in text
    assert text.endswith("# Totals: pass:1 fail:2 xfail:1 xpass:0 skip:2 error:1\n")


def test_ktap_of_several_runs_and_of_one_that_was_cut_off(good: Results, cut: Results) -> None:
    cut.label = "another"
    first, second = read_ktap(ktap([good, cut]).splitlines())
    assert (first[0], second[0]) == ("6.1.0_root", "another")
    *_, (name, passed, said, _) = second[3]
    assert (name, passed) == ("complete", False)
    assert said.startswith("ERROR the run was cut off: 2 rows had ended")


def test_ktap_of_a_stranger(evil: Results) -> None:
    text = ktap([evil])
    ((_, _, _, clauses),) = read_ktap(text.splitlines())
    assert len(clauses) == 7
    assert text.isascii()
    assert not re.search(r"\[FAIL\]|FAIL:|\[SKIP\]|SKIP:|Bail out!$", text, re.MULTILINE)
    assert all(line.count("#") <= 1 for line in text.splitlines())


# KCIDB


def check(report: dict[str, Any]) -> dict[str, Any]:
    """Hold a report to KCIDB's own reader, as JSON would carry it there."""
    carried = json.loads(json.dumps(report))
    assert V5_3.is_compatible_exactly(carried)
    V5_3.validate(carried)
    return report


def test_kcidb_takes_it(good: Results, cut: Results) -> None:
    report = check(kcidb([good, cut], "mylab"))
    tests = report["tests"]
    assert [test["status"] for test in tests[:6]] == ["PASS", "FAIL", "SKIP", "ERROR", "FAIL", "PASS"]
    assert tests[0]["path"] == "kconform.demo.a.inet-stream-blocking-syscall"
    assert tests[1]["log_excerpt"] == "oh"
    assert tests[1]["comment"] == "allowed EISCONN, observed ECONNREFUSED"
    assert tests[4]["misc"]["kconform"]["known"] == "known since 1998"
    assert (tests[-1]["status"], tests[-1]["path"]) == ("MISS", "kconform")
    assert "cut off" in tests[-1]["comment"]
    assert {test["build_id"] for test in tests} == {build["id"] for build in report["builds"]}
    assert len({test["id"] for test in tests[:6]}) == 6


def test_kcidb_of_a_build_that_it_knows(good: Results) -> None:
    report = check(kcidb([good], "mylab", "mylab:42"))
    assert "builds" not in report
    assert {test["build_id"] for test in report["tests"]} == {"mylab:42"}
    assert kcidb([good], "mylab") == kcidb([good], "mylab")


def test_what_never_ran_is_no_failure_of_the_kernel() -> None:
    assert status(replace(row("d", "harness-error", reason="the process died"), seconds=0.0)) == "MISS"
    assert status(row("c", "not-exercised", reason=NEVER_REACHED)) == "MISS"


def test_kcidb_of_a_stranger(evil: Results) -> None:
    report = check(kcidb([evil], "mylab"))
    assert not any("start_time" in test for test in report["tests"])
    assert path(replace(ROWS[0], id="../..//../x")) == "kconform._x"


def test_kcidb_of_long_texts_odd_times_and_nothing_to_say(tmp_path: Path) -> None:
    long = [
        replace(ROWS[0], detail="x" * 99 + "\n", unexpected=True),
        replace(ROWS[1], detail=("x" * 99 + "\n") * 1000),
    ]
    for started, said in (
        ("20261124T085858+0000", "2026-11-24T08:58:58+00:00"),
        ("2026-11-24T08:58:58", None),
        ("yesterday", None),
    ):
        report = check(kcidb([sample(tmp_path, long, started=started)], "mylab"))
        assert {test.get("start_time") for test in report["tests"]} == {said}
        assert "null" not in json.dumps(report["tests"])
        assert len(report["tests"][1]["log_excerpt"]) == 16384


@pytest.mark.parametrize(
    "arguments", [["--origin", "My Lab"], ["--build-id", "nothing"], ["ANOTHER", "--build-id", "a:b"]]
)
def test_kcidb_wrongly_used(good: Results, arguments: list[str]) -> None:
    folder = good.folder
    done = run_reports("kcidb", folder, *(folder if each == "ANOTHER" else each for each in arguments))
    assert done.status == 2
    assert done.output.count("\n") == 1


# GitHub


def test_the_page_of_disagreements_of_a_stranger(tmp_path: Path) -> None:
    suite = replace(RUN.suites[0], clauses=[replace(each, statement=HOSTILE) for each in RUN.suites[0].clauses])
    known = replace(expectation("met"), reason=HOSTILE, document=HOSTILE)
    rows = [replace(ROWS[1], observed=HOSTILE, expected=HOSTILE), replace(ROWS[4], id=HOSTILE, expectation=known)]
    kernel = replace(RUN.kernel, name=HOSTILE, release=HOSTILE)
    text = disagreements(sample(tmp_path, rows, suites=[suite], kernel=kernel))
    page = shown(text)
    assert {each.tag for each in page.iter()} <= {"all", "h1", "h2", "h3", "p", "ul", "li", "code", "strong", "em"}
    assert [head.text for head in page.iter("h3")] == ["demo.b", "demo.e"]
    assert all(line.isprintable() and not line.startswith("::") for line in text.splitlines())


# Badge and CSV


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (ROWS, "3 unexpected"),
        (ROWS[:1], "conforms"),
        ([ROWS[0], ROWS[4]], "1 of 2 rows conform"),
        (ROWS[2:3], "nothing exercised"),
    ],
)
def test_a_badge(tmp_path: Path, rows: list[Any], words: str) -> None:
    made = badge([sample(tmp_path, rows)])
    assert (made.name, made.words) == ("connect(2)", words)
    picture = xml(svg(made))
    assert [each.text for each in picture.iter("{http://www.w3.org/2000/svg}text")] == ["connect(2)", words]
    assert picture.get("aria-label") == f"connect(2): {words}"


def test_the_badge_of_what_is_not_whole(cut: Results) -> None:
    cut.rows = cut.rows[:1]
    assert badge([cut]).words == "incomplete"


def test_the_badge_of_a_stranger(evil: Results) -> None:
    picture = xml(svg(badge([evil], "\x00<b onclick='x'>&\"</text>")))
    assert {each.tag.partition("}")[2] for each in picture.iter()} == {"svg", "title", "rect", "g", "text"}
    assert all(not key.startswith("on") for each in picture.iter() for key in each.attrib)


def test_csv(good: Results, cut: Results) -> None:
    lines = list(csv.DictReader(io.StringIO(rows_as_csv([good, cut]))))
    assert len(lines) == 6 + 2 + 1
    assert lines[1]["row"] == "demo.b/inet-stream-blocking-syscall"
    assert [lines[1][key] for key in ("verdict", "unexpected", "allowed", "observed")] == [
        "deviates",
        "yes",
        "EISCONN",
        "ECONNREFUSED",
    ]
    assert (lines[0]["seconds"], lines[0]["documents"], lines[4]["expectation"]) == ("0.250000", "demo.2", "met")
    assert lines[-1]["row"] == "INCOMPLETE"
    assert "cut off" in lines[-1]["reason"]


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", " =", "\t=", "\r\n=", "\uff1d"])
def test_no_cell_is_a_formula(tmp_path: Path, begin: str) -> None:
    evil = [replace(each, observed=f"{begin}cmd|'/c calc'!A0,\"x\"\n") for each in ROWS]
    for line in csv.reader(io.StringIO(rows_as_csv([sample(tmp_path, evil)]))):
        assert len(line) == len(COLUMNS)
        assert all(cell.isprintable() for cell in line)
        assert not any(cell.lstrip().startswith(("=", "+", "-", "@", "\uff1d")) for cell in line)


# All of them


@pytest.mark.parametrize("command", ["ktap", "kcidb", "github", "badge", "csv", "summary", "html", "disagreements"])
def test_each_command_says_what_is_wrong_in_one_line(tmp_path: Path, command: str) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text("hello\n", encoding="utf-8")
    later = written(tmp_path / "later", [{**RECORDS[0], "schema": 3}])
    for file, said in (
        (tmp_path / "nothing", "can't be read: No such file"),
        (other, "has no run record"),
        (later, "has schema version 3; this kconform reads 1 and 2"),
        (Path("/dev/zero"), "has a line of more than 64 MiB"),
    ):
        done = run_reports(command, file)
        assert done.status == 2
        assert done.output.startswith(f"python -m reports {command}: {file}")
        assert said in done.output
        assert done.output.count("\n") == 1


@pytest.mark.parametrize("command", ["ktap", "kcidb", "github", "badge", "csv", "summary", "disagreements"])
def test_each_command_writes_to_a_file_and_to_the_terminal(good: Results, tmp_path: Path, command: str) -> None:
    done = run_reports(command, good.folder)
    assert done.status == 0
    assert done.output
    if command != "summary":
        file = tmp_path / "made"
        assert run_reports(command, good.folder, "-o", file).output == ""
        assert file.read_text(encoding="utf-8") == done.output
        for nowhere in (tmp_path / "no" / "made", file / "made", tmp_path):
            wrong = run_reports(command, good.folder, "-o", nowhere)
            assert wrong.status == 2
            assert f"{nowhere}: can't be written" in wrong.output
        assert sorted(each.name for each in tmp_path.iterdir()) == ["good", "made"]


@pytest.mark.parametrize("command", ["ktap", "kcidb", "github", "csv", "summary", "disagreements", "html"])
def test_each_command_says_that_a_run_was_cut_off(cut: Results, tmp_path: Path, command: str) -> None:
    done = run_reports(command, cut.folder, *(["-o", tmp_path / "page"] if command == "html" else []))
    assert done.status == 0
    said = (tmp_path / "page").read_text(encoding="utf-8") if command == "html" else done.output
    assert "the run was cut off" in said


def test_a_pipe_is_written_to_and_stays_one(good: Results, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    try:
        assert run_reports("badge", good.folder, "-o", pipe).status == 0
        assert os.read(end, 10000).decode() == svg(badge([good]))
    finally:
        os.close(end)
    assert pipe.is_fifo()


def test_help_names_every_command_with_examples() -> None:
    names = re.findall(r"^    (\w+)", run_reports("--help").output, re.MULTILINE)
    assert {"html", "summary", "compare", "merge", "ktap", "kcidb", "github", "badge", "csv", "schema"} <= set(names)
    for name in names:
        assert f"examples:\n  python -m reports {name} " in run_reports(name, "--help").output

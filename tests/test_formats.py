"""What others read: each format is read back here by a reader that is not ours, and strangers inject nothing."""

import csv
import io
import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree.ElementTree import Element, fromstring

import pytest
from kcidb_io.schema import V5_3
from markdown_it import MarkdownIt
from tap.parser import Parser

from reports import github
from reports.badge import badge, svg
from reports.disagreements import disagreements
from reports.kcidb import kcidb, path, status
from reports.ktap import ktap
from reports.plain import one_line
from reports.records import NEVER_REACHED
from reports.results import Results, read_results
from reports.rows import COLUMNS, rows_as_csv
from tests.conftest import Project
from tests.samples import RECORDS, ROWS, RUN, expectation, row, run_reports, sample, written

HOSTILE = (
    "\n::error::x\r\nok 1 fine\n# x [FAIL] FAIL: # SKIP\n1..0\nBail out!\x1b[2J\x00\u202e<b onclick='x'>&|`*_[a](http://b)"
    ' ##[error]x "=1+1,\n</svg>--- % ![x](y)\n\n# h\n- l\n'
)
EVIL = [
    replace(
        each,
        id=f"{HOSTILE}{number}/{HOSTILE}",
        expected=HOSTILE if each.expected else None,
        observed=HOSTILE if each.observed else None,
        reason=HOSTILE if each.reason else None,
        detail=HOSTILE,
        rerun=HOSTILE,
        test=f"suites/../../{HOSTILE}::x",
        variant=dict.fromkeys(each.variant, HOSTILE),
        expectation={**each.expectation, "reason": HOSTILE} if each.expectation else None,
    )
    for number, each in enumerate(ROWS)
]


@pytest.fixture
def good(tmp_path: Path) -> Results:
    """A run with a row of each kind."""
    return sample(tmp_path / "good")


@pytest.fixture
def evil(tmp_path: Path) -> Results:
    """A run whose every text is hostile."""
    kernel = {**RUN.kernel, "name": HOSTILE, "release": HOSTILE, "machine": HOSTILE, "version": HOSTILE}
    documents = [{"id": "demo.2", "title": HOSTILE, "sentences": []}]
    suites = [{**RUN.suites[0], "name": HOSTILE, "title": HOSTILE, "documents": documents}]
    system = {**RUN.system, "distribution": HOSTILE}
    return sample(tmp_path / "evil", EVIL, kernel=kernel, suites=suites, system=system, started=HOSTILE)


@pytest.fixture
def cut(tmp_path: Path) -> Results:
    """A run that was cut off after two rows."""
    path = written(tmp_path / "cut", RECORDS[:3])
    path.write_text(path.read_text(encoding="utf-8") + '{"record":"row","id', encoding="utf-8")
    return read_results(path)


def xml(text: str) -> Element:
    """A text as a reader of XML has it."""
    return fromstring(text)  # noqa: S314  It was made by what is tested.


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


def shown(markdown: str) -> Element:
    """What a reader of Markdown makes of a text, with tables and HTML let through as GitHub does."""
    made = MarkdownIt("commonmark", {"html": True, "linkify": False}).enable("table").render(markdown)
    return xml(f"<all>{made}</all>")


def test_the_summary_is_read_by_another(good: Results, cut: Results) -> None:
    page = shown(github.summary([good, cut]))
    assert [head.text for head in page.iter("h2")] == ["kconform: Linux 6.1.0 x86_64, as root"] * 2
    assert "3 of 6 rows are unexpected." in [each.text for each in page.iter("strong")]
    assert "the run was cut off: 2 rows had ended" in "".join(page.itertext())
    scores, rows = list(page.iter("tbody"))[:2]
    assert [cell.text for cell in scores.iter("td")] == ["demo.2", "1", "1", "2", "2", "1"]
    cells = [[cell.text for cell in line.iter("td")] for line in rows.iter("tr")]
    assert cells[0] == ["demo.b/inet-stream-blocking-syscall", "deviates", "EISCONN", "ECONNREFUSED"]
    assert cells[1] == ["demo.d/inet-stream-blocking-syscall", "harness-error", None, "ValueError: oh"]
    assert cells[2][1] == "stale-expectation"


def test_the_summary_of_a_stranger(evil: Results) -> None:
    text = github.summary([evil])
    page = shown(text)
    known = {"all", "h2", "p", "strong", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "ul", "li"}
    assert {each.tag for each in page.iter()} <= known
    assert all(set(each.attrib) <= {"style"} for each in page.iter())
    assert "<b onclick='x'>" in "".join(page.itertext())
    assert len(list(page.iter("h2"))) == 1
    assert len(list(page.iter("li"))) == 2
    assert not any(line.startswith("::") for line in text.splitlines())


def test_a_summary_is_no_longer_than_github_takes(tmp_path: Path) -> None:
    run = sample(tmp_path, [replace(ROWS[1], id=f"demo.b/{number}") for number in range(100)])
    whole = github.summary([run])
    assert "And 50 more." in whole
    short = github.summary([run] * 100, 20000)
    assert len(short.encode()) <= 20000
    assert "The rest is left out" in short
    shown(short)


def test_annotations(good: Results, cut: Results) -> None:
    lines = list(github.annotations([good, cut]))
    assert lines[0] == (
        "::error file=suites/demo/test_b.py,title=demo.b/inet-stream-blocking-syscall::allowed EISCONN, observed "
        "ECONNREFUSED%0Arun it alone: pytest --row demo.b/inet-stream-blocking-syscall"
    )
    assert len(lines) == 5
    assert "is incomplete::the run was cut off" in lines[3]


def test_annotations_of_a_stranger(evil: Results) -> None:
    for line, found in zip(github.annotations([evil]), [each for each in evil.rows if each.unexpected], strict=True):
        assert line.isprintable()
        _, properties, message = line.split("::", 2)
        assert properties.startswith("error title=")
        title = properties.removeprefix("error title=")
        assert not set(title) & set(",:")
        assert unquote(title) == one_line(found.id)
        assert unquote(message).startswith(("allowed \n", "could not be judged: \n", "conforms, although"))
        assert unquote(message).splitlines()[-1].startswith(("![x]", "\\n", "# h", "- l", "run it alone"))


def test_an_annotation_names_no_file_of_elsewhere(tmp_path: Path) -> None:
    for file in ("suites/../x.py", "/etc/x.py", "x.py", "suites/x.sh", "suites/a b.py", "suites/\n.py"):
        (line,) = github.annotations([sample(tmp_path, [replace(ROWS[1], test=f"{file}::test_b")])])
        assert line.startswith("::error title=")


def test_no_more_annotations_than_github_shows(tmp_path: Path) -> None:
    run = sample(tmp_path, [replace(ROWS[1], id=f"demo.b/{number}") for number in range(30)])
    lines = list(github.annotations([run]))
    assert len(lines) == 10
    assert lines[-1] == "::error title=kconform::21 more; the summary has them"


def test_the_command_knows_where_it_runs(good: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step = tmp_path / "step.md"
    step.write_text("before\n", encoding="utf-8")
    assert run_reports("github", good.folder).output == github.summary([good])
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(step))
    assert run_reports("github", good.folder).output.splitlines() == list(github.annotations([good]))
    assert step.read_text(encoding="utf-8") == "before\n" + github.summary([good])
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    assert run_reports("github", good.folder).output.endswith("can't be written: Is a directory\n")


def test_a_run_tells_github_at_its_end(project: Project, tmp_path: Path) -> None:
    step = tmp_path / "step.md"
    project.test("assert sock.connect_and_wait(servers.closed()) == EISCONN")
    silent = project.run()
    assert "::error" not in silent.output
    project.environment.setenv("GITHUB_ACTIONS", "true")
    project.environment.setenv("GITHUB_STEP_SUMMARY", str(step))
    ran = project.run()
    said = [line for line in ran.output.splitlines() if line.startswith("::error")]
    assert len(said) == 1
    assert "title=demo.a/inet-stream-blocking-syscall::allowed EISCONN, observed ECONNREFUSED%0A" in said[0]
    assert "1 of 1 rows are unexpected" in step.read_text(encoding="utf-8")


def test_the_page_of_disagreements_of_a_stranger(tmp_path: Path) -> None:
    suite = {**RUN.suites[0], "clauses": [{**each, "statement": HOSTILE} for each in RUN.suites[0]["clauses"]]}
    known = {**expectation("met"), "reason": HOSTILE, "document": HOSTILE}
    rows = [replace(ROWS[1], observed=HOSTILE, expected=HOSTILE), replace(ROWS[4], id=HOSTILE, expectation=known)]
    kernel = {**RUN.kernel, "name": HOSTILE, "release": HOSTILE}
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
    later = written(tmp_path / "later", [{**RECORDS[0], "schema": 2}])
    for file, said in (
        (tmp_path / "nothing", "can't be read: No such file"),
        (other, "has no run record"),
        (later, "has schema version 2; this kconform reads 1"),
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

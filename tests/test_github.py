"""What GitHub shows of a run: the summary is read back by a reader of Markdown, and strangers inject nothing."""

from pathlib import Path
from urllib.parse import unquote

import pytest
from msgspec.structs import replace

from reports.formats import github
from results.printable import one_line
from results.reader import Results
from tests.conftest import Project
from tests.tools.foreign_readers import shown
from tests.tools.samples import ROWS, run_reports, sample


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

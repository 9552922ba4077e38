"""Reading results files: of whole runs, of several, of runs that were cut off, and of strangers."""

import json
from pathlib import Path
from typing import Any

import pytest

from reports.html.render import render
from reports.text import summary
from results.printable import one_line
from results.reader import ResultsError, read_many, read_results
from tests.tools.samples import RECORDS, written

NESTED = b"[" * 100000 + b"\n"


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("row", "verdict", "fine"),
        ("row", "id", 7),
        ("row", "seconds", "long"),
        ("row", "variant", {"family": "inet"}),
        ("row", "transcript", [{"call": "connect"}]),
        ("row", "expectation", {"state": "met"}),
        ("row", "topology", {"name": "pair", "hosts": None}),
        ("row", "evidence", [{"kind": "packets", "path": "evidence/../../x"}]),
        ("row", "evidence", [{"kind": "packets", "path": "evidence/x/.."}]),
        ("row", "evidence", [{"kind": "packets", "path": "evidence/x/y\n"}]),
        ("row", "evidence", [{"kind": "packets", "path": "evidence/x/./y"}]),
        ("row", "evidence", [{"kind": "packets", "path": "/etc/passwd"}]),
        ("row", "seconds", -0.1),
        ("row", "expectation", {"state": "known", "rows": "", "observed": "", "reason": "", "document": ""}),
        ("row", "run", "another"),
        ("end", "collected", -1),
        ("end", "verdicts", 5),
    ],
)
def test_a_record_of_another_shape_is_noted_and_passed_over(tmp_path: Path, kind: str, key: str, value: Any) -> None:
    records = [dict(record) for record in RECORDS]
    next(record for record in records if record["record"] == kind)[key] = value
    results = read_results(written(tmp_path, records))
    assert len(results.damaged) == 1
    assert results.incomplete
    assert any(line.startswith("DAMAGED: line") for line in summary(results))
    render(results)


@pytest.mark.parametrize(
    ("key", "value"),
    [("kernel", {}), ("suites", [{"name": "x"}]), ("privilege", None), ("started", 5)],
)
def test_a_run_of_another_shape_is_refused_in_one_line(tmp_path: Path, key: str, value: Any) -> None:
    path = written(tmp_path, [{**RECORDS[0], key: value}])
    with pytest.raises(ResultsError, match=r"has a run record that can't be used: [^\n]+$"):
        read_results(path)


def test_a_catalogue_that_does_not_hold_together_is_refused(tmp_path: Path) -> None:
    run = json.loads(json.dumps(RECORDS[0]))
    run["suites"][0]["documents"][0]["sentences"] = [{"id": "s", "gist": "g", "clauses": ["demo.nobody"]}]
    with pytest.raises(ResultsError, match=r"names the clause demo\.nobody, which is not there"):
        read_results(written(tmp_path, [run]))


def test_a_file_with_nothing_in_it(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    for text in ("", "\n\n"):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ResultsError, match="has no run record: it is empty"):
            read_results(tmp_path)


def test_what_a_later_kconform_writes_is_passed_over(tmp_path: Path) -> None:
    later = [*RECORDS[:2], {"record": "weather", "sun": True}, {**RECORDS[2], "colour": "red"}, *RECORDS[3:]]
    results = read_results(written(tmp_path, later))
    assert (len(results.rows), results.damaged, results.incomplete) == (6, [], "")


def test_many_damaged_lines_are_counted(tmp_path: Path) -> None:
    path = written(tmp_path, RECORDS)
    path.write_text(path.read_text(encoding="utf-8") + "x\n" * 100, encoding="utf-8")
    results = read_results(path)
    assert len(results.damaged) == 21
    assert results.damaged[-1] == "and 80 more lines are no records"


def test_lines_that_are_no_json(tmp_path: Path) -> None:
    path = written(tmp_path, RECORDS)
    lines = path.read_bytes().splitlines(keepends=True)
    for line in (
        b"[" * 100000 + b"\n",
        b'{"record":"row","id":"\xff"}\n',
        b"null\n",
        b'{"record":["row"]}\n',
        b"\x00\n",
    ):
        path.write_bytes(b"".join([*lines[:2], line, *lines[2:]]))
        results = read_results(path)
        assert (len(results.rows), len(results.damaged), results.incomplete) == (6, 1, "")


def test_files_that_are_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, RECORDS)
    monkeypatch.setattr("results.reader.LARGEST_FILE", 5000)
    with pytest.raises(ResultsError, match="which is more than is read"):
        read_results(path)
    monkeypatch.undo()
    monkeypatch.setattr("results.parser.MOST_ROWS", 3)
    with pytest.raises(ResultsError, match="has more than 3 rows, which is more than is read"):
        read_results(path)
    with pytest.raises(ResultsError, match="has a line of more than 64 MiB"):
        read_results(Path("/dev/zero"))


def test_a_file_of_several_runs(tmp_path: Path) -> None:
    run, *rows, end = RECORDS
    first, second = {**run, "label": "old"}, {**run, "label": "new"}
    mixed = [first, second, {**rows[0], "run": "old"}, {**rows[0], "run": "new"}, {**rows[1], "run": "new"}]
    ended = {"collected": 1, "reported": 1, "verdicts": {"conforms": 1}, "unexpected": 0}
    mixed += [rows[2], {**end, "run": "old", **ended}]
    old, new = read_many([written(tmp_path, mixed)])
    assert (old.label, len(old.rows), old.incomplete) == ("old", 1, "")
    assert (new.label, [row.id for row in new.rows]) == ("new", [row["id"] for row in rows[:3]])
    assert "cut off" in new.incomplete
    with pytest.raises(ResultsError, match=r"holds 2 runs \(old, new\) where one is wanted"):
        read_results(tmp_path)


def test_runs_without_a_name_get_one_each(tmp_path: Path) -> None:
    path = written(tmp_path, [*RECORDS, *RECORDS])
    release = RECORDS[0]["kernel"]["release"]
    labels = [each.label for each in read_many([path, path], light=True)]
    assert labels[0] in (f"{release} root", f"{release} user")
    assert labels[1:] == [f"{labels[0]} ({number})" for number in (2, 3, 4)] or len(set(labels)) == 4


def test_nothing_from_outside_steers_the_terminal(tmp_path: Path) -> None:
    assert one_line("::error::x").startswith(": :error")
    assert one_line("  ::error::x").startswith("  : :error")
    assert one_line("a::b##[c]\t") == "a::b## [c]\\t"
    evil = "\x1b[2J\x9b1m\r\n::error::pwned\u202e\u2028##[error]"
    run = {**RECORDS[0], "kernel": {**RECORDS[0]["kernel"], "release": evil}}
    rows = [{**row, "id": f"{row['id']}{evil}", "reason": f"{row['reason']}{evil}"} for row in RECORDS[1:-1]]
    lines = summary(read_results(written(tmp_path, [run, *rows, RECORDS[-1]])))
    assert any("\\x1b[2J" in line for line in lines)
    assert all(line.isprintable() and not line.startswith("::") and "##[" not in line for line in lines)

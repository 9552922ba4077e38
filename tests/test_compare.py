"""Comparing runs: what got worse, what a file of allowances lets pass, and what the terminal and programs are told."""

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from reports.commands import compare as command
from reports.commands.allowances import allowance, load_allowances
from results.catalogue import CatalogueError
from results.changes import change, compare
from results.records import Row
from tests.tools.samples import ROWS, RUN, expectation, records, row, sample, written
from tests.tools.samples import run_reports as run

GOOD = row("a", "conforms")
BAD = row("a", "deviates", unexpected=True, expected="0", observed="EPERM")
KNOWN = row("a", "deviates", expected="0", observed="EPERM", expectation=expectation("met"))
OTHER = row("a", "deviates", unexpected=True, expected="0", observed="EINVAL", expectation=expectation("other"))
AWAY = row("a", "not-exercised", reason="not here")
BROKEN = row("a", "harness-error", unexpected=True, reason="oh")


@pytest.mark.parametrize(
    ("before", "becomes"),
    [
        (GOOD, {"good": "same", "bad": "worse", "known": "worse", "away": "worse", "broken": "worse", "none": "worse"}),
        (
            KNOWN,
            {"good": "better", "bad": "same", "other": "worse", "away": "worse", "broken": "worse", "none": "worse"},
        ),
        (BAD, {"good": "better", "known": "same", "other": "changed", "away": "worse", "none": "worse"}),
        (
            AWAY,
            {
                "good": "better",
                "bad": "worse",
                "known": "changed",
                "away": "same",
                "broken": "worse",
                "none": "changed",
            },
        ),
        (BROKEN, {"good": "better", "bad": "changed", "away": "changed", "broken": "same", "none": "changed"}),
        (None, {"good": "new", "bad": "new", "known": "new", "away": "new", "broken": "new", "none": "same"}),
    ],
)
def test_what_becomes_of_a_row(before: Row | None, becomes: dict[str, str]) -> None:
    rows = {"good": GOOD, "bad": BAD, "known": KNOWN, "other": OTHER, "away": AWAY, "broken": BROKEN, "none": None}
    assert {name: change(before, rows[name]) for name in becomes} == becomes
    assert change(before, None, forgive_missing=True) == "same"


def test_the_gate(tmp_path: Path) -> None:
    sample(tmp_path / "old")
    sample(tmp_path / "same")
    sample(tmp_path / "better", [replace(each, verdict="conforms", expectation=None) for each in ROWS])
    sample(tmp_path / "worse", [BAD, *ROWS[1:]])
    for name, status in (("same", 0), ("better", 0), ("worse", 1)):
        assert run("compare", tmp_path / "old", tmp_path / name).status == status
    assert run("compare", tmp_path / "worse", tmp_path / "old").status == 0
    assert run("compare", tmp_path / "old", tmp_path / "same", tmp_path / "worse").status == 1


def test_what_the_terminal_says(tmp_path: Path) -> None:
    sample(tmp_path / "old")
    written(
        tmp_path / "new",
        records([BAD, ROWS[1], *ROWS[3:]], replace(RUN, kernel=replace(RUN.kernel, release="6.2.0")))[:-1],
    )
    said = run(
        "compare", tmp_path / "old", tmp_path / "new", "--label", "old", "--label", "new one"
    ).output.splitlines()
    assert said[0] == "old: Linux 6.1.0 x86_64, as root, 2026-11-24T08:58:58+00:00, 6 rows"
    assert "INCOMPLETE: the run was cut off" in said[2]
    assert "GOT WORSE (1)                        old       new one" in said
    assert "demo.a/inet-stream-blocking-syscall  conforms  deviates: EPERM" in said
    assert "demo.c/inet-stream-blocking-syscall  not exercised  missing" in said
    assert "new one: 1 row: conforms -> deviates" in said
    assert said[-1] == "6 rows: 1 got worse, 1 changed, 0 got better, 0 new, 4 the same"


def test_many_rows_are_cut_and_all_shows_them(tmp_path: Path) -> None:
    rows = [replace(GOOD, id=f"demo.a/{number}") for number in range(50)]
    old, new = sample(tmp_path / "old", rows), sample(tmp_path / "new", [])
    lines = command.table([old, new], compare([old, new]), {}, command.SHOWN)
    assert sum(line.startswith("demo.a/") for line in lines) == 20
    assert "and 30 more; --all shows them" in lines
    assert len(run("compare", tmp_path / "old", tmp_path / "new", "--all").output.splitlines()) > 50
    assert run("compare", tmp_path / "old", tmp_path / "new", "--forgive-missing").status == 0


def test_what_programs_are_told(tmp_path: Path) -> None:
    sample(tmp_path / "old")
    sample(tmp_path / "new", [BAD, *ROWS[2:]])
    ran = run("compare", tmp_path / "old", tmp_path / "new", "--json", "-")
    data = json.loads(ran.output)
    assert ran.status == 1
    assert [each["label"] for each in data["runs"]] == ["6.1.0 root", "6.1.0 root (2)"]
    assert data["counts"] == {"worse": 2, "changed": 0, "better": 0, "new": 0, "same": 4}
    worse, missing = data["rows"]
    assert (worse["id"], worse["change"], worse["runs"][1]["observed"]) == (BAD.id, "worse", "EPERM")
    assert [each["verdict"] for each in missing["runs"]] == ["deviates", None]
    file = tmp_path / "differences.json"
    assert run("compare", tmp_path / "old", tmp_path / "new", "--json", file).output.startswith("6.1.0 root: Linux")
    assert json.loads(file.read_text(encoding="utf-8")) == data


def test_rows_that_may_get_worse(tmp_path: Path) -> None:
    sample(tmp_path / "old")
    sample(tmp_path / "new", [BAD, *ROWS[1:]])
    allow = tmp_path / "allow.toml"
    entry = '[[allow]]\nrows = "{}"\nreason = "a bug that is known"\n{}'
    for rows, becomes, status in (
        ("demo.a/*", "", 0),
        ("demo.a/*", 'becomes = "deviates"', 0),
        ("demo.a/*", 'becomes = "missing"', 1),
        ("demo.b/*", "", 1),
    ):
        allow.write_text(entry.format(rows, becomes), encoding="utf-8")
        ran = run("compare", tmp_path / "old", tmp_path / "new", "--allow", allow)
        assert ran.status == status
        assert ("a bug that is known" in ran.output) is (status == 0)
        assert (f"note: nothing got worse that --allow has for {rows}" in ran.output) is (status == 1)


def test_a_row_may_get_worse_in_one_run_and_not_in_another(tmp_path: Path) -> None:
    path = tmp_path / "allow.toml"
    path.write_text('[[allow]]\nrows = "*"\nbecomes = "missing"\nreason = "r"\n', encoding="utf-8")
    old, gone, worse = sample(tmp_path / "1", [GOOD]), sample(tmp_path / "2", []), sample(tmp_path / "3", [BAD])
    entries = load_allowances(path)
    assert [allowance(each, entries) for each in compare([old, gone, gone])] == entries
    assert [allowance(each, entries) for each in compare([old, gone, worse])] == [None]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[allow]]\nrows = "x"\n', "'reason' has to be a text that is not empty"),
        ('[[allow]]\nrows = "x"\nreason = "r"\nbecomes = "fine"\n', "it has to be one of conforms, deviates"),
        ('[[allow]]\nrow = "x"\n', "unknown key 'row'"),
        ("allow = 5", "has to be written as [[allow]]"),
        ("= x", "is not valid TOML"),
    ],
)
def test_allowances_that_are_wrong(tmp_path: Path, text: str, said: str) -> None:
    sample(tmp_path / "old")
    path = tmp_path / "allow.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CatalogueError):
        load_allowances(path)
    ran = run("compare", tmp_path / "old", tmp_path / "old", "--allow", path)
    assert ran.status == 2
    assert said in ran.output
    assert ran.output.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["old"], "there is one run only"),
        (["old", "nowhere"], "can't be read: No such file"),
        (["old", "old", "--label", "x", "--label", "x"], "two runs have the label 'x'"),
        (["old", "old", *["--label", "x"] * 3], "--label was given 3 times for 2 runs"),
        (["old", "old", "--json", "nowhere/x"], "nowhere/x: can't be written: No such file"),
    ],
)
def test_wrong_usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str) -> None:
    monkeypatch.chdir(tmp_path)
    sample(tmp_path / "old")
    ran = run("compare", *arguments)
    assert ran.status == 2
    assert said in ran.output
    assert ran.output.count("\n") == 1


def test_hostile_names_steer_nothing(tmp_path: Path) -> None:
    evil: Any = "\x1b[2J\n::error::x\u202e"
    sample(tmp_path / "old", [replace(GOOD, id=f"{evil}/{evil}")])
    sample(tmp_path / "new", [replace(BAD, id=f"{evil}/{evil}", observed=evil)], label=evil)
    named = ["--label", "::error::y", "--label", evil]
    lines = run("compare", tmp_path / "old", tmp_path / "new", *named).output.split("\n")
    assert all(line.isprintable() for line in lines)
    assert not any(line.startswith("::") for line in lines)

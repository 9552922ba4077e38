"""Shares of a run: each row is in one of them, and what guests with a share each have left becomes one result."""

import subprocess
from pathlib import Path

import pytest

from kernels.shards import finish, finishing
from results.ends import exit_status_of
from results.reader import read_results
from results.records import Carrier
from tests.conftest import Project
from tests.test_results import data_of
from tests.tools.samples import RECORDS, ROWS, records, written

CARRIER = Carrier(name="two", what="two guests")


def test_each_row_is_in_one_share(project: Project) -> None:
    project.clauses("a", "b", "c")
    for name in ("a", "b", "c"):
        project.test("assert sock.connect(server.address) == 0", name=name, variants='families=["inet", "inet6"]')
    several = [set(project.run(f"--share={number}/4").rows) for number in (1, 2, 3, 4)]
    assert sorted(len(share) for share in several) == [1, 1, 2, 2]
    assert len(set().union(*several)) == 6


@pytest.mark.parametrize(
    "share", ["0/2", "3/2", "half", "1/", "1/0"], ids=["none", "beyond", "word", "open", "of-none"]
)
def test_what_is_no_share_is_refused(project: Project, share: str) -> None:
    ran = project.run(f"--share={share}")
    assert ran.status == pytest.ExitCode.USAGE_ERROR
    assert f"'{share}' is no share: write 1/2 for the first of two" in ran.output


def test_shares_become_one_result(tmp_path: Path) -> None:
    parts = [tmp_path / "share-1", tmp_path / "share-2"]
    written(parts[0], records(ROWS[:4], seconds=2.5, exit_status=1))
    written(parts[1], records(ROWS[4:5], exit_status=0))
    (parts[1] / "evidence" / "one").mkdir(parents=True)
    (parts[1] / "console.log").write_text("said", encoding="ascii")
    finish(tmp_path, parts, CARRIER)
    results = read_results(tmp_path)
    assert results.carrier == CARRIER
    assert [row.id for row in results.rows] == [row.id for row in ROWS[:5]]
    assert not results.incomplete
    assert not results.damaged
    assert results.end is not None
    assert (results.end.seconds, results.end.exit_status, results.end.unexpected) == (2.5, 1, 2)
    assert (tmp_path / "evidence" / "one").is_dir()
    assert (tmp_path / "console.log").read_text(encoding="ascii") == "said"
    assert (tmp_path / "index.html").exists()
    assert not parts[0].exists()


def test_a_share_that_was_cut_off_leaves_no_end(tmp_path: Path) -> None:
    parts = [tmp_path / "share-1", tmp_path / "share-2"]
    written(parts[0], RECORDS[:3])
    path = written(parts[1], records(ROWS[4:]))
    with path.open("a", encoding="utf-8") as file:
        file.write('{"record":"row","id":"cut o')
    finish(tmp_path, parts, CARRIER)
    results = read_results(tmp_path)
    assert "cut off" in results.incomplete
    assert len(results.rows) == 4


def test_what_guests_left_is_joined_when_who_started_them_is_no_more(tmp_path: Path) -> None:
    parts = [tmp_path / "share-1", tmp_path / "share-2"]
    written(parts[0], RECORDS[:3])
    (parts[0] / "junit.xml").write_text("<testsuites><test", encoding="ascii")
    written(parts[1], records(ROWS[4:]))
    for _ in range(2):
        subprocess.run(["/bin/sh", "-c", finishing(tmp_path, parts, CARRIER)], check=True)
        results = read_results(tmp_path)
        assert "cut off" in results.incomplete
        assert len(results.rows) == 4
        assert results.carrier == CARRIER
        (shown,) = data_of((tmp_path / "index.html").read_text(encoding="utf-8"))["kernels"]
        assert shown["carrier"] == "two (two guests)"
        # No JUnit of one share alone, which would look whole.
        assert {path.name for path in tmp_path.iterdir()} == {"results.jsonl", "index.html", "console.log"}


def test_a_share_without_rows_does_not_fail_the_run() -> None:
    assert exit_status_of([0, 5]) == 0
    assert exit_status_of([5, 5]) == 5
    assert exit_status_of([1, 5]) == 1

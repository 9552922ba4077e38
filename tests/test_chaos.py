"""A part of ``make chaos`` that takes seconds: runs that are killed, or have no room, leave nothing and say so."""

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.killing import BLOWS, Blow, strike
from tests.chaos.surroundings import Unavailable, endure
from tests.chaos.traces import Watch
from tests.conftest import ROOT, Project, read_records

PLUGIN = ["-p", "conftest", "--import-mode=importlib"]


@pytest.fixture
def watch() -> Iterator[Watch]:
    """A watch over runs whose temporary files lie at a short path, as socket files want it."""
    place = Path(tempfile.mkdtemp(prefix="chaos-"))
    (place / "t").mkdir()
    yield Watch(place / "t")
    shutil.rmtree(place)


def test_what_is_left_is_seen(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.chaos.traces.PATIENCE", 0.2)
    (watch.temporary / "kconform-x").mkdir()
    with subprocess.Popen(["sleep", "60"], env=watch.environment()) as left:  # noqa: S607  Wherever it is.
        time.sleep(0.1)
        found = watch.left()
        left.kill()
    assert found == [f"process {left.pid}: sleep 60", f"file {watch.temporary / 'kconform-x'}"]


@pytest.mark.parametrize("blow", [BLOWS[0], BLOWS[1], BLOWS[2], BLOWS[5]], ids=str)
def test_a_run_that_is_ended_leaves_nothing(project: Project, watch: Watch, blow: Blow) -> None:
    waiting = "import time\nopen('begun', 'w').close()\nopen(folder / 'left', 'w').close()\ntime.sleep(50)"
    project.clauses("a", "b", "c")
    for name in "abc":
        project.test(waiting, name=name, extra="@waits(3)" if name != "c" else "")
    path = project.pytester.path

    def start(results: Path) -> "subprocess.Popen[str]":
        run = watch.start(results, *PLUGIN, "-n", "1", cwd=path, PYTHONPATH=f"{ROOT}:{path}")
        end = time.monotonic() + 60
        while not (path / "begun").exists() and time.monotonic() < end:
            time.sleep(0.05)
        assert (path / "begun").exists(), (results.with_suffix(".log")).read_text(encoding="utf-8")
        return run

    outcome = strike(watch, start, path / "out", blow, 0.1)
    assert (outcome.wrong, outcome.met) == ([], True)
    assert json.loads((path / "out" / "results.jsonl").read_text(encoding="utf-8").splitlines()[0])["record"] == "run"


def test_a_child_that_a_row_leaves_ends_with_the_run(project: Project, watch: Watch) -> None:
    project.test("import time\nif os.fork() == 0:\n    time.sleep(50)\n    os._exit(0)")
    path = project.pytester.path
    with watch.start(path / "out", *PLUGIN, cwd=path, PYTHONPATH=f"{ROOT}:{path}") as run:
        assert run.wait(60) == 1
    assert watch.left() == []
    (row,) = [record for record in read_records(path / "out" / "results.jsonl") if record["record"] == "row"]
    assert row["verdict"] == "harness-error"
    assert "left behind: child process" in row["reason"]


@pytest.mark.parametrize("name", ["disk-full", "disk-full-later", "read-only"])
def test_a_folder_without_room(watch: Watch, name: str) -> None:
    place = watch.temporary.parent / "p"
    place.mkdir()
    try:
        assert endure(name, place) == []
    except Unavailable as missing:
        pytest.skip(f"{name} can't be tried here: {missing}")

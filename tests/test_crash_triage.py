"""A kernel that dies is a result: the row that it died of deviates, the others have their rows, and the run has an end.

The kernel here is a group of processes, which a row of a small suite kills as a whole.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import psutil
import pytest

from kernels.kernel import Ending, Kernel, Order, carry_out
from kernels.suites import Limits, Ran, run_suites
from kernels.uml import UML
from reports.commands.merge import merge
from results.reader import read_results
from results.records import NEVER_REACHED, Carrier
from tests.conftest import ROOT, Project, read_records
from tests.test_results import data_of
from tests.tools.samples import RECORDS, written

KILL = "os.killpg(0, signal.SIGKILL)"
CONNECT = "assert sock.connect_and_wait(server.address) == 0"
DEAD = "demo.b/inet-stream-blocking-syscall"


class Frail:
    """A kernel that lives as long as the processes of its run; ``orders`` is what it was asked to do."""

    def __init__(self, project: Project) -> None:
        self.orders: list[Order] = []
        self._project = project
        self.kernel = Kernel("frail", "a group of processes", str, self.run)

    def run(self, order: Order) -> Ending:
        """Run the command on the project's small suite."""
        self.orders.append(order)
        path = self._project.pytester.path
        plugin = ["-p", "conftest", "--import-mode=importlib"]
        environment = {**order.environment, "PYTHONPATH": f"{ROOT}:{path}", "HOME": str(path), "TMPDIR": str(path)}
        command = ["env", "-C", str(path), *order.command, *plugin]
        return carry_out(command, Order(command, order.folder, order.seconds, environment, order.watch))

    def suites(self, *arguments: str, **limits: Any) -> Ran:
        """Run the suites in it."""
        limits = {"seconds": 60, "stall": 30, **limits}
        return run_suites(self.kernel, self._project.pytester.path / "out", list(arguments), Limits(**limits))


@pytest.fixture
def frail(project: Project) -> Frail:
    """A frail kernel, and clauses for its suite."""
    project.clauses("a", "b", "c", "d")
    return Frail(project)


def _rows(ran: Ran) -> dict[str, dict[str, Any]]:
    """The rows of a run by their clause's last letter, once it is seen that the run is whole."""
    records = read_records(ran.folder / "results.jsonl")
    rows = [record for record in records if record["record"] == "row"]
    assert [record["record"] for record in records] == ["run", *("row" for _ in rows), "end", "carrier"]
    end, carrier = records[-2:]
    assert end["collected"] == end["reported"] == len(rows)
    assert not (ran.folder / "journal.txt").exists()
    (shown,) = data_of((ran.folder / "index.html").read_text(encoding="utf-8"))["kernels"]
    died = f", with {ran.deaths} death" if ran.deaths else ""
    assert shown["carrier"].startswith(
        f"frail (a group of processes): {carrier['seconds']:.1f} s, {carrier['start_up']:.1f} s"
    )
    assert shown["carrier"].partition(" to start")[2].startswith(died)
    assert (shown["rows"], shown["incomplete"]) == (len(rows), read_results(ran.folder).incomplete)
    told = ET.parse(ran.folder / "junit.xml").findall(".//testcase")  # noqa: S314  Ours.
    assert len(told) == sum(row["reason"] != NEVER_REACHED for row in rows)
    assert carrier["deaths"] == ran.deaths
    assert 0 < carrier["start_up"] < carrier["seconds"]
    return {row["clause"].removeprefix("demo."): row for row in rows}


def test_the_row_it_died_of_is_found_among_several(project: Project, frail: Frail) -> None:
    # Three rows are under way when one kills them all; the others wait, so that they can't have ended.
    waiting = f"import time\n{CONNECT}\nwhile not os.path.exists('again'):\n    time.sleep(0.01)"
    killing = f"import time\ntime.sleep(2)\nopen('again', 'w').close()\n{KILL}"
    for name, body in (("a", waiting), ("b", killing), ("c", waiting), ("d", CONNECT)):
        project.test(body, name=name, extra="@waits(3)" if name != "d" else "")
    ran = frail.suites("-n", "1")
    rows = _rows(ran)
    assert ran.deaths == 2
    assert ran.status == 1
    assert {name: row["verdict"] for name, row in rows.items()} == {
        "a": "conforms",
        "b": "deviates",
        "c": "conforms",
        "d": "conforms",
    }
    assert rows["b"]["reason"] == rows["b"]["observed"] == "the kernel died"
    assert rows["b"]["unexpected"]
    (evidence,) = rows["b"]["evidence"]
    assert evidence["path"] == f"evidence/{DEAD.replace('/', '~')}/console.log"
    assert (ran.folder / evidence["path"]).read_text(encoding="utf-8")
    said = merge([ran.folder], ["frail"], ran.folder.parent / "merged")
    assert said == [f"wrote {ran.folder.parent / 'merged' / 'results.jsonl'} and index.html, with 1 runs"]
    assert all("--no-report" in order.command for order in frail.orders)
    assert "--resume=under-way" in frail.orders[1].command
    assert "--resume=rest" in frail.orders[2].command


def test_two_guests_share_the_rows_and_one_dies(
    project: Project, frail: Frail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    frail.kernel = replace(frail.kernel, guests=2, workers="0")
    for name in ("a", "b", "c", "d"):
        project.test(KILL if name == "c" else CONNECT, name=name)
    ran = frail.suites()
    rows = _rows(ran)
    assert (ran.deaths, ran.status) == (1, 1)
    assert {name: row["verdict"] for name, row in rows.items()} == {
        "a": "conforms",
        "b": "conforms",
        "c": "deviates",
        "d": "conforms",
    }
    assert (ran.folder / rows["c"]["evidence"][0]["path"]).exists()
    assert {word for order in frail.orders for word in order.command if word.startswith("--share")} == {
        "--share=1/2",
        "--share=2/2",
    }
    assert not list(ran.folder.glob("share-*"))


def test_a_death_that_no_row_repeats_alone_is_not_forgiven(project: Project, frail: Frail) -> None:
    once = f"if not os.path.exists('again'):\n    open('again', 'w').close()\n    {KILL}\n{CONNECT}"
    waiting = f"import time\n{CONNECT}\nwhile not os.path.exists('again'):\n    time.sleep(0.01)\ntime.sleep(1)"
    for name, body in (("a", waiting), ("b", f"import time\ntime.sleep(2)\n{once}")):
        project.test(body, name=name, extra="@waits(3)")
    for name in ("c", "d"):
        project.test(CONNECT, name=name)
    ran = frail.suites("-n", "1")
    rows = _rows(ran)
    assert ran.deaths == 1
    assert ran.status == 1
    assert [rows[name]["verdict"] for name in "abcd"] == ["harness-error", "harness-error", "conforms", "conforms"]
    assert rows["b"]["reason"].endswith("this one came to: conforms")


def test_a_kernel_that_dies_too_often_is_given_up(project: Project, frail: Frail) -> None:
    for name in "abcd":
        project.test(KILL, name=name)
    ran = frail.suites("-n", "0", restarts=1)
    rows = _rows(ran)
    assert ran.deaths == 2
    assert ran.status == 1
    assert [rows[name]["verdict"] for name in "abcd"] == ["deviates", "deviates", "not-exercised", "not-exercised"]
    assert rows["d"]["reason"] == NEVER_REACHED


def test_a_kernel_that_hangs(project: Project, frail: Frail) -> None:
    for name in "abcd":
        project.test(CONNECT if name != "b" else "os.killpg(0, signal.SIGSTOP)", name=name)
    ran = frail.suites("-n", "0", stall=8)
    rows = _rows(ran)
    assert ran.deaths == 1
    assert [rows[name]["verdict"] for name in "abcd"] == ["conforms", "deviates", "conforms", "conforms"]


def test_a_known_death(project: Project, frail: Frail) -> None:
    for name in "abcd":
        project.test(CONNECT if name != "b" else KILL, name=name)
    entry = {"rows": DEAD, "observed": "the kernel died", "reason": "It is frail.", "document": "demo.2"}
    lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in entry.items())
    project.write("expectations/frail.toml", f"[[expectation]]\n{lines}")
    ran = frail.suites("-n", "0")
    rows = _rows(ran)
    assert (ran.status, ran.deaths) == (0, 1)
    assert rows["b"]["verdict"] == "deviates"
    assert rows["b"]["expectation"]["state"] == "met"


def test_a_guest_ends_with_who_started_it(tmp_path: Path) -> None:
    order = "Order([], pathlib.Path('.'), 60.0, {'PATH': '/usr/bin:/bin'})"
    words = (
        f"import pathlib; from kernels.kernel import *; carry_out(['sh', '-c', 'echo $$; sleep 61 & wait'], {order})"
    )
    command = [sys.executable, "-c", words]
    with subprocess.Popen(command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}) as starter:
        log = tmp_path / "console.log"
        _until(lambda: log.exists() and log.read_text(encoding="ascii").endswith("\n"))
        group = int(log.read_text(encoding="ascii"))
        starter.kill()
    _until(lambda: not [each for each in psutil.process_iter() if _group(each.pid) == group])


def test_a_run_whose_starter_is_killed_gets_its_page_with_what_is_known(tmp_path: Path) -> None:
    sample = written(tmp_path / "sample", RECORDS[:3])
    words = (
        "import pathlib, shutil, time\n"
        "from kernels.kernel import Kernel\n"
        "from kernels.suites import run_suites\n"
        "def run(order):\n"
        f"    shutil.copy({str(sample)!r}, order.folder)\n"
        "    print('up', flush=True)\n"
        "    time.sleep(60)\n"
        "run_suites(Kernel('frail', 'a copy', str, run), pathlib.Path('out'), [])\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", words], cwd=tmp_path, env=environment, stdout=subprocess.PIPE
    ) as starter:
        assert starter.stdout is not None
        starter.stdout.readline()
        starter.kill()
    page = tmp_path / "out" / "index.html"
    _until(page.exists)
    results = read_results(tmp_path / "out")
    assert results.carrier == Carrier(name="frail", what="a copy")
    assert "cut off" in results.incomplete
    (shown,) = data_of(page.read_text(encoding="utf-8"))["kernels"]
    assert (shown["carrier"], shown["rows"]) == ("frail (a copy)", 2)


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid) if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE else 0
    except (ProcessLookupError, psutil.NoSuchProcess):
        return 0


def _until(done: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not done():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_panic_of_a_real_kernel(tmp_path: Path) -> None:
    missing = UML.lacks()
    if missing:
        pytest.skip(f"no real kernel that may die: {missing}")
    row = "connect.EISCONN.tcp/inet-stream-blocking-syscall-again"
    arguments = ["-p", "tests.plugins.kernel_panic", "-n", "0", "--entry=syscall", "--row=connect.EISCONN.tcp/inet*"]
    ran = run_suites(UML, tmp_path / "out", arguments, Limits(seconds=120))
    rows = {each["id"]: each for each in read_records(ran.folder / "results.jsonl") if "id" in each}
    assert ran.deaths == 1, (ran.folder / "console.log").read_text(encoding="utf-8", errors="replace")
    assert ran.status == 1
    assert rows.pop(row)["observed"] == "the kernel died"
    assert len(rows) == 5
    assert not any(each["unexpected"] for each in rows.values())
    console = ran.folder / "evidence" / row.replace("/", "~") / "console.log"
    assert "Kernel panic - not syncing: sysrq triggered crash" in console.read_text(encoding="utf-8", errors="replace")

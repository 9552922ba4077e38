"""Other kernels on this machine: what can be run, and a row inside each."""

import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

from kernels import KERNELS, Kernel, find_kernel
from kernels.__main__ import main
from kernels.cache import cache_folder
from kernels.gvisor import platform
from kernels.kernel import Ending, Order
from kernels.suites import Limits, run_suites
from tests.conftest import read_records

ROW = "connect.tcp.success.blocking/inet-stream-blocking-syscall"


def test_the_list_says_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in said[len(KERNELS) :]] == ["vm:VERSION", "vm:PATH", "vm:VERSION+warp"]
    for line, kernel in zip(said, KERNELS.values(), strict=False):
        assert line.startswith(kernel.name)
        assert ("not here; " in line) is bool(kernel.lacks())


def _any_fetched() -> str:
    """A virtual machine whose kernel is there already: no test fetches one."""
    fetched = sorted(path.name for path in (cache_folder() / "kernels").glob("*-amd64"))
    return f"vm:{fetched[0]}" if fetched else "vm:none-was-fetched-yet"


@pytest.mark.parametrize("name", [*KERNELS, "vm"])
def test_a_row_inside(name: str) -> None:
    name = _any_fetched() if name == "vm" else name
    kernel = find_kernel(name)
    missing = kernel.lacks()
    if missing:
        pytest.skip(f"the kernel '{name}' can't be run here: {missing}")
    # Another user has to reach it, who gets into no folder of pytest's own.
    with tempfile.TemporaryDirectory(prefix="kconform-test-") as folder:
        Path(folder).chmod(0o755)
        out = Path(folder) / "out"
        ran = run_suites(kernel, out, ["--row", ROW, "-n", "0"], Limits(300))
        assert ran.status == 0, (out / "console.log").read_text(encoding="utf-8", errors="replace")
        run, row, end, carrier = read_records(out / "results.jsonl")
    assert (row["id"], row["verdict"]) == (ROW, "conforms")
    assert end["reported"] == 1
    assert carrier["name"] == kernel.name
    assert 0 < carrier["start_up"] < carrier["seconds"]
    assert run["kernel"]["implementation"] == ("gVisor" if name == "gvisor" else "Linux")


def test_a_kernel_that_dies(tmp_path: Path) -> None:
    def die(order: Order) -> Ending:
        order.log.write_text("Kernel panic\n", encoding="ascii")
        return Ending(None, "it panicked")

    ran = run_suites(Kernel("frail", "a kernel that dies", str, die), tmp_path / "out", [])
    assert ran.status == 3
    assert ran.ending.reason == "it panicked"


def test_an_unknown_kernel(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", "minix"])
    assert ended.value.code == 2
    assert "there is no kernel 'minix', but live, live-user," in capsys.readouterr().err


@pytest.mark.parametrize(
    ("works", "chosen"), [({"systrap", "ptrace"}, "systrap"), ({"ptrace"}, "ptrace"), ({"hangs", "ptrace"}, "ptrace")]
)
def test_gvisors_platform_is_found_by_trying(monkeypatch: pytest.MonkeyPatch, works: set[str], chosen: str) -> None:
    def tried(command: list[str], *, timeout: float, **_: Any) -> subprocess.CompletedProcess[bytes]:
        name = next(word for word in command if word.startswith("--platform=")).partition("=")[2]
        if "hangs" in works and name == "systrap":
            raise subprocess.TimeoutExpired(command, timeout)
        return subprocess.CompletedProcess(command, 0 if name in works else 128)

    monkeypatch.setattr("kernels.gvisor.subprocess.run", tried)
    assert platform.__wrapped__() == chosen


FAKE = """#!/bin/sh
echo tried >> {folder}/tried
for word; do
  case $word in kconform=*) echo "told to run"; esac
done
{words}
"""


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("echo 'kconform: the kernel is up'", ""),
        ("echo 'ptrace failed'; echo 'Kernel panic - not syncing'; echo 'Stack:'", "ptrace failed"),
        ("echo booting; sleep 60 & wait", "booting"),
        ("exit 1", "it says nothing"),
    ],
    ids=["up", "panic", "hangs", "silent"],
)
def test_user_mode_linux_is_tried_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, why: str) -> None:
    for program in ("linux.uml", "modprobe", "ip"):
        (tmp_path / program).write_text(FAKE.format(folder=tmp_path, words=words), encoding="ascii")
        (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("kernels.uml._TRIAL", 2.0)
    monkeypatch.setattr("kernels.uml.nobody_is_root", lambda: False)
    for _ in range(2):
        said = find_kernel("uml").lacks()
        assert said == (f"use another build, for this one does not come up on this processor: {why}" if why else "")
    assert (tmp_path / "tried").read_text(encoding="ascii") == "tried\n"

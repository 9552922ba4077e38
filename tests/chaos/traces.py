"""What a run could leave on a machine, and a look at whether it did.

A run under watch has a mark in its environment, a home and a temporary folder of its own, so that what it leaves is
known from what others do on the machine at the same time. Of what all share, it is compared what was there before.
"""

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.conftest import ROOT

PATIENCE = 40.0  # Seconds in which everything has to be gone; a machine under load is slow.
_MARK = "KCONFORM_CHAOS"
_SHARED = {"named namespace": "/run/netns", "interface": "/sys/class/net", "file in memory": "/dev/shm"}  # noqa: S108


def _around() -> set[str]:
    """What all on the machine share and a run may have no part in, a line for each thing that is there."""
    return set(_things())


def _things() -> Iterator[str]:
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines():
        # Those that are or may be of kconform's making: all but those of containers.
        if "kconform" in line or " nsfs " in line or " cgroup2 " in line:
            yield f"mount {line}"
    for what, place in _SHARED.items():
        with contextlib.suppress(OSError):
            yield from (f"{what} {name}" for name in os.listdir(place))
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines():
        _, place, kind, *_ = line.split()
        if kind == "cgroup2":
            with contextlib.suppress(OSError):
                yield from (f"control group {name}" for name in os.listdir(place) if name.startswith("kconform-"))
    if os.geteuid() == 0 and (nft := shutil.which("nft", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")):
        said = subprocess.run([nft, "--stateless", "list", "ruleset"], capture_output=True, text=True, check=False)
        lines = said.stdout.splitlines()
        yield f"firewall of {len(lines)} lines"
        yield from (f"firewall, line {number}: {line}" for number, line in enumerate(lines, 1))


@dataclass
class Watch:
    """Watches for what runs leave.

    Args:
        temporary: an empty folder for their temporary files; their home is made beside it.
    """

    temporary: Path
    mark: str = field(default_factory=lambda: secrets.token_hex(8))
    _before: set[str] = field(default_factory=_around)
    _known: set[psutil.Process] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Make the home."""
        self.home.mkdir(exist_ok=True)

    @property
    def home(self) -> Path:
        """The home of the user who runs it."""
        return self.temporary.with_name(f"{self.temporary.name}-home")

    def environment(self) -> dict[str, str]:
        """The environment for a run under watch."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "PYTHONPATH": f"{ROOT}{os.pathsep}{sysconfig.get_paths()['purelib']}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "TMPDIR": str(self.temporary),
            _MARK: self.mark,
        }

    def start(self, results: Path, *arguments: str, cwd: Path = ROOT, **more: str) -> "subprocess.Popen[str]":
        """Begin a run of pytest; what it prints is in ``results.log``."""
        words = ["pytest", "-p", "no:cacheprovider", f"--results={results}", *arguments]
        return self.python(results.with_suffix(".log"), *words, cwd=cwd, **more)

    def python(self, log: Path, *module: str, cwd: Path = ROOT, **more: str) -> "subprocess.Popen[str]":
        """Begin a module with its arguments in a session, and so a process group, of its own."""
        with log.open("w", encoding="utf-8") as file:
            return subprocess.Popen(
                [sys.executable, "-m", *module],
                cwd=cwd,
                env=self.environment() | more,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )

    def left(self) -> list[str]:
        """What is left once there was time for it to go; nothing is as it should be."""
        end = time.monotonic() + PATIENCE
        # What others have comes and goes at the same time; what stays the whole while is ours.
        found, around = self._look(), _around() - self._before
        while (found or around) and time.monotonic() < end:
            time.sleep(0.05)  # Nobody announces the end of a process that is not one's child.
            found, around = self._look(), around & _around()
        return found + sorted(around)

    def _look(self) -> list[str]:
        found = [f"process {process.pid}: {_command(process)}" for process in self.processes()]
        # pytest itself keeps the temporary folders of its last three runs.
        kept = {path for path in self.temporary.iterdir() if path.name.startswith("pytest-of-")}
        files = {*self.temporary.iterdir(), *self.home.iterdir()} - kept
        return found + [f"file {path}" for path in sorted(files)]

    def processes(self) -> list[psutil.Process]:
        """The processes of runs under this watch: those with its mark, and whatever these were seen to have started."""
        mark, place = f"{_MARK}={self.mark}".encode(), os.fsencode(f"{self.temporary}/")
        for name in filter(str.isdecimal, os.listdir("/proc")):
            with contextlib.suppress(OSError, psutil.NoSuchProcess):
                words = Path("/proc", name, "environ").read_bytes().split(b"\0")
                if mark in words or place in Path("/proc", name, "cmdline").read_bytes():
                    process = psutil.Process(int(name))
                    # A sandbox's processes show neither environment nor command line.
                    self._known |= {process, *process.children(recursive=True)}
        # Gone, or waiting for its parent to take notice.
        self._known = {each for each in self._known if _lives(each)}
        return sorted(self._known, key=lambda process: process.pid)


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _command(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return " ".join(process.cmdline()) or str(process.name())
    return "?"

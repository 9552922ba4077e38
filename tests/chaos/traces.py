"""What a run could leave on a machine, and a look at whether it did.

A run under watch has a mark in its environment and a temporary folder of its own, so that what it leaves is known from
what others do on the machine at the same time.
"""

import contextlib
import os
import secrets
import subprocess
import sys
import sysconfig
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import ROOT

PATIENCE = 40.0  # Seconds in which everything has to be gone; a machine under load is slow.
_MARK = "KCONFORM_CHAOS"


def _mounts() -> set[str]:
    """The mounts of this process's namespace that are or may be of kconform's making: all but those of containers."""
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    return {line for line in lines if "kconform" in line or " nsfs " in line or " cgroup2 " in line}


def _names() -> set[str]:
    with contextlib.suppress(OSError):
        return set(os.listdir("/run/netns"))
    return set()


def _groups() -> set[str]:
    """The control groups of kconform's making that can be seen from here."""
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines():
        _, place, kind, *_ = line.split()
        if kind == "cgroup2":
            with contextlib.suppress(OSError):
                return {name for name in os.listdir(place) if name.startswith("kconform-")}
    return set()


@dataclass
class Watch:
    """Watches for what runs leave; ``temporary`` is an empty folder for their temporary files.

    Args:
        temporary: the folder.
    """

    temporary: Path
    mark: str = field(default_factory=lambda: secrets.token_hex(8))
    _mounts: set[str] = field(default_factory=_mounts)
    _names: set[str] = field(default_factory=_names)
    _groups: set[str] = field(default_factory=_groups)

    def environment(self) -> dict[str, str]:
        """The environment for a run under watch."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.temporary.parent),
            "PYTHONPATH": f"{ROOT}{os.pathsep}{sysconfig.get_paths()['purelib']}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "TMPDIR": str(self.temporary),
            _MARK: self.mark,
        }

    def start(self, results: Path, *arguments: str, cwd: Path = ROOT, **more: str) -> "subprocess.Popen[str]":
        """Begin a run in a session, and so a process group, of its own; what it prints is in ``results.log``."""
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--results={results}", *arguments]
        with results.with_suffix(".log").open("w", encoding="utf-8") as log:
            return subprocess.Popen(
                command,
                cwd=cwd,
                env=self.environment() | more,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )

    def left(self) -> list[str]:
        """What is left once there was time for it to go; nothing is as it should be."""
        end = time.monotonic() + PATIENCE
        found, groups = self._look(), _groups() - self._groups
        while (found or groups) and time.monotonic() < end:
            time.sleep(0.02)  # Nobody announces the end of a process that is not one's child.
            # Groups of other runs come and go at the same time; what stays the whole while is ours.
            found, groups = self._look(), groups & _groups()
        return found + [f"control group {name}" for name in sorted(groups)]

    def _look(self) -> list[str]:
        found = [f"process {pid}: {command}" for pid, command in self.processes().items()]
        # pytest itself keeps the temporary folders of its last three runs.
        found += [f"file {path}" for path in sorted(self.temporary.iterdir()) if path.name[:10] != "pytest-of-"]
        found += [f"mount {line}" for line in sorted(_mounts() - self._mounts)]
        return found + [f"named namespace {name}" for name in sorted(_names() - self._names)]

    def processes(self) -> dict[int, str]:
        """The processes of runs under this watch, with their command lines."""
        found, mark = {}, f"{_MARK}={self.mark}".encode()
        for name in filter(str.isdecimal, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                if mark in Path("/proc", name, "environ").read_bytes().split(b"\0"):
                    command = Path("/proc", name, "cmdline").read_bytes().replace(b"\0", b" ")
                    found[int(name)] = command.decode(errors="replace")
        return found

"""Bad surroundings for a run: no room, no descriptors, no memory, strange names, other people's settings.

A run in them either comes to what it comes to elsewhere, or ends with a clear word and pytest's status for that; it
never prints a traceback, and leaves nothing.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.traces import Watch
from tests.conftest import ROOT, read_records

_ROWS = ["suites", "--row=connect.ECONNREFUSED.tcp/inet-*", "--row=connect.EISCONN.tcp/*", "-n", "2"]
_LONGEST = 240.0
_PASSED, _CUT, _USAGE = 0, 2, 4


class Unavailable(Exception):
    """A surrounding can't be made on this machine; the message says why."""


@dataclass(frozen=True)
class Surrounding:
    """One surrounding.

    ``before`` is a shell's words in front of the command, in which ``{out}`` stands for the folder of the results;
    ``rights`` says that only root can make it; ``statuses`` are those with which the run may end; ``says`` has to be in
    what it prints when it does not pass.
    """

    before: str = ""
    rights: bool = False
    statuses: tuple[int, ...] = (_PASSED,)
    says: str = ""
    variables: tuple[tuple[str, str], ...] = ()
    folder: str = "out"


_FORBID = "mount --make-rprivate / &&"
SURROUNDINGS = {
    "disk-full": Surrounding(
        f"{_FORBID} mount -t tmpfs -o size=64k none {{out}} &&", rights=True, statuses=(_USAGE,), says="No space left"
    ),
    "disk-full-later": Surrounding(
        f"{_FORBID} mount -t tmpfs -o size=260k none {{out}} &&", rights=True, statuses=(_CUT,), says="No space left"
    ),
    "read-only": Surrounding(
        f"{_FORBID} mount -t tmpfs -o ro none {{out}} &&", rights=True, statuses=(_USAGE,), says="Read-only file system"
    ),
    "few-descriptors": Surrounding("ulimit -n 64 &&", statuses=(_PASSED,)),
    "no-sysctls": Surrounding(f"{_FORBID} mount -o bind,ro /proc/sys /proc/sys &&", rights=True),
    "no-ipv6": Surrounding("echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6;", rights=True),
    "strange-folder": Surrounding(folder="a folder & mehr Äß名"),
    "locale-c": Surrounding(variables=(("LC_ALL", "C"), ("PYTHONUTF8", "0"), ("PYTHONCOERCECLOCALE", "0"))),
}


def endure(name: str, place: Path, start: Callable[..., list[str]] | None = None) -> list[str]:
    """Run a few rows in a surrounding, and give what is wrong then; nothing is as it should be.

    Raises:
        Unavailable: when it can't be made here.
    """
    chosen = SURROUNDINGS[name]
    if chosen.rights and (os.geteuid() != 0 or shutil.which("unshare") is None):
        raise Unavailable("it takes root, and unshare(1)")
    temporary, out = place / "t", place / chosen.folder
    temporary.mkdir()
    out.mkdir()
    watch = Watch(temporary)
    arguments = start(out) if start is not None else [*_ROWS, f"--results={out}"]
    words = ["sh", "-c", f'{chosen.before.format(out=f"{out}")} exec "$0" -m pytest -p no:cacheprovider "$@"']
    around = ["unshare", "--mount", "--net"] if chosen.rights else []
    done = subprocess.run(
        [*around, *words, os.environ.get("PYTHON", _python()), *arguments],
        cwd=ROOT,
        env=watch.environment() | dict(chosen.variables),
        capture_output=True,
        timeout=_LONGEST,
        check=False,
    )
    said = (done.stdout + done.stderr).decode(errors="backslashreplace")
    wrong = watch.left()
    if done.returncode not in chosen.statuses:
        wrong.append(f"it ended with {done.returncode}, and not one of {chosen.statuses}:\n{said[-3000:]}")
    if "INTERNALERROR" in said or "Traceback (most recent" in said:
        wrong.append(f"it printed a traceback:\n{said[-3000:]}")
    if done.returncode != _PASSED and chosen.says not in said:
        wrong.append(f"it does not say '{chosen.says}':\n{said[-3000:]}")
    if done.returncode == _PASSED and not [each for each in read_records(out / "results.jsonl") if "verdict" in each]:
        wrong.append("it says that it passed, and has no row")
    return wrong


def crowd(place: Path, runs: int = 4) -> list[str]:
    """Let several runs go on at the same time, and give what is wrong then."""
    temporary = place / "t"
    temporary.mkdir()
    watch = Watch(temporary)
    several = [watch.start(place / f"r{number}", *_ROWS) for number in range(runs)]
    statuses = [run.wait(_LONGEST) for run in several]
    wrong = [f"run {number} ended with {status}" for number, status in enumerate(statuses) if status != _PASSED]
    for number in range(runs):
        rows = [each for each in read_records(place / f"r{number}" / "results.jsonl") if "verdict" in each]
        wrong += [f"run {number}: {each['id']} is unexpected" for each in rows if each["unexpected"]]
        wrong += [] if rows else [f"run {number} has no row"]
    return wrong + watch.left()


def _python() -> str:
    return sys.executable

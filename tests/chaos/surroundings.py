"""Bad surroundings for a run: no room, no descriptors, no memory, strange names, other people's settings.

A run in them either comes to what it comes to elsewhere, or ends with a clear word and pytest's status for that; it
never prints a traceback, and leaves nothing.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kernels.uml import UML
from tests.chaos.traces import Watch
from tests.conftest import ROOT, read_records
from tests.tools.busy_processes import loaded

_ROWS = ["suites", "--row=connect.ECONNREFUSED.tcp/inet-*", "--row=connect.EISCONN.tcp/*", "-n", "2"]
# Those that wait for timers of the kernel, and look at how long.
_TIMED = ["suites/connect/tcp/test_timeout.py", "--entry=syscall", "--row=connect.*/inet-stream-*"]
_STEPS = 20  # Times at least that the clock is set meanwhile.
_LONGEST = 240.0
_PASSED, _CUT, _USAGE = 0, 2, 4


class Unavailable(Exception):
    """A surrounding can't be made on this machine; the message says why."""


@dataclass(frozen=True)
class Surrounding:
    """One surrounding.

    ``before`` is a shell's words in front of the command, in which ``{out}`` stands for the folder of the results, and
    ``through`` a program, with its arguments, that carries the command out; ``rights`` says that only root can make it;
    ``statuses`` are those with which the run may end; ``says`` has to be in what it prints when it does not pass;
    ``load`` is how many processes keep the machine busy meanwhile; ``copied`` says that the project lies in a folder
    with settings of somebody else's.
    """

    before: str = ""
    through: str = ""
    rights: bool = False
    statuses: tuple[int, ...] = (_PASSED,)
    says: str = ""
    variables: tuple[tuple[str, str], ...] = ()
    folder: str = "out"
    load: int = 0
    copied: bool = False


# A user who is not root and has no privilege in the namespace either, whose limits are its own.
_NOBODY = "unshare --user --map-user=65534 --map-group=65534 --keep-caps sh -c"
_PLAIN = 'exec setpriv --ambient-caps=-all --inh-caps=-all "$@"'
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
    "no-user-namespaces": Surrounding(
        through=f"{_NOBODY} 'echo 0 > /proc/sys/user/max_user_namespaces && {_PLAIN}' sh",
        rights=True,
        statuses=(_USAGE,),
        says="user.max_user_namespaces is 0",
    ),
    "low-memory": Surrounding("ulimit -v 300000 &&", statuses=(_USAGE,), says="MiB of address space"),
    "lower-memory": Surrounding("ulimit -v 90000 &&", statuses=(_USAGE,), says="MiB of address space"),
    "strange-folder": Surrounding(folder="a folder & mehr Äß名"),
    "locale-c": Surrounding(variables=(("LC_ALL", "C"), ("PYTHONUTF8", "0"), ("PYTHONCOERCECLOCALE", "0"))),
    "load-20": Surrounding(load=20),
    "settings-of-others": Surrounding(
        variables=(
            ("PYTEST_ADDOPTS", "-p tests.chaos.theirs -rA -vv --tb=long --color=yes --durations=3 --maxfail=1000"),
            ("PYTEST_PLUGINS", "tests.chaos.theirs"),
            ("PYTHONWARNINGS", "default"),
        ),
        copied=True,
    ),
}
# What lies in the folder above the project: were it read, no run would come to its end.
_THEIRS = {
    "pytest.ini": "[pytest]\naddopts = --no-such-option\npython_files = none.py\n",
    "tox.ini": "[pytest]\naddopts = --no-such-option\n",
    "setup.cfg": "[tool:pytest]\naddopts = --no-such-option\n",
    "conftest.py": "raise RuntimeError('this is somebody else')\n",
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
    watch, root = Watch(temporary), _copy(place) if chosen.copied else ROOT
    arguments = start(out) if start is not None else [*_ROWS, f"--results={out}"]
    command = f'{chosen.before.format(out=f"{out}")} exec {chosen.through} "$0" -m pytest -p no:cacheprovider "$@"'
    around = ["unshare", "--mount", "--net"] if chosen.rights else []
    environment = watch.environment() | dict(chosen.variables)
    with loaded(chosen.load):
        done = subprocess.run(
            [*around, "sh", "-c", command, sys.executable, *arguments],
            cwd=root,
            env=environment | {"PYTHONPATH": environment["PYTHONPATH"].replace(str(ROOT), str(root))},
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


def step_clock(place: Path) -> list[str]:
    """Run rows that measure times in a guest whose clock is set forth and back all the while; gives what is wrong then.

    Raises:
        Unavailable: when there is no such guest here.
    """
    missing = UML.lacks()
    if missing:
        raise Unavailable(missing)
    (place / "t").mkdir()
    watch, log = Watch(place / "t"), place / "log"
    words = ["kernels", "run", "uml", "--results", str(place / "out"), "--", "-p", "tests.chaos.stepping", *_TIMED]
    status, said = watch.python(log, *words).wait(_LONGEST), log.read_text(encoding="utf-8", errors="replace")
    rows = [each for each in read_records(place / "out" / "results.jsonl") if each["record"] == "row"]
    wrong = [f"{row['id']} is unexpected: {row['reason'] or row['observed']}" for row in rows if row["unexpected"]]
    steps = re.search(r"the clock was set (\d+) times", said)
    if status != _PASSED or not rows or steps is None or int(steps.group(1)) < _STEPS:
        wrong.append(f"it ended with {status}, has {len(rows)} rows, and its clock was not set often:\n{said[-3000:]}")
    return wrong + watch.left()


def _copy(place: Path) -> Path:
    """A copy of the project in a folder with settings of somebody else's."""
    root = place / "theirs" / "project"
    shutil.copytree(ROOT, root, symlinks=True, ignore=shutil.ignore_patterns(".*", "out", "docs", "__pycache__"))
    for name, text in _THEIRS.items():
        (root.parent / name).write_text(text, encoding="utf-8")
    return root

"""Signals to a run at random moments: to the process that leads it, to those that it has, to all as Ctrl-C does.

A run is pytest's own on this machine, or that of a guest by ``python -m kernels run``. Afterwards nothing may be left
of it, its results have to be readable to the last row that had ended, and a report may not look whole if it is not.
"""

import contextlib
import os
import random
import re
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from results.files import PAGES
from results.reader import Results, ResultsError, read_results
from results.records import NEVER_REACHED
from tests.chaos.traces import Watch
from tests.tools.samples import run_reports

LONGEST = 240.0  # Seconds that a run gets to end after the signal.
STALE = "of an earlier run"
"""What stands in the pages of the folder before a run under trial begins."""
# Rows with everything that could be left: topologies, processes of their own, control groups, firewalls, socket files.
_MODULES = [
    f"suites/connect/{name}.py"
    for name in ("tcp/test_timeout", "policy/test_control_groups", "unix/test_names", "policy/test_firewall")
]
_ROWS = [f"--row=connect.{name}" for name in ("ETIMEDOUT.tcp*", "cgroup-bpf.*", "ENOENT*", "netfilter*")]
_STALL = "60"  # Seconds; a guest may hang when one of its processes is struck, and is ended after so long.
# Rows that a guest of any kind can run, as few as will do: it takes long enough to start. Two of a kind share them.
_GUEST = ["suites/connect/unix/test_names.py", "--clause=connect.ENOENT*"]
# How the processes of a guest are called: of user-mode Linux, and of gVisor, whose own are copies of one program.
_GUESTS = ("linux.uml", "linux", "runsc", "exe")
# A worker that has only begun when its controller is gone knows nothing but execnet yet, or is told half a line of it.
_TOO_YOUNG = re.compile(
    r'^Traceback .*\n(  File "<string>", .*\n)+( *\n)?(BrokenPipe|EOF|Syntax)Error.*\n', re.MULTILINE
)
_WORKER = "sys.stdin.readline()"  # What xdist has a worker's interpreter do is told to it there.
# A row that has ended, on pytest's terminal: its verdict stands behind it, or a worker and the verdict before it.
_ENDED = re.compile(r"^\[gw\d+\].*::\w+\[(\S+)\] *$|::\w+\[(connect\.\S+)\] [A-Z].*%\]$", re.MULTILINE)


@dataclass(frozen=True)
class Blow:
    """A way to end a run: a signal, to whom, and how often."""

    number: signal.Signals
    victim: str
    times: int = 1

    def __str__(self) -> str:
        return f"{self.number.name} to {self.victim}" + (" twice" if self.times > 1 else "")

    @property
    def survivable(self) -> bool:
        """Whether the run goes on to its end without its victim."""
        return self.victim in ("worker", "row", "guest", "reaper")


BLOWS = (
    Blow(signal.SIGKILL, "controller"),
    Blow(signal.SIGKILL, "worker"),
    Blow(signal.SIGTERM, "controller"),
    Blow(signal.SIGTERM, "worker"),
    Blow(signal.SIGINT, "all"),
    Blow(signal.SIGINT, "all", 2),
    Blow(signal.SIGINT, "controller"),
    Blow(signal.SIGINT, "controller", 2),
    Blow(signal.SIGKILL, "row"),
    Blow(signal.SIGTERM, "row"),
    Blow(signal.SIGKILL, "all"),
    Blow(signal.SIGTERM, "all"),
    Blow(signal.SIGKILL, "reaper"),
)
GUEST_BLOWS = (
    Blow(signal.SIGKILL, "controller"),
    Blow(signal.SIGTERM, "controller"),
    Blow(signal.SIGINT, "controller"),
    Blow(signal.SIGINT, "controller", 2),
    Blow(signal.SIGKILL, "guest"),
    Blow(signal.SIGTERM, "guest"),
)


@dataclass(frozen=True)
class Outcome:
    """What became of a run: what is wrong with it, and whether the blow fell before it had ended."""

    wrong: list[str]
    met: bool


def begin(kind: str, watch: Watch, results: Path) -> "subprocess.Popen[str]":
    """Begin a run of a kind: ``suites`` on this machine, or the name of a kernel."""
    if kind == "suites":
        return watch.start(results, *_MODULES, "--entry=syscall", "-n", "2", "-v", *_ROWS)
    words = [
        "kernels",
        "run",
        kind,
        "--results",
        str(results),
        "--stall",
        _STALL,
        "--",
        "--entry=syscall",
        "-v",
        *_GUEST,
    ]
    return watch.python(results.with_suffix(".log"), *words)


def strike(
    watch: Watch, start: Callable[[Path], "subprocess.Popen[str]"], results: Path, blow: Blow | None, after: float
) -> Outcome:
    """Start a run, end it by a blow ``after`` seconds, and give what is wrong then.

    Without a blow it is only waited for, and has to end well.
    """
    results.mkdir()
    for name in PAGES:
        (results / name).write_text(STALE, encoding="utf-8")
    run, struck = start(results), False
    if blow is not None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.wait(after)
        watch.processes()  # So that they are known, whatever becomes of those that have started them.
        struck = _hit(watch, run, blow, random.Random(after))  # noqa: S311  A choice, not a secret.
    try:
        status = run.wait(LONGEST)
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGKILL)
        return Outcome([f"it went on for {LONGEST:g} s", *watch.left()], struck)
    except BaseException:
        os.killpg(run.pid, signal.SIGKILL)
        raise
    wrong = watch.left()
    said = results.with_suffix(".log").read_text(encoding="utf-8", errors="replace")
    # Where Ctrl-C lands in the middle of pytest's own work, or of Python's own beginning, it is these that say so.
    heard = _TOO_YOUNG.sub("", said)
    if (blow is None or blow.number != signal.SIGINT) and ("INTERNALERROR" in heard or "Traceback (most" in heard):
        wrong.append(f"it ended with a traceback:\n{said[-3000:]}")
    if blow is None and status != 0:
        wrong.append(f"nobody ended it, and its exit status is {status}:\n{said[-3000:]}")
    whole = not struck or (blow is not None and blow.survivable)
    may_lack = struck and blow is not None and blow.victim == "guest"  # It may not have come to a row.
    return Outcome(wrong + _records(results, said, whole=whole, may_lack=may_lack, status=status), struck)


def _hit(watch: Watch, run: "subprocess.Popen[str]", blow: Blow, chance: random.Random) -> bool:
    """Give the blow; tells whether there was somebody whom it could meet."""
    for turn in range(blow.times):
        if turn:
            time.sleep(0.1)  # A person is no faster.
        if run.poll() is not None:
            return turn > 0
        victims = _victims(watch, run.pid, blow.victim)
        if not victims:
            return False
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            if blow.victim == "all":
                os.killpg(run.pid, blow.number)
            else:
                chance.choice(victims).send_signal(blow.number)
    return True


def _victims(watch: Watch, leader: int, wanted: str) -> list[psutil.Process]:
    """The processes of a run that are what is wanted."""
    found = []
    for process in watch.processes():
        with contextlib.suppress(psutil.NoSuchProcess):
            if _part(process, leader) == wanted or (wanted == "all" and process.pid == leader):
                found.append(process)
    return found


def _part(process: psutil.Process, leader: int) -> str:
    """What a process is to its run."""
    words, parent = " ".join(process.cmdline()), process.ppid()
    if process.pid == leader:
        return "controller"
    if process.name() in _GUESTS or process.name().startswith("runsc"):
        return "guest"
    if "reaper.py" in words:
        return "reaper"
    if _WORKER in words:  # What a worker forks off has its words, too.
        return "worker" if parent == leader else "row"
    return "other"


def _records(results: Path, said: str, *, whole: bool, may_lack: bool, status: int) -> list[str]:
    """What is wrong with the results of a run that was struck, or was not."""
    names = {path.name for path in results.iterdir()}
    wrong = [
        f"half a file: {name}" for name in sorted(names) if name.startswith((".", "share-")) or name == "command.sh"
    ]
    if "results.jsonl" not in names:
        return [*wrong, f"there are no results:\n{said[-3000:]}"] if whole and not may_lack else wrong
    pages = [name for name in PAGES if name in names]
    wrong += [f"{name} is {STALE}" for name in pages if (results / name).read_text(encoding="utf-8") == STALE]
    try:
        read = read_results(results)
    except ResultsError as error:
        return [*wrong, str(error)]
    wrong += [damage for damage in read.damaged if not damage.startswith(f"line {len(read.rows) + 2} ")]
    if whole and read.end is None:
        wrong.append(f"a run that nobody ended has no end:\n{said[-3000:]}")
    return wrong + _lies(results, read, said, status)


def _lies(results: Path, read: Results, said: str, status: int) -> list[str]:
    """What the results and a report of them say that is not so."""
    wrong, reached = [], [row for row in read.rows if row.reason != NEVER_REACHED]
    # The terminal hears of a row before it is written down.
    told = dict.fromkeys("".join(names) for names in _ENDED.findall(said[: said.find("= conformance =")]))
    missing = set(list(told)[:-1]) - {row.id for row in reached}
    wrong += [f"{id_} had ended, and is not in the results" for id_ in sorted(missing)]
    short = len(reached) < len(read.rows) or read.end is None or read.end.exit_status == 2
    if short and not read.incomplete:
        wrong.append("the results do not say that they are incomplete")
    if status == 0 and (short or read.incomplete):
        wrong.append(f"it says that it passed, and {read.incomplete}")
    if read.incomplete and "INCOMPLETE" not in run_reports("summary", results).output:
        wrong.append("the summary does not say that the run is incomplete")
    return wrong

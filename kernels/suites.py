"""Running the suites inside a kernel to their end, however often it dies, and what is known of it afterwards."""

import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from msgspec.structs import replace as replace_fields

from kernels.crash_triage import Inquest
from kernels.kernel import ROOT, STOPPED, Ending, Kernel, Order, in_case_of_death, python
from kernels.shards import finish, finishing
from results.ends import exit_status_of
from results.files import CONSOLE, JOURNAL, JUNIT, NOTHING, PAGE, RESULTS, UNDER_WAY
from results.records import Carrier
from results.version import commit

LIMIT = 1800.0
"""Seconds that a kernel gets for the suites, where nothing else is said."""
STALL = 300.0
"""Seconds without a row or a word after which a kernel hangs, where nothing else is said; no row may take so long."""
RESTARTS = 5
"""How often a kernel that died is started again, where nothing else is said."""

_LAST = 120.0  # Seconds to end a run whose time is over in good order.
# What a guest gets of the environment of the host: enough to find programs and Python's own settings.
_KEPT = ("PATH", "LANG", "LC_ALL", "TERM")


@dataclass(frozen=True)
class Limits:
    """How long a kernel may take (seconds, in all and without a word), and how often it may die."""

    seconds: float = LIMIT
    stall: float = STALL
    restarts: int = RESTARTS


@dataclass(frozen=True)
class Ran:
    """The suites in a kernel: which, for how long (seconds, start and end of the kernel included), and how it ended.

    ``start_up`` is how many of the seconds were over when the suites began; ``deaths`` is how often the kernel died.
    """

    kernel: Kernel
    folder: Path
    seconds: float
    ending: Ending
    start_up: float | None = None
    deaths: int = 0

    @property
    def status(self) -> int:
        """The exit status for it: pytest's own, or 3 where the kernel did not last to the end."""
        return 3 if self.ending.status is None else self.ending.status


@dataclass
class _Watch:
    """Looks at the results while they grow: when they began, and whether they still do."""

    folder: Path
    stall: float
    began: float = field(default_factory=time.monotonic)
    start_up: float | None = None
    _sizes: tuple[int, ...] = ()
    _heard: float = field(default_factory=time.monotonic)

    def look(self) -> str:
        """Why the kernel should be ended: it hangs; empty where it does not."""
        sizes = tuple(_size(self.folder / name) for name in (RESULTS, JOURNAL, CONSOLE))
        now = time.monotonic()
        if sizes != self._sizes:
            self._sizes, self._heard = sizes, now
        if self.start_up is None and sizes[0]:
            self.start_up = now - self.began
        return f"it hung: nothing was heard of it for {self.stall:g} s" if now - self._heard > self.stall else ""


def run_suites(kernel: Kernel, folder: Path, arguments: list[str], limits: Limits | None = None) -> Ran:
    """Run ``pytest suites`` inside the kernel with results in ``folder``, which is emptied of earlier ones.

    Where the kernel dies it is started again, and the run goes on behind the row that it died of.
    Several guests of it share the rows, unless single ones are asked for.
    """
    limits = limits or Limits()
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    for name in (RESULTS, PAGE, JUNIT, CONSOLE, JOURNAL):
        (folder / name).unlink(missing_ok=True)
    keep_bytecode()
    kernel = kernel.settle(kernel)
    single = any(word.partition("=")[0] in ("--row", "--share") for word in arguments)
    guests = 1 if single else min(kernel.guests, len(os.sched_getaffinity(0)))
    parts = [folder / f"share-{number}" for number in range(1, guests + 1)] if guests > 1 else []
    carrier = Carrier(name=kernel.name, what=kernel.what)
    with in_case_of_death(finishing(folder, parts, carrier)):
        if parts:
            ran = _run_in_several(kernel, folder, parts, arguments, limits)
        else:
            ran = _run_in_one(kernel, folder, arguments, limits)
        took = {"start_up": round(ran.start_up or 0.0, 3), "seconds": round(ran.seconds, 3), "deaths": ran.deaths}
        finish(folder, parts, replace_fields(carrier, **took))
    return ran


def _run_in_several(kernel: Kernel, folder: Path, parts: list[Path], arguments: list[str], limits: Limits) -> Ran:
    """Run the suites in several guests at a time, each with its share of the rows and of the folders."""
    guests, start = len(parts), time.monotonic()

    def run(number: int) -> Ran:
        shutil.rmtree(parts[number], ignore_errors=True)
        parts[number].mkdir()
        return _run_in_one(kernel, parts[number], [*arguments, f"--share={number + 1}/{guests}"], limits)

    with ThreadPoolExecutor(guests) as pool:
        try:
            rans = list(pool.map(run, range(guests)))
        except BaseException:
            STOPPED.set()  # The other guests end, too.
            raise
    lost = [ran.ending for ran in rans if ran.ending.status is None]
    ending = lost[0] if lost else Ending(exit_status_of([ran.status for ran in rans]))
    began = [ran.start_up for ran in rans if ran.start_up is not None]
    seconds = time.monotonic() - start
    return Ran(kernel, folder, seconds, ending, min(began, default=None), sum(ran.deaths for ran in rans))


def _run_in_one(kernel: Kernel, folder: Path, arguments: list[str], limits: Limits) -> Ran:
    """Run the suites in one guest, in a folder that has nothing of an earlier run."""
    # Another user, or another kernel's root, writes here.
    environment = {key: os.environ[key] for key in _KEPT if key in os.environ}
    environment |= {"PYTHONDONTWRITEBYTECODE": "1", "HOME": "/tmp", "TMPDIR": "/tmp"}  # noqa: S108  The guest's.
    environment |= {"KCONFORM_COMMIT": commit(ROOT)}
    command = [
        python(),
        "-m",
        "pytest",
        "suites",
        "-n",
        kernel.workers,
        "-p",
        "no:cacheprovider",
        "--no-report",  # It is made once, here, of all that is known.
        f"--results={folder}",
    ]
    watch, inquest = _Watch(folder, limits.stall), Inquest(folder, limits.restarts)
    order = Order([*command, *arguments], folder, limits.seconds, environment, watch.look)
    how, start = "", watch.began
    while True:
        log_from = _size(folder / CONSOLE)
        # What is left of a run that was under way is tried row by row, and to end one takes no worker.
        extra = [f"--resume={how}", *(["-n", "0"] if how in (UNDER_WAY, NOTHING) else [])] if how else []
        ending = kernel.run(replace(order, command=[*order.command, *extra]))
        died = inquest.cut_off()
        if not (folder / RESULTS).exists() or (how == NOTHING and died):
            break
        left = start + limits.seconds - time.monotonic()
        if died and left <= 0 and how != NOTHING:
            how = inquest.give_up()
        else:
            how = inquest.next(how, died=died, log_from=log_from)
        if not how:
            break
        order = replace(order, seconds=max(left, _LAST))
    return Ran(kernel, folder, time.monotonic() - start, ending, watch.start_up, inquest.count)


def folder_name(kernel: Kernel) -> str:
    """What the folder of a kernel's results is called, where nobody says."""
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", kernel.name)


def keep_bytecode() -> None:
    """Have all modules compiled, the suites' as pytest rewrites them, and what is in C: a guest can't keep that."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    if not all(_is_kept(path, "-*.so") for path in (ROOT / "suites").rglob("*.c")) and shutil.which("cc"):
        command = [python(), "-m", "fixtures.native_build"]
        subprocess.run(command, cwd=ROOT, env=environment, check=False)  # noqa: S603  Our own command.
    if all(
        _is_kept(path, f".{sys.implementation.cache_tag}-pytest-*.pyc") for path in (ROOT / "suites").rglob("test_*.py")
    ):
        return
    collect = [python(), "-m", "pytest", "suites", "--collect-only", "-q", "-p", "no:cacheprovider"]
    subprocess.run(collect, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=False)  # noqa: S603  Our own.


def _is_kept(path: Path, made: str) -> bool:
    """Whether something was made of a file since it was changed, of a name that is like ``made``."""
    kept = (path.parent / "__pycache__").glob(f"{path.stem}{made}")
    return any(each.stat().st_mtime >= path.stat().st_mtime for each in kept)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0

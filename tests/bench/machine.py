"""What every part of the bench needs: the machine in words, commands that are timed, and numbers as tables."""

import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).parent.parent.parent
PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
CORES = len(os.sched_getaffinity(0))


@dataclass(frozen=True)
class Took:
    """What a command took: seconds by the clock, and seconds of a processor, its own and of all that it waited for.

    ``megabytes`` is the most that it and all below it had at one time, looked at once a second; 0 where nobody looked.
    """

    seconds: float
    processor: float
    megabytes: float


def timed(command: Sequence[str], *, folder: Path = ROOT, look: bool = False, **environment: str) -> Took:
    """Run a command to its end, and measure it.

    Raises:
        RuntimeError: when it fails, with the end of what it said.
    """
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    most = 0.0
    with subprocess.Popen(
        command,
        cwd=folder,
        env=surroundings(**environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as run:
        said = ""
        while True:
            try:
                said, _ = run.communicate(timeout=1.0 if look else None)
            except subprocess.TimeoutExpired:
                most = max(most, _memory_of(run.pid))
            except BaseException:  # Ctrl-C, above all: nothing goes on without us.
                run.terminate()
                raise
            else:
                break
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if run.returncode:
        raise RuntimeError(f"{' '.join(command[:8])} ... ended with {run.returncode}:\n{said[-2000:]}")
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Took(seconds, processor, most)


def surroundings(**more: str) -> dict[str, str]:
    """The environment for a run: modules that are compiled once are kept, as with ``make``."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPATH": str(ROOT)} | more


def apart(command: Sequence[str]) -> list[str]:
    """The command, in private namespaces where names of network namespaces can be made that nobody else sees."""
    alone = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *alone, "--mount", "--net", "sh", "-c", 'mount -t tmpfs none /run && exec "$@"', "sh", *command]


def _memory_of(pid: int) -> float:
    """Megabytes that a process and all below it have for themselves (what they share is counted by its part)."""
    total = 0
    try:
        for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
            total += process.memory_full_info().pss
    except psutil.NoSuchProcess:
        return 0.0
    return total / 1e6


def spread(values: Iterable[float]) -> list[float]:
    """Minimum, median and maximum."""
    known = list(values)
    return [round(min(known), 3), round(statistics.median(known), 3), round(max(known), 3)]


def shown(values: Sequence[float], digits: int = 1) -> str:
    """Minimum, median and maximum for people."""
    return " / ".join(f"{value:,.{digits}f}" for value in values)


def table(*lines: Sequence[object]) -> list[str]:
    """A table as Markdown has it: the first line is its head, and all columns but the first are numbers."""
    head, *rest = [[str(each) for each in line] for line in lines]
    parts = [head, ["---", *("--:" for _ in head[1:])], *rest]
    return ["| " + " | ".join(part) + " |" for part in parts]


def load() -> str:
    """The machine's load, in the last minute and in the last five."""
    one, five, _ = os.getloadavg()
    return f"{one:.1f} and {five:.1f}"


def machine() -> str:
    """The machine in neutral words."""
    memory = psutil.virtual_memory().total / 2**30
    kernel = re.match(r"[0-9.]*[0-9]", platform.release())  # What a distribution adds says nothing of the speed.
    system = f"{platform.system()} {kernel[0] if kernel else platform.release()} {platform.machine()}"
    return f"{CORES} processors, {memory:.0f} GiB, {system}, Python {platform.python_version()}"

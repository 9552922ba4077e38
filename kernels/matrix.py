"""Several kernels on one machine: which of them run at once, and the one report that they make."""

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kernels.kernel import ROOT, STOPPED, Kernel, python
from kernels.suites import Ran
from results.files import RESULTS

_SPARE = 512  # MiB of the available memory that no kernel gets.


@dataclass
class Room:
    """The processors and the memory (MiB) that are left for kernels, handed out in the order of asking."""

    processors: int
    memory: int
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @contextmanager
    def taken(self, processors: int, memory: int) -> Iterator[None]:
        """Have so much of it, as soon as it is there; who asks for more than there is gets all of it."""
        processors, memory = min(processors, self.most[0]), min(memory, self.most[1])
        with self._changed:
            self._changed.wait_for(lambda: self.processors >= processors and self.memory >= memory)
            self.processors -= processors
            self.memory -= memory
        try:
            yield
        finally:
            with self._changed:
                self.processors += processors
                self.memory += memory
                self._changed.notify_all()

    def __post_init__(self) -> None:
        """Keep in mind how much there is in all."""
        self.most = (self.processors, self.memory)


def this_machine() -> Room:
    """The room that this machine has now."""
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    available = next(int(line.split()[1]) // 1024 for line in lines if line.startswith("MemAvailable:"))
    return Room(len(os.sched_getaffinity(0)), max(1, available - _SPARE))


def run_all(kernels: list[Kernel], run: Callable[[Kernel], Ran], room: Room) -> list[Ran]:
    """Run each kernel, several at once where there is room; gives the outcomes in the order of the kernels.

    Kernels that want the machine for themselves come first, one after another: what the live kernel takes for its
    timers is measured, and nothing else shall be in its way.
    """
    done = {kernel.name: run(kernel) for kernel in kernels if kernel.alone}

    def within(kernel: Kernel) -> Ran:
        with room.taken(kernel.processors, kernel.memory):
            if STOPPED.is_set():
                raise KeyboardInterrupt
            return run(kernel)

    # The large ones first: the small ones fill what is left.
    rest = sorted((kernel for kernel in kernels if not kernel.alone), key=lambda kernel: -kernel.processors)
    with ThreadPoolExecutor(max(1, len(rest))) as pool:
        try:
            done |= {kernel.name: ran for kernel, ran in zip(rest, pool.map(within, rest), strict=True)}
        except BaseException:
            STOPPED.set()  # Of signals only the first thread hears.
            raise
    return [done[kernel.name] for kernel in kernels]


def merge(rans: list[Ran], output: Path) -> int:
    """Make one report of those kernels that have results; gives the exit status."""
    there = [ran for ran in rans if (ran.folder / RESULTS).exists()]
    if not there:
        return 3
    labels = [part for ran in there for part in ("--label", ran.kernel.name)]
    command = [python(), "-m", "reports", "merge", *(str(ran.folder) for ran in there), *labels, "-o", str(output)]
    return subprocess.run(command, cwd=ROOT, check=False).returncode  # noqa: S603  Our own command.

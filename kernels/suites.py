"""Running the suites inside a kernel, once, and what is known of it afterwards: its results and how it ended."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from kernels.kernel import Ending, Kernel, Order, python

LIMIT = 1800.0
"""Seconds that a kernel gets for the suites, where nothing else is said."""

# What a guest gets of the environment of the host: enough to find programs and Python's own settings.
_KEPT = ("PATH", "LANG", "LC_ALL", "TERM")


@dataclass(frozen=True)
class Ran:
    """The suites in a kernel: which, for how long (seconds, start and end of the kernel included), and how it ended."""

    kernel: Kernel
    folder: Path
    seconds: float
    ending: Ending

    @property
    def status(self) -> int:
        """The exit status for it: pytest's own, or 3 where the kernel did not last to the end."""
        return 3 if self.ending.status is None else self.ending.status


def run_suites(kernel: Kernel, folder: Path, arguments: list[str], seconds: float = LIMIT) -> Ran:
    """Run ``pytest suites`` inside the kernel with results in ``folder``, which is emptied of earlier ones."""
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("results.jsonl", "index.html", "junit.xml", "console.log"):
        (folder / name).unlink(missing_ok=True)
    # Another user, or another kernel's root, writes here.
    environment = {key: os.environ[key] for key in _KEPT if key in os.environ}
    environment |= {"PYTHONDONTWRITEBYTECODE": "1", "HOME": str(folder), "TMPDIR": "/tmp"}  # noqa: S108  The guest's.
    command = [python(), "-m", "pytest", "suites", "-n", "auto", "-p", "no:cacheprovider", f"--results={folder}"]
    start = time.monotonic()
    ending = kernel.run(Order([*command, *arguments], folder, seconds, environment))
    return Ran(kernel, folder, time.monotonic() - start, ending)

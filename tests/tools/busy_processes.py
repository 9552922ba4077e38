"""Processes that do nothing but take time from all others on the machine."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def loaded(processes: int) -> Iterator[None]:
    """Have so many of them until the block ends."""
    with contextlib.ExitStack() as stack:
        for _ in range(processes):
            busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
            stack.callback(busy.wait)
            stack.callback(busy.kill)
        yield

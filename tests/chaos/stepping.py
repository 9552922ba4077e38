"""A plugin for pytest that sets the clock again and again while rows run: in a guest, whose clock is nobody else's."""

import threading
import time
from pathlib import Path

import pytest

_OFTEN = 0.15  # Seconds between two steps.
_STEPS = (3600.0, -7200.0, 0.7, 86400.0 * 400, -0.4, -86400.0 * 400)  # Seconds by which the clock is set.


class _Stepper(threading.Thread):
    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.steps = 0
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(_OFTEN):
            step = _STEPS[self.steps % len(_STEPS)]
            time.clock_settime(time.CLOCK_REALTIME, time.clock_gettime(time.CLOCK_REALTIME) + step)
            self.steps += 1


_stepper = _Stepper()


def pytest_collection_finish() -> None:
    """Begin."""
    if "kconform=" not in Path("/proc/cmdline").read_text(encoding="utf-8"):
        raise pytest.UsageError("this is no guest of kconform's: nobody's clock is set here")
    _stepper.start()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how often the clock was set."""
    _stepper.over.set()
    terminalreporter.write_line(f"the clock was set {_stepper.steps} times")

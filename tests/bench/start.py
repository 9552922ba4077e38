"""Seconds from the command to the first verdict on the screen."""

import subprocess
import sys
import time
from typing import Any

from tests.bench.machine import ROOT, shown, spread, surroundings, table

_TIMES = 5
_RUNS = {"one row": ("--row", "connect.EBADF.closed/inet-*"), "a module": ()}


def measure() -> dict[str, Any]:
    """For one row, and for a whole module."""
    return {said: spread(until_verdict(*arguments) for _ in range(_TIMES)) for said, arguments in _RUNS.items()}


def until_verdict(*arguments: str) -> float:
    """Start pytest, wait for the first row's verdict, and end the run.

    Raises:
        RuntimeError: when no row conforms.
    """
    start = time.perf_counter()
    command = [sys.executable, "-m", "pytest", "suites/connect/arguments/test_arguments.py", "-v", *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, env=surroundings(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as run:
        seen = any("CONFORMS" in line for line in run.stdout or ())
        took = time.perf_counter() - start
        run.terminate()
    if not seen:
        raise RuntimeError("there was no verdict")
    return took


def in_words(found: dict[str, Any]) -> list[str]:
    """The numbers for people."""
    lines = [(said, shown(took, 2)) for said, took in found.items()]
    return table(("run", f"seconds (min / median / max of {_TIMES})"), *lines)

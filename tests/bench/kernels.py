"""What it costs to have another kernel: its start, and a run of one row, on each that can be had on this machine."""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from kernels import KERNELS, find_kernel
from kernels.cache import cache_folder
from kernels.suites import Limits, run_suites
from tests.bench.machine import ROOT, table

ROW = "connect.tcp.success.blocking/inet-stream-blocking-syscall"


def measure() -> dict[str, Any]:
    """Seconds for each kernel until the suites begin, and for one row in all; or what it lacks."""
    fetched = [f"vm:{path.name}" for path in sorted((cache_folder() / "kernels").glob("*-amd64"))][:1]
    numbers: dict[str, Any] = {}
    for name in [*KERNELS, *fetched]:
        kernel = find_kernel(name)
        missing = kernel.lacks()
        if missing:
            numbers[name] = {"missing": missing}
            continue
        with tempfile.TemporaryDirectory(prefix="kconform-bench-") as folder:
            Path(folder).chmod(0o755)  # For a user without privilege, too.
            ran = run_suites(kernel, Path(folder) / "out", ["--row", ROW], Limits(300, 120, 0))
        if ran.start_up is None or ran.status != os.EX_OK:
            numbers[name] = {"missing": f"the row did not conform: exit status {ran.status}"}
        else:
            numbers[name] = {"start_up": round(ran.start_up, 2), "one_row": round(ran.seconds, 2)}
    return numbers


def in_words(found: dict[str, Any]) -> list[str]:
    """The numbers for people."""
    lines = [
        (name, one["start_up"], one["one_row"]) if "start_up" in one else (name, "-", "-")
        for name, one in found.items()
    ]
    missing = [f"- {name}: {_without_places(one['missing'])}" for name, one in found.items() if "missing" in one]
    return [
        *table(("kernel", "until the suites begin, s", "one row in all, s"), *lines),
        *([""] if missing else []),
        *missing,
    ]


def _without_places(text: str) -> str:
    """The text without this machine's paths: it is for a page that others read."""
    return text.replace(str(ROOT), "the checkout").replace(sys.executable, "its Python")

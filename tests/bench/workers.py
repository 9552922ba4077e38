"""How the default run grows with its workers, from 1 to 16, on the real suites and by the native call."""

import json
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.machine import CORES, PYTEST, table
from tests.bench.metered import metered

_WORKERS = (1, 2, 4, 8, 16)


def measure() -> dict[str, Any]:
    """A run for each number of workers."""
    return {str(workers): one(workers) for workers in _WORKERS}


def one(workers: int, *selection: str) -> dict[str, float]:
    """Seconds, rows per second, seconds of a processor, and memory of a run with so many workers."""
    with tempfile.TemporaryDirectory(prefix="kconform-bench-") as name:
        out = Path(name) / "out"
        command = [*PYTEST, "suites", "-n", str(workers), "--entry=syscall", f"--results={out}", *selection]
        run = metered(command, look=True)
        end = json.loads((out / "results.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    return {
        "seconds": round(run.took.seconds, 2),
        "rows": end["reported"],
        "per_second": round(end["reported"] / run.took.seconds, 1),
        "processor": round(run.took.processor, 2),
        "busy": round(run.took.processor / run.took.seconds / CORES, 3),
        "megabytes": round(run.took.megabytes, 1),
    }


def in_words(found: dict[str, Any]) -> list[str]:
    """The numbers for people."""
    head = ("workers", "seconds", "rows/s", "processor seconds", f"of {CORES} processors", "memory of all, MB at most")
    lines = [
        (
            workers,
            run["seconds"],
            f"{run['per_second']:,.0f}",
            run["processor"],
            f"{run['busy']:.0%}",
            f"{run['megabytes']:.0f}",
        )
        for workers, run in found.items()
    ]
    return table(head, *lines)

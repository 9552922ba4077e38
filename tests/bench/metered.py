"""Runs under ``tests.bench.meter``, and what the files say that its processes have left."""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.machine import ROOT, Took, timed


@dataclass
class Process:
    """What the meter has of one process: see ``tests.bench.meter``. A span is count, seconds, user and system time."""

    spans: dict[str, list[float]] = field(default_factory=dict)
    moments: dict[str, float] = field(default_factory=dict)
    processor: list[float] = field(default_factory=lambda: [0.0, 0.0])
    queued: float = 0.0
    megabytes: float = 0.0

    def span(self, name: str) -> list[float]:
        """A span by name, of zeros where there was none."""
        return self.spans.get(name, [0, 0.0, 0.0, 0.0])


@dataclass
class Run:
    """A run of pytest: what it took, its controller, its workers, and the processes that rows which wait had."""

    took: Took
    controller: Process
    workers: list[Process]
    apart: list[Process]

    @property
    def rows_took(self) -> float:
        """Seconds from the moment at which the last worker had collected to the last report."""
        moments = self.controller.moments
        return moments["reported"] - moments.get("collected", moments["loop"])


def metered(command: Sequence[str], *, folder: Path = ROOT, look: bool = False, **environment: str) -> Run:
    """Run pytest to its end under the meter."""
    with tempfile.TemporaryDirectory(prefix="kconform-meter-") as name:
        told = Path(name)
        took = timed(
            [*command, "-p", "tests.bench.meter"], folder=folder, look=look, KCONFORM_METER=name, **environment
        )
        workers = [_read(path) for path in sorted(told.glob("worker-*.jsonl"))]
        return Run(took, _read(told / "controller.jsonl"), workers, [_read(path) for path in told.glob("row-*.jsonl")])


def _read(path: Path) -> Process:
    """The last that a process said of itself: it counts on."""
    said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8").splitlines()[-1])
    return Process(**said)

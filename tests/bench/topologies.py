"""Topologies per second: ours, the same by the ip command, and the same by pyroute2's named namespaces, turn by turn.

A topology is timed from nothing to its last address, and until it is let go of. The ratio is taken turn by turn, so
that it means something on a machine that is busy; who comes first changes with each turn.
"""

import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from netns import TOPOLOGIES
from tests.bench.machine import ROOT, apart, shown, spread, surroundings, table
from tests.bench.networks import OTHERS, PLANS, ByCommand, ByPyroute2

_MANY = 20  # Turns.


def measure() -> dict[str, Any]:
    """Milliseconds a topology and topologies per second, for each way, and the ratio of each turn to ours."""
    command = apart([sys.executable, "-m", "tests.bench.topologies"])
    done = subprocess.run(command, cwd=ROOT, env=surroundings(), stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def ways() -> dict[str, Callable[[str, str], float]]:
    """How topologies are made here: each makes one by name, lets it go, and gives the seconds that both took."""
    there = {name: partial(_theirs, make) for name, make in OTHERS.items() if name != "ip" or shutil.which("ip")}
    return {"kconform": _ours, **there}


def compare(turns: int) -> dict[str, Any]:
    """Make each topology in each way in turns."""
    found: dict[str, Any] = {}
    known = ways()
    for topology in TOPOLOGIES:
        able = {name: make for name, make in known.items() if name == "kconform" or topology in PLANS}
        took: dict[str, list[float]] = {name: [] for name in able}
        for name, make in able.items():  # What is imported late, and what the kernel keeps ready, is no part of it.
            make(topology, f"first-{name}-")
        for turn in range(turns):
            names = list(able)
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                took[name].append(able[name](topology, f"bench-{turn}-"))
        ours = took["kconform"]
        found[topology] = {
            name: {
                "milliseconds": spread(each * 1000 for each in seconds),
                "per_second": round(1 / statistics.median(seconds), 1),
                "times_ours": spread(other / mine for mine, other in zip(ours, seconds, strict=True)),
            }
            for name, seconds in took.items()
        }
    return found


def in_words(found: dict[str, Any]) -> list[str]:
    """The numbers for people."""
    lines = [
        (topology, name, shown(one["milliseconds"]), f"{one['per_second']:,.0f}", shown(one["times_ours"]))
        for topology, ways in found.items()
        for name, one in ways.items()
    ]
    head = ("topology", "made by", "milliseconds (min / median / max)", "a second", "times ours (min / median / max)")
    return [f"{_MANY} turns.", "", *table(head, *lines)]


def _ours(topology: str, _: str) -> float:
    start = time.perf_counter()
    TOPOLOGIES[topology]().close()
    return time.perf_counter() - start


def _theirs(make: Callable[[str, str], ByCommand | ByPyroute2], topology: str, prefix: str) -> float:
    made = make(topology, prefix)
    return made.took + made.close()


if __name__ == "__main__":
    print(json.dumps(compare(_MANY)))

"""Rows per second: ours, and as many tests that do less, turn by turn, each a whole run of pytest with as many workers.

The others are an empty test; one that only stands in the network that the row stands in, made by the ip command; and
the same by pyroute2's named namespaces. What ours does beside that is the row itself: sockets, servers, calls, what is
asked of them, whether anything was left behind, its record, the report.
"""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.machine import CORES, PYTEST, apart, shown, spread, table
from tests.bench.metered import Run, metered
from tests.bench.networks import PLANS

_MANY = 400  # Rows, and tests.
_TURNS = 3
_TEST = """
import pytest

@pytest.mark.parametrize("topology", {topologies})
def test_nothing({asked}):
    pass
"""


def measure() -> dict[str, Any]:
    """Rows and tests per second in each way, whole runs, and how many times ours each way has."""
    with tempfile.TemporaryDirectory(prefix="kconform-bench-") as name:
        return compare(Path(name), _MANY, _TURNS)


def compare(folder: Path, many: int, turns: int, suites: str = "suites") -> dict[str, Any]:
    """Run each way in turns."""
    _ours(
        folder, many, suites
    )  # Which topologies these rows stand in decides what the others have to make. It is not counted.
    topologies = [record["topology"]["name"] for record in _records(folder) if record["record"] == "row"]
    if len(topologies) != many:
        raise RuntimeError(f"{len(topologies)} rows instead of {many}")
    ways = ["kconform", "empty", "pyroute2", *(["ip"] if shutil.which("ip") else [])]
    for way in ways[1:]:
        (folder / way).mkdir()
        text = _TEST.format(topologies=topologies, asked="topology" if way == "empty" else "topology, network")
        (folder / way / "test_bare.py").write_text(text, encoding="utf-8")
    runs: dict[str, list[Run]] = {way: [] for way in ways}
    for turn in range(turns):
        first = turn % len(ways)
        for way in ways[first:] + ways[:first]:
            runs[way].append(_ours(folder, many, suites) if way == "kconform" else _bare(folder, way))
    return {
        "rows": many,
        "topologies": {topology: topologies.count(topology) for topology in PLANS if topology in topologies},
        "turns": turns,
        "workers": CORES,
        "ways": {
            way: {
                "per_second": spread(many / run.rows_took for run in mine),
                "times_ours": _times([run.rows_took for run in mine], [run.rows_took for run in runs["kconform"]]),
                "seconds": spread(run.took.seconds for run in mine),
                "whole_times_ours": _times(
                    [run.took.seconds for run in mine], [run.took.seconds for run in runs["kconform"]]
                ),
            }
            for way, mine in runs.items()
        },
    }


def _times(theirs: list[float], ours: list[float]) -> list[float]:
    return spread(other / mine for other, mine in zip(theirs, ours, strict=True))


def _ours(folder: Path, many: int, suites: str) -> Run:
    command = [*PYTEST, suites, "-n", str(CORES), "-p", "tests.bench.take", f"--results={folder / 'out'}"]
    return metered(command, KCONFORM_TAKE=str(many), KCONFORM_TAKE_TOPOLOGIES=",".join(PLANS))


def _records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "out" / "results.jsonl").read_text("utf-8").splitlines()]


def _bare(folder: Path, way: str) -> Run:
    command = [*PYTEST, "test_bare.py", "-n", str(CORES), "-p", "tests.bench.bare", "-p", "no:logging"]
    made_by = "" if way == "empty" else way
    # A user who is root in a namespace has no right to root's own temporary folder.
    command.append(f"--basetemp={folder / way / 'pytest'}")
    return metered(apart([*command, "-p", "no:hypothesispytest"]), folder=folder / way, KCONFORM_BARE=made_by)


def in_words(found: dict[str, Any]) -> list[str]:
    """The numbers for people."""
    names = {
        "kconform": f"kconform: {found['rows']} rows",
        "empty": "empty tests",
        "pyroute2": "tests in pyroute2's `NetNS`",
        "ip": "tests in `ip netns`",
    }
    lines = [
        (
            names[way],
            shown(one["per_second"], 0),
            shown(one["times_ours"], 2),
            shown(one["seconds"]),
            shown(one["whole_times_ours"], 2),
        )
        for way, one in found["ways"].items()
    ]
    topologies = ", ".join(f"{count} {topology}" for topology, count in found["topologies"].items())
    head = ("", "tests a second", "time, of ours", "the whole run, seconds", "time, of ours")
    return [
        f"{found['turns']} turns, {found['workers']} workers, {found['rows']} rows or tests in each run.",
        f"Topologies: {topologies}. Each cell has minimum / median / maximum.",
        "The first two columns are of the time in which tests run, the others of the whole run, with start and end.",
        "",
        *table(head, *lines),
    ]

"""The bench measures what it says: others make the same networks, waiting is told from work, pages get tables."""

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from netns import TOPOLOGIES
from tests.bench import growth, machine, metered, rows
from tests.bench.__main__ import PARTS
from tests.bench.networks import OTHERS, PLANS
from tests.tools.marked_part import put

ROOT = machine.ROOT
NO_IP = "THE TOPOLOGIES OF ip ARE NOT LOOKED AT: there is no ip command on PATH (apt-get install iproute2)"


def described(space: Any) -> tuple[set[str], set[str]]:
    """What a namespace has: addresses with their links, but for those of the kernel's own making, and routes."""
    names = {link["index"]: link.get("ifname") for link in space.get_links()}
    addresses = {f"{names[each['index']]} {each.get('address')}/{each['prefixlen']}" for each in space.get_addr()}
    found = [route for family in (socket.AF_INET, socket.AF_INET6) for route in space.get_routes(family=family)]
    routes = {f"{route.get('gateway')} by {names.get(route.get('oif'))}" for route in found if route.get("gateway")}
    return {each for each in addresses if " fe80" not in each}, routes


def compare(topology: str, other: str) -> None:
    """Make a topology in both ways, and compare; in a process that is apart already."""
    from pyroute2 import NetNS

    with TOPOLOGIES[topology]() as ours:
        expected = [described(host.namespace.netlink) for host in ours.hosts]
    made = OTHERS[other](topology, "bench-")
    names = [step[1] for step in PLANS[topology] if step[0] == "host"]
    found = []
    for name in names:
        with NetNS(f"bench-{name}", flags=0) as space:
            found.append(described(space))
    made.close()
    sys.stdout.write(json.dumps([[sorted(part) for host in hosts for part in host] for hosts in (expected, found)]))


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("topology", PLANS)
def test_the_same_network(topology: str, other: str) -> None:
    if other == "ip" and shutil.which("ip") is None:
        pytest.skip(NO_IP)
    call = f"from tests.test_bench import *; compare({topology!r}, {other!r})"
    command = machine.apart([sys.executable, "-c", call])
    done = subprocess.run(command, cwd=ROOT, env=machine.surroundings(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    ours, theirs = json.loads(done.stdout)
    assert theirs == ours
    assert any(any("2001:db8:" in address for address in part) for part in ours) or topology == "loopback"


def test_others_leave_nothing() -> None:
    call = (
        "from tests.bench.networks import *; import os\n"
        "OTHERS['pyroute2']('pair', 'bench-').close(); print(os.listdir('/run/netns'))"
    )
    command = machine.apart([sys.executable, "-c", call])
    done = subprocess.run(command, cwd=ROOT, env=machine.surroundings(), capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_topologies_and_rows_are_compared(tmp_path: Path) -> None:
    found = rows.compare(tmp_path, 4, 1, "suites/getpeername")
    assert sum(found["topologies"].values()) == 4
    assert {"kconform", "empty", "pyroute2"} <= found["ways"].keys()
    assert found["ways"]["kconform"]["times_ours"] == [1.0, 1.0, 1.0]
    assert all(one["per_second"][0] > 0 for one in found["ways"].values())
    assert any("empty tests" in line for line in rows.in_words(found))


def test_waiting_is_told_from_work(tmp_path: Path) -> None:
    """A test that sleeps waits; one that computes does not."""
    text = "import time\n\ndef test_waits():\n    time.sleep(0.5)\n\ndef test_computes():\n"
    text += "    end = time.process_time() + 0.5\n    while time.process_time() < end: pass\n"
    (tmp_path / "test_two.py").write_text(text, encoding="utf-8")
    run = metered.metered([*machine.PYTEST, "test_two.py"], folder=tmp_path)
    times, clock, user, system = run.controller.span("test")
    assert times == 2
    assert 0.45 <= user + system <= 0.8
    assert clock - user - system >= 0.4
    assert run.took.seconds >= clock >= 0.95


def test_rows_that_are_made_up_are_rows(tmp_path: Path) -> None:
    found = growth.made_up(tmp_path, 30)
    assert found["rows"] == 30
    assert found["rows_seconds"] < found["seconds"]
    records = [json.loads(line) for line in (tmp_path / "out" / "results.jsonl").read_text("utf-8").splitlines()]
    assert all("connect" in [call["call"] for call in row["transcript"]] for row in records[1:-1])
    assert any("30" in line for line in growth.in_words({"made_up": [found], "real": []}))


def test_a_page_gets_its_tables(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- bench: rows -->\nold\n<!-- end of rows -->\nafter\n", encoding="utf-8")
    for _ in range(2):
        put(page, "bench", "rows", ["new", "lines"])
    assert page.read_text("utf-8") == "before\n<!-- bench: rows -->\nnew\nlines\n<!-- end of rows -->\nafter\n"
    with pytest.raises(ValueError, match="no place for 'topologies'"):
        put(page, "bench", "topologies", [])


def test_the_page_has_a_place_for_each_part(tmp_path: Path) -> None:
    copy = tmp_path / "page.md"
    shutil.copy(ROOT / "docs" / "performance.md", copy)
    for part in PARTS:
        put(copy, "bench", part, ["measured"])


def test_an_unknown_part_is_refused() -> None:
    command = [sys.executable, "-m", "tests.bench", "--only", "topologies,speed"]
    done = subprocess.run(command, cwd=ROOT, env=machine.surroundings(), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "there is no part 'speed'" in done.stderr

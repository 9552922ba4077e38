"""``make bench``: what worlds, rows and start-up cost on this machine, as a table and as JSON.

Nothing here is asserted. Each world is measured against the same network made by the ``ip`` command, turn by turn
in one run, so that the ratio means something on a machine that is busy.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from netns import WORLDS, enter_private_network
from tests import bench_kernels, bench_page

ROOT = Path(__file__).parent.parent

# The worlds of netns/worlds.py in the words of ip(8). {ns} is a prefix for names of namespaces.
_HOST = "netns add {ns}{h}; -n {ns}{h} link set lo up"
_END = "-n {ns}{h} addr add {v4}/24 dev {l}; -n {ns}{h} addr add {v6}/64 dev {l} nodad; -n {ns}{h} link set dev {l} up"
_VETH = "-n {ns}{h} link add name {l} type veth peer name {p} netns {ns}{o}"


def _ip_loopback() -> list[str]:
    return [_HOST.replace("{h}", "a"), "-n {ns}a addr add 2001:db8:1f::2/128 dev lo nodad"]


def _ip_pair() -> list[str]:
    return [
        _HOST.replace("{h}", "a"),
        _HOST.replace("{h}", "b"),
        _fill(_VETH, h="a", l="ab", p="ba", o="b"),
        _fill(_END, h="a", l="ab", v4="192.0.2.1", v6="2001:db8:1::1"),
        _fill(_END, h="b", l="ba", v4="192.0.2.2", v6="2001:db8:1::2"),
    ]


def _ip_routed() -> list[str]:
    return [
        *(_HOST.replace("{h}", host) for host in "arb"),
        _fill(_VETH, h="a", l="ar", p="ra", o="r"),
        _fill(_VETH, h="b", l="br", p="rb", o="r"),
        _fill(_END, h="a", l="ar", v4="192.0.2.1", v6="2001:db8:1::1"),
        _fill(_END, h="r", l="ra", v4="192.0.2.254", v6="2001:db8:1::fe"),
        _fill(_END, h="r", l="rb", v4="198.51.100.254", v6="2001:db8:2::fe"),
        _fill(_END, h="b", l="br", v4="198.51.100.2", v6="2001:db8:2::2"),
        "-n {ns}a route add default via 192.0.2.254; -n {ns}b route add default via 198.51.100.254",
        "-n {ns}a route add default via 2001:db8:1::fe; -n {ns}b route add default via 2001:db8:2::fe",
    ]


_BY_IP = {"loopback": (_ip_loopback, "a"), "pair": (_ip_pair, "ab"), "routed": (_ip_routed, "arb")}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure kconform on this machine.")
    parser.add_argument("--rounds", type=int, default=15, metavar="N", help="rounds per world (default: 15)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers here, too")
    chosen = parser.parse_args()
    # Start-up and rows first: they start processes of their own, in the namespaces that they find.
    numbers: dict[str, Any] = {
        "first_verdict": first_verdict(),
        "rows": rows_per_second(),
        "growth": {rows: seconds_for(rows) for rows in (100, 200, 400, 800, 1600)},
    }
    numbers["kernels"] = bench_kernels.kernels()
    with tempfile.TemporaryDirectory() as folder:
        numbers["run"] = whole_run(Path(folder))
        numbers["report"] = bench_page.report(Path(folder) / "results.jsonl")
    enter_private_network()
    numbers["worlds"] = {name: world(name, chosen.rounds) for name in WORLDS}
    print("\n".join(table(numbers)))
    print(json.dumps(numbers))
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    return 0


def first_verdict() -> dict[str, float]:
    """Seconds from the command to the first verdict on the screen, for one row and for a whole suite."""
    one = spread([until_verdict("--row", "connect.EBADF.closed/inet-*") for _ in range(5)])
    whole = spread([until_verdict() for _ in range(3)])
    return {"one_row": one["median"], "whole_suite": whole["median"]}


def until_verdict(*arguments: str) -> float:
    """Start pytest, wait for the first row's verdict, and end the run."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "pytest", "suites/connect/test_arguments.py", "-v", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
        for line in run.stdout or ():
            if "CONFORMS" in line:
                break
        took = time.perf_counter() - start
        run.terminate()
    return took


def rows_per_second() -> dict[str, float]:
    """Isolated rows per second where no kernel timer is waited for: one process, and as many as make sense here."""
    return {workers: rows_with(workers) for workers in ("0", "2", "4")}


def rows_with(workers: str) -> float:
    """Rows per second of a module of rows that do not wait, without start-up."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pytest", "suites/connect/test_arguments.py", "-q", f"--results={folder}"]
        subprocess.run([*command, "-n", workers], cwd=ROOT, capture_output=True, check=True)
        records = [json.loads(line) for line in (Path(folder) / "results.jsonl").read_text("utf-8").splitlines()]
    return float(round(records[-1]["reported"] / records[-1]["seconds"], 1))


def whole_run(folder: Path) -> dict[str, float]:
    """The default run: seconds from start to end, rows, and the most memory that all its processes had at one time."""
    command = [sys.executable, "-m", "pytest", "suites", "-n", "auto", "-q", f"--results={folder}"]
    start = time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        most = 0.0
        while run.poll() is None:
            most = max(most, memory_of(run.pid))
            time.sleep(0.1)
    seconds = time.perf_counter() - start
    records = [json.loads(line) for line in (folder / "results.jsonl").read_text("utf-8").splitlines()]
    return {
        "seconds": round(seconds, 2),
        "rows": records[-1]["reported"],
        "megabytes": round(most, 1),
        "report_megabytes": round((folder / "index.html").stat().st_size / 1e6, 2),
    }


def memory_of(pid: int) -> float:
    """Megabytes that a process and all below it have for themselves (what they share is counted by its part)."""
    total = 0
    try:
        for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
            total += process.memory_full_info().pss
    except psutil.NoSuchProcess:
        return 0.0
    return total / 1e6


def seconds_for(rows: int) -> float:
    """Seconds of so many rows that do not wait, two workers, without start-up."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pytest", "suites", "-n", "2", "-q", "-p", "tests.shuffle"]
        environment = os.environ | {"KCONFORM_SHUFFLE": "1", "KCONFORM_TAKE": str(rows), "PYTHONPATH": str(ROOT)}
        subprocess.run([*command, f"--results={folder}"], cwd=ROOT, env=environment, capture_output=True, check=False)
        records = [json.loads(line) for line in (Path(folder) / "results.jsonl").read_text("utf-8").splitlines()]
    return float(records[-1]["seconds"])


def world(name: str, rounds: int) -> dict[str, Any]:
    """Milliseconds to make a world, ours and by ip(8) in turns, and the ratio of each turn."""
    ours, theirs = [], []
    WORLDS[name]().close()
    for number in range(rounds):
        ours.append(milliseconds(WORLDS[name]))
        # A scripted peer has no counterpart there.
        if name in _BY_IP and shutil.which("ip") is not None:
            theirs.append(by_ip(name, f"kconform-bench-{number}-"))
    found: dict[str, Any] = {"netns": spread(ours)}
    if theirs:
        found["ip"] = spread(theirs)
        found["ratio"] = spread([other / mine for mine, other in zip(ours, theirs, strict=True)])
    return found


def by_ip(name: str, prefix: str) -> float:
    """The same network by the ip command, one process a step as scripts do it, in a mount namespace of its own."""
    make, hosts = _BY_IP[name]
    steps = "; ".join(make()).replace("{ns}", prefix).split("; ")
    script = "\n".join(
        ["mount -t tmpfs none /run || exit 1", "s=$(date +%s%N)", *(f"ip {step} || exit 1" for step in steps)]
    )
    clean = "\n".join(f"ip netns del {prefix}{host}" for host in hosts)
    command = ["unshare", "--mount", "sh", "-c", f"{script}\necho took $(( $(date +%s%N) - s ))\n{clean}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"took (\d+)", done.stdout)
    if found is None:
        raise RuntimeError(f"the ip command made no world: {done.stdout}{done.stderr}")
    return int(found.group(1)) / 1e6


def milliseconds(make: Callable[[], Any]) -> float:
    """How long it takes to make something that has to be closed."""
    start = time.perf_counter()
    made = make()
    took = time.perf_counter() - start
    made.close()
    return took * 1000


def spread(values: list[float]) -> dict[str, float]:
    """Minimum, median and maximum."""
    return {
        "minimum": round(min(values), 3),
        "median": round(statistics.median(values), 3),
        "maximum": round(max(values), 3),
    }


def table(numbers: dict[str, Any]) -> list[str]:
    """The numbers for people."""
    lines = ["world      netns ms (min median max)   ip command ms (min median max)   times faster (median)"]
    for name, found in numbers["worlds"].items():
        ours = " ".join(f"{found['netns'][key]:7.2f}" for key in ("minimum", "median", "maximum"))
        if "ip" in found:
            theirs = " ".join(f"{found['ip'][key]:8.1f}" for key in ("minimum", "median", "maximum"))
            lines.append(f"{name:<10} {ours}     {theirs}       {found['ratio']['median']:6.1f}")
        else:
            lines.append(f"{name:<10} {ours}     (there is no ip command here)")
    rows = ", ".join(f"{rate} with {workers} workers" for workers, rate in numbers["rows"].items())
    lines.append(f"isolated rows per second: {rows}")
    run = numbers["run"]
    lines.append(
        f"default run: {run['rows']} rows in {run['seconds']} s, {run['megabytes']} MB at most, "
        f"report {run['report_megabytes']} MB"
    )
    lines += bench_page.in_words(numbers["report"])
    lines += bench_kernels.in_words(numbers["kernels"])
    growth = ", ".join(f"{rows} rows {seconds:.1f} s" for rows, seconds in numbers["growth"].items())
    lines.append(f"growth (2 workers): {growth}")
    first = numbers["first_verdict"]
    lines.append(f"first verdict: {first['one_row']:.2f} s for one row, {first['whole_suite']:.2f} s for a module")
    return lines


def _fill(template: str, **values: str) -> str:
    for key, value in values.items():
        template = template.replace("{" + key + "}", value)
    return template


if __name__ == "__main__":
    sys.exit(main())

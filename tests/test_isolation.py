"""A run leaves the network that it was started in as it was and sends nothing there; a killed worker leaves none."""

import os
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from pyroute2.nftables.main import NFTables

from netns import Namespace, in_user_namespace
from tests.conftest import ROOT, read_records
from tests.tools.namespace_count import kept_open, namespaces
from wiring.leaks import Belongings

NOBODY = 65534


@pytest.fixture
def host() -> Iterator[Namespace]:
    """A namespace that stands for a machine's own network, with something of every kind in it."""
    with Namespace("host") as namespace:
        # Without IPv6 the links are silent by themselves, so that a single packet of ours would show.
        if namespace.has_sysctl("net.ipv6.conf.all.disable_ipv6"):
            namespace.set_sysctl("net.ipv6.conf.all.disable_ipv6", 1)
            namespace.set_sysctl("net.ipv6.conf.default.disable_ipv6", 1)
        netlink = namespace.netlink
        netlink.link("add", ifname="up0", kind="veth", peer={"ifname": "up1"})
        for name, address in (("up0", "10.77.0.1"), ("up1", "10.77.0.2")):
            netlink.addr("add", index=namespace.index(name), address=address, prefixlen=24)
            netlink.link("set", index=namespace.index(name), state="up")
        netlink.link("set", index=1, state="up")
        netlink.route("add", dst="default", gateway="10.77.0.2")
        netlink.rule("add", table=77, priority=770)
        namespace.set_sysctl("net.ipv4.tcp_syn_retries", 5)
        with namespace.inside(), NFTables(nfgen_family=1) as tables:
            tables.table("add", name="guard")
        yield namespace


def snapshot(namespace: Namespace) -> dict[str, Any]:
    """Everything of a network that a run could change, and how much was sent."""
    netlink = namespace.netlink
    links = [
        (link["index"], link.get("ifname"), link["flags"], link.get("address"), link.get("stats64"))
        for link in netlink.get_links()
    ]
    with namespace.inside(), NFTables(nfgen_family=1) as tables:
        nftables = [table.get("name") for table in tables.get_tables()]
        chains = [str(chain["attrs"]) for chain in tables.get_chains()]
    return {
        "links": links,
        "addresses": sorted(str(address["attrs"]) for address in netlink.get_addr()),
        "routes": sorted(str(route["attrs"]) for route in netlink.get_routes()),
        "rules": sorted(str(rule["attrs"]) for rule in netlink.get_rules(family=socket.AF_INET)),
        "neighbours": sorted(str(neighbour["attrs"]) for neighbour in netlink.get_neighbours()),
        "nftables": (nftables, chains),
        "sysctls": sysctls(namespace),
    }


def sysctls(namespace: Namespace) -> dict[str, str]:
    """Every readable sysctl below net."""
    found = {}
    with namespace.inside():
        for path in sorted(Path("/proc/sys/net").rglob("*")):
            try:
                found[str(path)] = path.read_text(encoding="ascii", errors="replace")
            except OSError:
                continue  # A folder, or one that can only be written.
    return found


def as_root(out: Path) -> list[str]:
    """The command as whoever runs these tests."""
    return [sys.executable, "-m", "pytest", *ROWS, f"--results={out}"]


def as_user(out: Path) -> list[str]:
    """The same command as an ordinary user."""
    if in_user_namespace() or os.geteuid() != 0:
        pytest.skip("these tests run as an ordinary user already: there is no other user to become")
    python = next((path for path in (sys.executable, "/usr/bin/python3") if runs_for_nobody(path)), None)
    if python is None:
        pytest.skip("no interpreter of this version can be run by an ordinary user here (it lies in a home folder)")
    out.mkdir(parents=True, exist_ok=True)
    os.chown(out, NOBODY, NOBODY)
    return [*NOBODYS, python, "-m", "pytest", "-p", "no:cacheprovider", *ROWS, f"--results={out}"]


ROWS = ["suites", "--row", "connect.ECONNREFUSED.*", "--row", "connect.udp.*", "-n", "2"]
NOBODYS = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


def environment() -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT}{os.pathsep}{sysconfig.get_paths()['purelib']}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def runs_for_nobody(python: str) -> bool:
    probe = f"""
import subprocess, sys, pytest
assert sys.version_info[:2] == {tuple(sys.version_info[:2])}
subprocess.run([sys.executable, "-c", ""], check=True)  # As xdist starts its workers.
"""
    done = subprocess.run([*NOBODYS, python, "-c", probe], env=environment(), cwd="/", capture_output=True, check=False)
    return done.returncode == 0


@pytest.mark.parametrize("command", [as_root, as_user])
def test_the_network_it_was_started_in_stays_as_it_was(host: Namespace, command: Callable[[Path], list[str]]) -> None:
    out = Path("/tmp") / f"kconform-test-{os.getpid()}"  # noqa: S108  Another user has to reach it.
    try:
        asked = command(out)
        before = snapshot(host)
        with host.inside():
            done = subprocess.run(
                asked, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=100, check=False
            )
        after = snapshot(host)
        rows = [record for record in read_records(out / "results.jsonl") if record["record"] == "row"]
    finally:
        subprocess.run(["rm", "-rf", str(out)], check=True)  # noqa: S607  Whoever owns the files.
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(rows) > 20
    assert not [row["id"] for row in rows if row["unexpected"]]
    assert before["nftables"][0] == ["guard"]
    assert len(before["sysctls"]) > 100
    assert before == after


MARK = "KCONFORM_TEST"  # In the environment of a run and of all its processes.
WAITING = ["--row", "connect.ETIMEDOUT.tcp/*", "--row", "connect.ETIMEDOUT.tcp.nonblocking/*"]


def test_a_killed_worker_leaves_no_namespace(tmp_path: Path) -> None:
    asked = [sys.executable, "-m", "pytest", "suites", *WAITING, "-n", "2"]
    run = subprocess.Popen(
        [*asked, f"--results={tmp_path}"],
        cwd=ROOT,
        env=os.environ | {MARK: str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    worker, namespaces = wait_for_a_topology(run)
    assert namespaces <= held_namespaces(str(tmp_path))
    worker.send_signal(signal.SIGKILL)
    output, _ = run.communicate(timeout=120)
    records = read_records(tmp_path / "results.jsonl")
    rows = {record["id"]: record for record in records if record["record"] == "row"}
    assert run.returncode == 1, output
    verdicts = Counter(row["verdict"] for row in rows.values())
    assert verdicts.total() == records[-1]["collected"] >= 10
    assert set(verdicts) <= {"conforms", "harness-error"}
    assert verdicts["harness-error"]
    end = time.monotonic() + 30
    while namespaces & held_namespaces(str(tmp_path)) and time.monotonic() < end:
        time.sleep(0.05)  # The rows' processes were told to end with their worker, and take a moment.
    assert not namespaces & held_namespaces(str(tmp_path))


def wait_for_a_topology(run: "subprocess.Popen[str]") -> tuple[psutil.Process, set[str]]:
    """The first worker whose row, in a process of its own, holds a topology; and the namespaces of that."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        for worker in psutil.Process(run.pid).children():
            with suppress(psutil.NoSuchProcess):  # Probes come and go.
                for row in worker.children():
                    held = kept_open(row.pid)
                    if held:
                        return worker, held
        time.sleep(0.01)  # Nothing announces that another process has opened a descriptor.
    run.kill()
    pytest.fail("no worker ever made a topology")


def held_namespaces(mark: str) -> set[str]:
    """The network namespaces that any process with the mark in its environment holds or stands in.

    Others are not looked at: the number of a namespace that is gone is soon that of another, in a test beside this one.
    """
    held: set[str] = set()
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == mark:
                held |= namespaces(process.pid)
    return held


def test_nothing_is_left_of_many_topologies() -> None:
    from netns import TOPOLOGIES

    for make in TOPOLOGIES.values():
        make().close()
    before = Belongings.now()
    for make in TOPOLOGIES.values():
        for _ in range(5):
            make().close()
    before.check()


def test_a_system_that_forbids_namespaces_is_told_which_sysctl() -> None:
    forbid = "echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all --inh-caps=-all"
    command = ["unshare", "--user", "--map-root-user", "sh", "-c", f"{forbid} {sys.executable} -m netns"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 1
    assert "sysctl user.max_user_namespaces is 0; run 'sysctl -w user.max_user_namespaces=" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_python_that_is_too_old_is_told_so(tmp_path: Path) -> None:
    script = (ROOT / "requirements" / "bootstrap.py").read_text(encoding="utf-8").replace("(3, 11)", "(9, 1)")
    (tmp_path / "bootstrap.py").write_text(script, encoding="utf-8")
    command = [sys.executable, str(tmp_path / "bootstrap.py"), "venv", "lock"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("kconform needs Python 9.1 or newer, and this is 3.")
    assert not (tmp_path / "venv").exists()

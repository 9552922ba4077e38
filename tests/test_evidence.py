"""What is kept of rows that are not as expected: it is there, it is of that row, and rows that pass keep nothing."""

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netns import Capture, pair, write_packets
from netns import snapshot as inspection
from tests.conftest import Project, Ran


def kept(row: dict[str, Any]) -> dict[str, dict[str, str]]:
    """The entries of a row by their kinds."""
    return {entry["kind"]: entry for entry in row.get("evidence", [])}


def segments(path: Path) -> list[tuple[str, str, str]]:
    """The TCP segments of a capture: interface, flags, and whether it was seen to go out."""
    from scapy.layers.inet import TCP
    from scapy.utils import PcapNgReader

    with PcapNgReader(str(path)) as reader:
        return [
            (packet.sniffed_on, str(packet[TCP].flags), {1: "in", 2: "out"}[packet.direction])
            for packet in reader
            if TCP in packet
        ]


def test_a_lie_leaves_evidence(run_connect: Callable[..., Ran], pytester: pytest.Pytester) -> None:
    ran = run_connect("-n", "2", "--row", "connect.ECONNREFUSED.tcp/*-stream-blocking-syscall", lie="wrong_errno")
    assert ran.rows
    for name, row in ran.rows.items():
        entries = kept(row)
        assert {"packets", "sockets", "network"} <= set(entries)
        for kind, entry in entries.items():
            assert entry["path"].startswith(f"evidence/{name.replace('/', '~')}/")
            if kind != "kernel-log":
                assert "of a second run of the row, which came to the same" in entry["note"]
        seen = segments(pytester.path / "out" / entries["packets"]["path"])
        assert ("local:lo", "S", "in") in seen
        assert ("local:lo", "RA", "in") in seen
        sockets = json.loads((pytester.path / "out" / entries["sockets"]["path"]).read_text(encoding="utf-8"))
        assert list(sockets) == ["local"]
        assert "rules:" in (pytester.path / "out" / entries["network"]["path"]).read_text(encoding="utf-8")


def test_rows_that_pass_keep_nothing(project: Project, pytester: pytest.Pytester) -> None:
    project.test("assert sock.connect_and_wait(server.address) == 0")
    assert project.run().row.get("evidence") is None
    assert not (pytester.path / "out" / "evidence").exists()


def test_rows_of_their_own_processes_keep_it_too(project: Project, pytester: pytest.Pytester) -> None:
    body = "assert sock.connect_and_wait(server.address) == EISCONN"
    project.test(body, extra='@waits(1)\n@topology("pair")')
    row = project.run().row
    assert row["verdict"] == "deviates"
    seen = segments(pytester.path / "out" / kept(row)["packets"]["path"])
    assert {("client:to-server", "S", "out"), ("server:to-client", "S", "in")} <= set(seen)
    network = (pytester.path / "out" / kept(row)["network"]["path"]).read_text(encoding="utf-8")
    assert "net.ipv6.conf.default.accept_dad = 0   (a fresh namespace: 1)" in network


def test_all_rows_are_watched_in_their_only_run(project: Project, pytester: pytest.Pytester) -> None:
    (pytester.path / "count").write_text("", encoding="utf-8")
    count = f"with open({str(pytester.path / 'count')!r}, 'a') as file:\n    file.write('x')"
    project.test(f"{count}\nassert sock.connect_and_wait(server.address) == 0\nserver.accepted()")
    row = project.run("--evidence", "all").row
    assert row["verdict"] == "conforms"
    assert (pytester.path / "count").read_text(encoding="utf-8") == "x"
    assert ("local:lo", "SA", "in") in segments(pytester.path / "out" / kept(row)["packets"]["path"])
    assert "note" not in kept(row)["packets"]
    sockets = json.loads((pytester.path / "out" / kept(row)["sockets"]["path"]).read_text(encoding="utf-8"))
    states = {each["idiag_state"] for each in sockets["local"] if each["family"] == "AF_INET"}
    assert {1, 10} <= states  # ESTABLISHED and LISTEN: they are looked at before the row closes them.


def test_a_run_may_keep_none_and_drops_what_an_earlier_one_kept(project: Project, pytester: pytest.Pytester) -> None:
    project.test("assert sock.connect_and_wait(server.address) == EISCONN")
    assert kept(project.run().row)
    assert (pytester.path / "out" / "evidence").exists()
    assert not kept(project.run("--evidence", "none").row)
    assert not (pytester.path / "out" / "evidence").exists()


def test_a_second_run_that_dies_takes_nothing_with_it(project: Project, pytester: pytest.Pytester) -> None:
    """The second run is a child's: where it is killed, or does otherwise, the row stands as it was."""
    mark = str(pytester.path / "mark")
    project.clauses("a", "b")
    once = f"first = not os.path.exists({mark!r} + 'NAME')\nopen({mark!r} + 'NAME', 'w').close()\n"
    act = "assert sock.connect_and_wait(server.address) == EISCONN"
    project.test(once.replace("NAME", "a") + f"first or os.kill(os.getpid(), signal.SIGKILL)\n{act}")
    project.test(
        once.replace("NAME", "b") + "assert sock.connect_and_wait(server.address) == (EISCONN if first else 0)",
        name="b",
    )
    rows = project.run().rows
    died, other = (rows[f"demo.{name}/inet-stream-blocking-syscall"] for name in "ab")
    assert (died["verdict"], other["verdict"]) == ("deviates", "deviates")
    assert not kept(died)
    assert "a second run of the row, which came to conforms, observed 0" in kept(other)["packets"]["note"]


def test_packets_are_seen_at_both_ends(tmp_path: Path) -> None:
    with pair() as topology, Capture(topology.hosts) as capture:
        with topology.client.namespace.inside():
            sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with sender:
            sender.sendto(b"hello", ("192.0.2.2", 9))
        packets = [packet for packet in capture.packets() if b"hello" in packet.data]
        ends = {(packet.interface, packet.outbound) for packet in packets}
        assert {("client:to-server", True), ("server:to-client", False)} <= ends
        assert abs(packets[0].at / 1e9 - time.time()) < 60
        write_packets(tmp_path / "packets.pcapng", packets)
        assert capture.lost == 0
        assert not any(b"hello" in packet.data for packet in capture.packets())
    assert (tmp_path / "packets.pcapng").read_bytes().startswith(b"\x0a\x0d\x0d\x0a")


def test_what_was_changed_in_a_namespace_shows() -> None:
    with pair() as topology:
        topology.client.set_sysctl("net.ipv4.tcp_syn_retries", 1)
        topology.client.add_blackhole("203.0.113.0/24")
        assert any(
            "net.ipv4.tcp_syn_retries = 1   (a fresh namespace: 6)" in line for line in _sysctls(topology.client)
        )
        assert not any("tcp_syn_retries" in line for line in _sysctls(topology.server))
        routes = [line for line in inspection.network(topology.client.namespace) if "203.0.113.0" in line]
        assert len(routes) == 1
        assert '"type": 6' in routes[0]


def _sysctls(host: Any) -> list[str]:
    return list(inspection.sysctls(host.namespace))

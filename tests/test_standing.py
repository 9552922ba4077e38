"""Calls from where a thread does not usually stand: the state holds for the named calls, and is gone afterwards."""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from fixtures.contexts.thread_context import StandingEntry, in_a_child, without_capabilities
from fixtures.syscalls.entry_points import NativeEntry
from netns import TOPOLOGIES, Host, Namespace


def bind_low(entry: StandingEntry | NativeEntry, host: Host, port: int) -> tuple[int, int]:
    address = socket.AF_INET.to_bytes(2, "little") + port.to_bytes(2, "big") + bytes([127, 0, 0, 1]) + bytes(8)
    with host.namespace.inside(), socket.socket() as sock:
        return entry.invoke("bind", sock.fileno(), entry.place(address), len(address))


def test_rights_are_gone_for_the_named_calls_and_come_back() -> None:
    native = NativeEntry()
    with TOPOLOGIES["loopback"]() as topology:
        assert bind_low(native, topology.client, 80) == (0, 0)
        assert bind_low(StandingEntry(native, without_capabilities), topology.client, 80) == (-1, errno.EACCES)
        assert bind_low(StandingEntry(native, without_capabilities, calls=("connect",)), topology.client, 80) == (0, 0)
        assert bind_low(native, topology.client, 80) == (0, 0)


def test_the_state_is_entered_and_left_around_each_call() -> None:
    seen: list[str] = []

    @contextmanager
    def around() -> Iterator[None]:
        seen.append("in")
        yield
        seen.append("out")

    entry = StandingEntry(NativeEntry(), around, calls=("getpid",))
    assert entry.invoke("getpid") == (os.getpid(), 0)
    assert entry.invoke("getppid") == (os.getppid(), 0)
    assert seen == ["in", "out"]
    assert entry.name == "syscall"


@pytest.mark.parametrize("status", [0, 7, errno.ECONNREFUSED])
def test_a_child_tells_what_it_came_to(status: int) -> None:
    assert in_a_child(lambda: status) == status


def test_an_address_that_was_added_can_be_reached_at_once() -> None:
    for _ in range(20):
        with TOPOLOGIES["loopback"]() as topology:
            address = topology.client.second_address(socket.AF_INET6)
            assert topology.client.namespace.has_settled("lo", address)


def test_an_address_that_nobody_has_is_not_settled() -> None:
    with Namespace("empty") as namespace:
        assert not namespace.has_settled("lo", "2001:db8::7")


def test_who_is_misled_is_heard_again() -> None:
    with TOPOLOGIES["pair"]() as topology, datagram(topology.server) as heard, datagram(topology.client) as said:
        heard.bind(("192.0.2.2", 7001))
        heard.settimeout(5)
        topology.client.mislead("to-server", "192.0.2.2")
        said.sendto(b"lost", ("192.0.2.2", 7001))
        topology.client.find_again("to-server", "192.0.2.2")
        said.sendto(b"found", ("192.0.2.2", 7001))
        assert heard.recv(16) == b"found"


def datagram(host: Host) -> socket.socket:
    with host.namespace.inside():
        return socket.socket(type=socket.SOCK_DGRAM)

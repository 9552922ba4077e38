"""What a thread can be for a call: the context is entered around each call, by the thread that makes it."""

import errno
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from fixtures.contexts.thread_context import WITHOUT_CAPABILITIES, in_a_child
from fixtures.syscalls.call_threads import CallThreads
from fixtures.syscalls.calls import Calls, Context
from fixtures.syscalls.outcome import Outcome
from fixtures.syscalls.transcript import Transcript
from netns import TOPOLOGIES, Host, Namespace


@pytest.fixture
def calls() -> Iterator[Calls]:
    threads = CallThreads()
    made = Calls("syscall", Transcript(), threads)
    yield made
    made.close()
    assert threads.close() == []


def bind_low(calls: Calls, host: Host) -> Outcome:
    address = socket.AF_INET.to_bytes(2, sys.byteorder) + (80).to_bytes(2, "big") + bytes([127, 0, 0, 1]) + bytes(8)
    with host.namespace.inside(), socket.socket() as sock:
        return calls.make("bind", sock.fileno(), calls.place(address), len(address))


def test_rights_are_gone_in_the_context_and_come_back(calls: Calls) -> None:
    with TOPOLOGIES["loopback"]() as topology:
        assert bind_low(calls, topology.client) == 0
        assert bind_low(calls.within(WITHOUT_CAPABILITIES), topology.client) == errno.EACCES
        assert bind_low(calls, topology.client) == 0
    assert [call.context for call in calls.transcript.calls] == [None, "without capabilities", None]


def test_a_context_is_entered_and_left_around_each_call_by_the_thread_that_makes_it(calls: Calls) -> None:
    seen: list[tuple[str, int]] = []

    @contextmanager
    def around() -> Iterator[None]:
        seen.append(("in", threading.get_native_id()))
        yield
        seen.append(("out", threading.get_native_id()))

    calls.within(Context("watched", around)).make("getpid")
    calls.make("getpid")
    (way_in, thread), (way_out, same) = seen
    assert (way_in, way_out, thread) == ("in", "out", same)
    assert thread != threading.get_native_id()


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
        topology.client.add_wrong_neighbour("to-server", "192.0.2.2")
        said.sendto(b"lost", ("192.0.2.2", 7001))
        topology.client.delete_neighbour("to-server", "192.0.2.2")
        said.sendto(b"found", ("192.0.2.2", 7001))
        assert heard.recv(16) == b"found"


def datagram(host: Host) -> socket.socket:
    with host.namespace.inside():
        return socket.socket(type=socket.SOCK_DGRAM)

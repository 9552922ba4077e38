"""What only C shows: connect() as a cancellation point, and connect() in a signal handler."""

import ctypes
from collections.abc import Callable
from errno import EISCONN
from pathlib import Path

import pytest

from fixtures import INTERNET, Address, Server, Servers, Socket, assert_connected, clause, needs, until, variants, waits
from fixtures.native_build import library
from fixtures.syscalls.wait import until_asleep
from suites.connect.times import RETRANSMISSION


@pytest.fixture
def program() -> ctypes.CDLL:
    """Functions in C that connect on a thread that can be cancelled, and in a signal handler."""
    return library(Path(__file__).with_name("calls.c"))


def aimed(program: ctypes.CDLL, sock: Socket, address: Address) -> Callable[[str], int]:
    """The program, told of the socket and the address: gives what a function of it returns."""
    data = address.pack()
    program.aim(sock.fd, ctypes.c_void_p(sock.calls.entry.place(data)), len(data))
    return lambda name: int(program[name]())


@clause("connect.thread.cancellation-point")
@needs("cc")
@waits(RETRANSMISSION)
@variants(families=INTERNET)
def test_cancelled(sock: Socket, servers: Servers, program: ctypes.CDLL) -> None:
    """A thread that waits in connect() is cancelled; the descriptor stays open, and the attempt goes on."""
    busy = servers.full()
    run = aimed(program, sock, busy.address)
    assert run("begin") == 0
    until(lambda: sock.tcp_state() == "SYN_SENT", "the socket is in SYN_SENT")
    until_asleep(run("thread_id"))
    assert run("cancel") == 1
    assert sock.tcp_state() == "SYN_SENT"
    busy.make_room()
    sock.wait_writable()
    assert sock.connect(busy.address) == 0
    assert sock.connect(busy.address) == EISCONN
    assert_connected(sock, busy.server)


@clause("connect.signal.async-signal-safe")
@needs("cc")
@variants(families=INTERNET)
def test_handler(sock: Socket, server: Server, program: ctypes.CDLL) -> None:
    """A signal handler may connect: the call does there what it does elsewhere."""
    assert aimed(program, sock, server.address)("handle") == 0
    assert sock.connect(server.address) == EISCONN
    assert_connected(sock, server)

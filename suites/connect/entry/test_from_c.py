"""What only C shows: connect() as a cancellation point, and connect() in a signal handler."""

import ctypes
from errno import EISCONN
from pathlib import Path

import pytest

from fixtures import (
    INTERNET,
    Address,
    Elsewhere,
    Server,
    Servers,
    Socket,
    assert_connected,
    assert_connects_once,
    clause,
    library,
    needs,
    until,
    until_asleep,
    variants,
    waits,
)
from suites.connect.times import RETRANSMISSION


@pytest.fixture
def program() -> ctypes.CDLL:
    """Functions in C that connect on a thread that can be cancelled, and in a signal handler."""
    return library(Path(__file__).with_name("calls.c"))


def aimed(program: ctypes.CDLL, sock: Socket, address: Address, how: str) -> Elsewhere:
    """The connect that the program is going to make of the socket, to the address."""
    call = sock.connect_elsewhere(address, how, "libc")
    fd, pointer, length = call.arguments
    program.aim(fd, ctypes.c_void_p(pointer), length)
    return call


def begin_and_sleep(program: ctypes.CDLL, sock: Socket) -> None:
    """Let the program begin its connect, and wait until that sleeps in the kernel."""
    assert program.begin() == 0
    until(lambda: sock.tcp_state() == "SYN_SENT", "the socket is in SYN_SENT")
    until_asleep(program.thread_id())


@clause("connect.thread.cancellation-point")
@needs("cc")
@waits(RETRANSMISSION)
@variants(families=INTERNET)
def test_cancelled(sock: Socket, servers: Servers, program: ctypes.CDLL) -> None:
    """A thread that waits in connect() is cancelled; the descriptor stays open, and the attempt goes on."""
    busy = servers.full()
    aimed(program, sock, busy.address, "on a thread that is cancelled")
    begin_and_sleep(program, sock)
    assert program.cancel() == 1
    assert sock.tcp_state() == "SYN_SENT"
    busy.make_room()
    sock.wait_writable()
    assert_connects_once(sock, busy.address)
    assert_connected(sock, busy.server)


@clause("connect.signal.async-signal-safe")
@needs("cc")
@variants(families=INTERNET)
def test_handler(sock: Socket, server: Server, program: ctypes.CDLL) -> None:
    """A signal handler may connect: the call does there what it does elsewhere."""
    call = aimed(program, sock, server.address, "in a signal handler")
    assert call.ended(program.handle()) == 0
    assert sock.connect(server.address) == EISCONN
    assert_connected(sock, server)

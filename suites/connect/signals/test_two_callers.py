"""Two callers at one socket: a second connect, a shutdown or a close while a call waits."""

import select
import socket
from errno import EALREADY, ECONNRESET, EINPROGRESS, EISCONN

from fixtures import (
    ALL,
    CALLS,
    INTERNET,
    POLLIN,
    Server,
    Servers,
    Socket,
    assert_connected,
    assert_so_error_once,
    assert_usable,
    cases,
    clause,
    variants,
    waits,
)
from suites.connect.signals.callers import begun
from suites.connect.sleeping_poll import SleepingPoll
from suites.connect.times import RETRANSMISSION


@clause("connect.EALREADY.blocking-joins")
@waits(RETRANSMISSION)
@variants(families=INTERNET, modes=["nonblocking"], entries=CALLS)
def test_joins(sock: Socket, server: Server, servers: Servers) -> None:
    """A call that may wait waits for the attempt that is under way, whatever its own address."""
    busy = servers.full()
    assert sock.connect(busy.address) == EINPROGRESS
    sock.set_blocking(True)
    attempt = begun(sock, server.address)
    attempt.assert_waits(0.05)
    busy.make_room()
    assert attempt.result() == 0
    assert sock.connect(busy.address) == EISCONN
    assert_connected(sock, busy.server)


@clause("connect.EALREADY.tcp.blocking")
@waits(RETRANSMISSION)
@variants(families=INTERNET, modes=["nonblocking"])
def test_does_not_join(sock: Socket, servers: Servers) -> None:
    """The standard has such a call fail in any mode."""
    busy = servers.full()
    assert sock.connect(busy.address) == EINPROGRESS
    sock.set_blocking(True)
    attempt = sock.start_connect(busy.address)
    busy.make_room()
    assert attempt.result() == EALREADY


@clause("connect.EALREADY.two-threads")
@waits(RETRANSMISSION)
@variants(families=INTERNET)
def test_two_threads(sock: Socket, servers: Servers) -> None:
    """Two calls on one socket wait for one attempt, and both see its success; there is one connection."""
    busy = servers.full()
    attempts = [begun(sock, busy.address), begun(sock, busy.address)]
    busy.make_room()
    for attempt in attempts:
        assert attempt.result() == 0
    assert sock.connect(busy.address) == EISCONN
    assert_connected(sock, busy.server)
    assert POLLIN not in busy.server.socket.poll(ask=(POLLIN,)).value


@clause("connect.shutdown.syn_sent")
@cases({"reading": socket.SHUT_RD, "writing": socket.SHUT_WR, "both": socket.SHUT_RDWR})
@variants(families=INTERNET, modes=["nonblocking"])
def test_shutdown(sock: Socket, server: Server, servers: Servers, case: int) -> None:
    """A shutdown in any direction ends the attempt, wakes a poll that waits for it, and frees the socket."""
    assert sock.connect(servers.full().address) == EINPROGRESS
    ready = SleepingPoll(sock.calls, sock, select.POLLIN | select.POLLOUT)
    assert sock.shutdown(case) == 0
    ready.assert_woken()
    assert sock.tcp_state() == "CLOSE"
    assert_so_error_once(sock, ECONNRESET)
    assert_usable(sock, server)


@clause("connect.shutdown.blocked-thread")
@variants(families=INTERNET, entries=ALL)
def test_shutdown_of_a_call(sock: Socket, server: Server, servers: Servers) -> None:
    """A shutdown wakes the call that waits, and frees the socket."""
    attempt = begun(sock, servers.full().address)
    assert sock.shutdown(socket.SHUT_RDWR) == 0
    assert attempt.result() == ECONNRESET
    assert sock.so_error() == 0
    assert sock.tcp_state() == "CLOSE"
    assert_usable(sock, server)


@clause("connect.close.blocked-thread")
@waits(RETRANSMISSION)
@variants(families=INTERNET, entries=CALLS)
def test_close_under_a_call(sock: Socket, servers: Servers) -> None:
    """Closing the descriptor does not disturb the call; the connection ends with it."""
    busy = servers.full()
    attempt = begun(sock, busy.address)
    assert sock.close() == 0
    attempt.assert_waits(0.05)
    busy.make_room()
    assert attempt.result() == 0
    assert busy.server.accepted().recv() == b""

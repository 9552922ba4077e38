"""How poll, select, epoll and SIGIO tell of an attempt in the background: pending, done, failed."""

import fcntl
import os
from collections.abc import Callable
from errno import ECONNREFUSED, EINPROGRESS, ETIMEDOUT
from signal import SIGIO

import pytest

from fixtures import (
    BOTH,
    CALLS,
    INTERNET,
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLOUT,
    POLLRDHUP,
    FullServer,
    Outcome,
    Server,
    Servers,
    Socket,
    assert_connected,
    assert_usable,
    cases,
    caught,
    clause,
    until,
    variants,
    waits,
)
from suites.connect.nonblocking.epoll_watch import Watch
from suites.connect.times import LATE, ONE_RETRY, RETRANSMISSION

EVERYTHING = {POLLIN, POLLOUT, POLLERR, POLLHUP, POLLRDHUP}
usefixtures = pytest.mark.usefixtures


@clause("connect.poll.success")
@waits(RETRANSMISSION)
@cases({"poll": Socket.poll, "epoll": Socket.epoll, "select": Socket.select})
@variants(families=INTERNET, modes=["nonblocking"])
def test_woken_by_success(sock: Socket, servers: Servers, case: Callable[[Socket, float], Outcome]) -> None:
    """Who waits already is woken when the connection is established, and is told that it is writable alone."""
    busy = servers.full()
    assert sock.connect(busy.address) == EINPROGRESS
    busy.make_room()
    woken = case(sock, 10)
    assert woken in ({POLLOUT}, {"writefds"})
    assert woken.seconds < LATE
    assert sock.poll() == {POLLOUT}
    assert_connected(sock, busy.server)


@clause("connect.poll.failure")
@waits(RETRANSMISSION)
@cases({"poll": Socket.poll, "epoll": Socket.epoll})
@variants(families=INTERNET, modes=["nonblocking"])
def test_woken_by_refusal(sock: Socket, servers: Servers, case: Callable[[Socket, float], Outcome]) -> None:
    """Who waits already is woken by a refusal, and is told of everything."""
    busy = servers.full()
    assert sock.connect(busy.address) == EINPROGRESS
    assert case(sock, 0) == set()
    assert busy.server.socket.close() == 0
    woken = case(sock, 10)
    assert woken == EVERYTHING
    assert woken.seconds < LATE
    assert sock.poll(ask=()) == {POLLERR, POLLHUP}
    assert sock.so_error() == ECONNREFUSED


@clause("connect.poll.failure", case="at-once")
@variants(families=INTERNET, modes=["nonblocking"], entries=CALLS)
def test_refused_before_poll(sock: Socket, servers: Servers) -> None:
    """A refusal that was there before is told just so, again and again while nobody has read it."""
    assert sock.connect(servers.closed()) == EINPROGRESS
    assert sock.poll(10) == EVERYTHING
    assert sock.poll() == EVERYTHING
    assert sock.poll(ask=(POLLOUT,)) == {POLLOUT, POLLERR, POLLHUP}
    assert sock.poll(ask=(POLLIN,)) == {POLLIN, POLLERR, POLLHUP}
    assert sock.so_error() == ECONNREFUSED


@clause("connect.poll.failure", case="timeout")
@waits(ONE_RETRY)
@usefixtures("hurried")
@cases({"poll": Socket.poll, "epoll": Socket.epoll, "select": Socket.select})
@variants(families=INTERNET, modes=["nonblocking"])
def test_woken_by_timeout(sock: Socket, servers: Servers, case: Callable[[Socket, float], Outcome]) -> None:
    """Who waits already is woken when the attempt is given up."""
    assert sock.connect(servers.full().address) == EINPROGRESS
    woken = case(sock, 10)
    assert woken.value & {POLLERR, "writefds"} != set()
    assert woken.seconds < LATE
    until(lambda: sock.poll().value == EVERYTHING, "poll reports everything")
    assert sock.so_error() == ETIMEDOUT
    assert sock.so_error() == 0


@clause("connect.poll.pending")
@variants(families=INTERNET, modes=["nonblocking"], entries=CALLS)
def test_pending(sock: Socket, servers: Servers) -> None:
    """While the handshake is under way poll and epoll report nothing, and wait as long as they were told."""
    assert sock.connect(servers.full().address) == EINPROGRESS
    waited = sock.poll(0.05)
    assert waited == set()
    assert waited.seconds >= 0.05
    assert sock.epoll(0.05) == set()
    assert sock.tcp_state() == "SYN_SENT"


@clause("connect.poll.unconnected")
@variants(families=INTERNET, modes=BOTH)
@variants(families=["unix"], types=["stream", "seqpacket"])
def test_fresh(sock: Socket, server: Server) -> None:
    """A socket that was never connected is writable and hung up; then it connects, and is hung up no longer."""
    polled, reported, unasked = sock.poll(), sock.epoll(), sock.poll(ask=())
    assert_usable(sock, server)
    assert polled == {POLLOUT, POLLHUP}
    assert reported == {POLLOUT, POLLHUP}
    assert unasked == {POLLHUP}
    assert sock.poll(ask=()) == set()


@clause("connect.poll.after-SO_ERROR")
@variants(families=INTERNET, modes=["nonblocking"], entries=CALLS)
def test_after_the_error_was_read(sock: Socket, servers: Servers) -> None:
    """Reading the error takes POLLERR away and nothing else."""
    assert sock.connect(servers.closed()) == EINPROGRESS
    assert sock.poll(10) == EVERYTHING
    assert sock.so_error() == ECONNREFUSED
    assert sock.poll() == EVERYTHING - {POLLERR}
    assert sock.epoll() == EVERYTHING - {POLLERR}
    assert sock.poll(ask=()) == {POLLHUP}


def begin(sock: Socket, busy: FullServer, *, now: bool) -> None:
    """Begin an attempt that stays pending, if now is the time for it."""
    if now:
        assert sock.connect(busy.address) == EINPROGRESS


def assert_one_edge(watch: Watch, busy: FullServer) -> None:
    """Of a pending attempt nothing is reported, and of its completion one edge."""
    assert watch.events() == set()
    busy.make_room()
    assert watch.events(10) == {POLLOUT}
    assert watch.events() == set()


@clause("connect.epoll.et-completion")
@waits(RETRANSMISSION)
@cases({"before": True, "while-pending": False})
@variants(families=INTERNET, modes=["nonblocking"])
def test_edge(sock: Socket, servers: Servers, case: bool) -> None:
    """An edge is reported once: when the socket is added, and when the connection is established."""
    busy = servers.full()
    begin(sock, busy, now=not case)
    with Watch(sock, edges=True) as watch:
        before = watch.events()
        begin(sock, busy, now=case)
        assert before == ({POLLOUT, POLLHUP} if case else set())
        assert_one_edge(watch, busy)
    assert_connected(sock, busy.server)


@clause("connect.epoll.failure")
@variants(families=INTERNET, modes=["nonblocking"], entries=CALLS)
def test_epoll_refused(sock: Socket, servers: Servers) -> None:
    """A socket that was watched since before is reported for a refusal, in full, as long as it is so."""
    with Watch(sock, edges=False) as watch:
        before = watch.events()
        assert sock.connect(servers.closed()) == EINPROGRESS
        assert before == {POLLOUT, POLLHUP}
        assert watch.events(10) == EVERYTHING
        assert watch.events() == EVERYTHING
        assert sock.so_error() == ECONNREFUSED
        assert watch.events() == EVERYTHING - {POLLERR}


@clause("connect.epoll.failure", case="edge")
@waits(RETRANSMISSION)
@variants(families=INTERNET, modes=["nonblocking"])
def test_epoll_edge_of_refusal(sock: Socket, servers: Servers) -> None:
    """A refusal is an edge, too, for who waits already."""
    busy = servers.full()
    assert sock.connect(busy.address) == EINPROGRESS
    with Watch(sock, edges=True) as watch:
        assert watch.events() == set()
        assert busy.server.socket.close() == 0
        assert watch.events(10) == EVERYTHING
    assert sock.so_error() == ECONNREFUSED


def ask_for_sigio(sock: Socket) -> None:
    """Become the owner of the socket, and set O_ASYNC."""
    fcntl.fcntl(sock.fd, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(sock.fd, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)


@clause("connect.sigio.completion")
@waits(RETRANSMISSION)
@cases({"established": True, "refused": False})
@variants(families=INTERNET, modes=["nonblocking"])
def test_sigio(sock: Socket, servers: Servers, case: bool) -> None:
    """The owner of a socket with O_ASYNC gets SIGIO when the attempt is over, and none while it is under way."""
    busy = servers.full()
    assert sock.connect(busy.address) == EINPROGRESS
    with caught(SIGIO, restart=True) as signals:
        ask_for_sigio(sock)
        assert sock.poll() == set()
        assert signals == []
        _ = busy.make_room() if case else busy.server.socket.close()
        until(lambda: signals != [], "SIGIO arrives")
        fcntl.fcntl(sock.fd, fcntl.F_SETFL, os.O_NONBLOCK)
    assert sock.poll(10) == ({POLLOUT} if case else EVERYTHING)

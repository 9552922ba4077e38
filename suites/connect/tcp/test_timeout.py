"""Nobody answers, and somebody interrupts: ETIMEDOUT and EINTR."""

from errno import EINPROGRESS, EINTR, ETIMEDOUT
from signal import SIGUSR1

import pytest

from fixtures import (
    ALL,
    BOTH,
    CALLS,
    FAMILIES,
    INTERNET,
    READFDS,
    WRITEFDS,
    Server,
    Servers,
    Socket,
    Variant,
    assert_attempt_ends,
    assert_connected,
    assert_no_connection,
    assert_not_connected,
    assert_usable,
    caught,
    clause,
    internet,
    topology,
    until,
    variants,
    waits,
)
from netns import Topology
from suites.connect.times import ONE_RETRY, RETRANSMISSION

usefixtures = pytest.mark.usefixtures


@clause("connect.ETIMEDOUT.tcp")
@waits(ONE_RETRY)
@usefixtures("hurried")
@variants(families=INTERNET, entries=ALL)
@variants(families=["mapped"])
def test_nobody_answers(sock: Socket, server: Server, servers: Servers) -> None:
    """A blocking connect gives up after the retransmissions that are configured, not sooner; the attempt is over."""
    busy = servers.full()
    outcome = sock.connect(busy.address)
    assert outcome == ETIMEDOUT
    assert outcome.seconds > 2.5
    assert sock.tcp_state() == "CLOSE"
    assert_not_connected(sock)
    assert_usable(sock, server)


@clause("connect.ETIMEDOUT.tcp.nonblocking")
@waits(ONE_RETRY)
@usefixtures("hurried")
@variants(families=INTERNET, modes=["nonblocking"], entries=CALLS)
@variants(families=["mapped"], modes=["nonblocking"])
def test_nobody_answers_in_the_background(sock: Socket, servers: Servers) -> None:
    """A non-blocking connect is told by SO_ERROR, once, when select wakes up."""
    assert sock.connect(servers.full().address) == EINPROGRESS
    assert sock.select() == set()
    sock.wait_writable()
    assert sock.select() == {READFDS, WRITEFDS}
    assert sock.so_error() == ETIMEDOUT
    assert_not_connected(sock)


@clause("connect.icmp.router.blackhole")
@topology("routed")
@waits(ONE_RETRY)
@variants(families=INTERNET, modes=BOTH, entries=ALL)
def test_a_router_that_swallows(sock: Socket, hurried: Topology, variant: Variant) -> None:
    """A route that swallows everything on the way is a timeout, without any other error before."""
    prefix, silent = {
        "inet": ("203.0.113.0/24", "203.0.113.1"),
        "inet6": ("2001:db8:b::/48", "2001:db8:b::1"),
    }[variant.family]
    hurried.host("router").add_blackhole(prefix)
    assert sock.connect_and_wait(internet(FAMILIES[variant.family], silent, 7001)) == ETIMEDOUT
    assert_not_connected(sock)


@clause("connect.EINTR.tcp")
@waits(RETRANSMISSION)
@variants(families=INTERNET, entries=CALLS)
def test_interrupted(sock: Socket, servers: Servers) -> None:
    """A handler without SA_RESTART ends the call with EINTR; the attempt goes on and completes."""
    busy = servers.full()
    with caught(SIGUSR1, restart=False) as signals:
        attempt = sock.start_connect(busy.address)
        until(lambda: sock.tcp_state() == "SYN_SENT", "the socket is in SYN_SENT")
        assert attempt.interrupt(SIGUSR1) == EINTR
    assert signals
    assert sock.tcp_state() == "SYN_SENT"
    busy.make_room()
    assert_attempt_ends(sock, 0)
    assert_connected(sock, busy.server)


@clause("connect.EINTR.unix")
@variants(families=["unix"], types=["stream", "seqpacket"], entries=CALLS)
def test_unix_interrupted(sock: Socket, servers: Servers) -> None:
    """A handler without SA_RESTART ends the wait for room with EINTR; the socket can connect anew."""
    busy = servers.full()
    with caught(SIGUSR1, restart=False) as signals:
        assert sock.start_connect(busy.address).interrupt(SIGUSR1) == EINTR
    assert signals
    assert_not_connected(sock)
    busy.make_room()
    assert_no_connection(busy.server)
    assert sock.connect(busy.address) == 0
    assert_connected(sock, busy.server)

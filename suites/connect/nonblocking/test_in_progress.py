"""Connections that take their time: EINPROGRESS, EALREADY, what select says meanwhile and afterwards, and SO_ERROR."""

from errno import EAGAIN, EALREADY, ECONNREFUSED, EHOSTUNREACH, EINPROGRESS, ENOTCONN

from fixtures import (
    CALLS,
    FAMILIES,
    INTERNET,
    POLLOUT,
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
    clause,
    internet,
    topology,
    variants,
    waits,
)
from suites.connect.times import RETRANSMISSION

NEIGHBOUR = 3.1  # Seconds until the kernel gives up looking for a neighbour.


@clause("connect.EINPROGRESS.tcp")
@variants(families=INTERNET, modes=["nonblocking"], entries=CALLS)
def test_in_progress(sock: Socket, server: Server) -> None:
    """A non-blocking connect does not wait, and goes on in the background."""
    assert sock.connect(server.address) == EINPROGRESS
    sock.wait_writable()
    assert sock.so_error() == 0
    assert_connected(sock, server)


@clause("connect.EINPROGRESS.tcp", case="pending")
@waits(RETRANSMISSION)
@variants(families=INTERNET, modes=["nonblocking"], entries=CALLS)
def test_in_progress_for_a_while(sock: Socket, servers: Servers) -> None:
    """The same when the connection stays pending: it is in SYN_SENT, has a name and no peer, and then completes."""
    busy = servers.full()
    assert sock.connect(busy.address) == EINPROGRESS
    assert sock.tcp_state() == "SYN_SENT"
    assert sock.getpeername() == ENOTCONN
    assert sock.getsockname().value.port != 0
    busy.make_room()
    sock.wait_writable()
    assert sock.so_error() == 0
    assert_connected(sock, busy.server)


@clause("connect.EINPROGRESS.unix")
@variants(families=["unix"], types=["stream", "seqpacket"], modes=["nonblocking"], entries=CALLS)
def test_unix_in_progress(sock: Socket, servers: Servers) -> None:
    """The same on a UNIX socket whose listener has no room."""
    busy = servers.full()
    assert sock.connect(busy.address) == EINPROGRESS
    busy.make_room()
    sock.wait_writable()
    assert sock.so_error() == 0


@clause("connect.EAGAIN.unix.backlog")
@variants(families=["unix"], types=["stream", "seqpacket"], modes=["nonblocking"], entries=CALLS)
def test_unix_backlog_full(sock: Socket, servers: Servers) -> None:
    """Linux starts nothing and says EAGAIN, until there is room."""
    busy = servers.full()
    assert sock.connect(busy.address) == EAGAIN
    assert sock.connect(busy.address) == EAGAIN
    assert_not_connected(sock)
    busy.make_room()
    assert_no_connection(busy.server)
    assert sock.connect(busy.address) == 0
    assert_connected(sock, busy.server)


def assert_not_ready(sock: Socket) -> None:
    """Neither select, nor poll, nor epoll reports anything."""
    assert sock.select() == set()
    assert sock.poll() == set()
    assert sock.epoll() == set()


@clause("connect.select.writable-on-success")
@waits(RETRANSMISSION)
@variants(families=INTERNET, modes=["nonblocking"], entries=CALLS)
def test_writable_when_established(sock: Socket, servers: Servers) -> None:
    """select wakes up when a pending connection is established, and then reports writable and nothing else."""
    busy = servers.full()
    assert sock.connect(busy.address) == EINPROGRESS
    assert_not_ready(sock)
    busy.make_room()
    sock.wait_writable()
    assert sock.select() == {WRITEFDS}
    assert sock.poll() == {POLLOUT}
    assert sock.epoll() == {POLLOUT}
    assert sock.tcp_state() == "ESTABLISHED"


@clause("connect.select.ready-on-failure")
@waits(RETRANSMISSION)
@variants(families=INTERNET, modes=["nonblocking"], entries=CALLS)
@variants(families=["mapped"], modes=["nonblocking"])
def test_ready_when_failed(sock: Socket, servers: Servers) -> None:
    """select wakes up when a pending connection fails, and then says readable and writable, not exceptional."""
    busy = servers.full()
    assert sock.connect(busy.address) == EINPROGRESS
    assert sock.select() == set()
    busy.server.socket.close()
    sock.wait_writable()
    assert sock.select() == {READFDS, WRITEFDS}
    assert sock.so_error() == ECONNREFUSED


@clause("connect.select.ready-on-failure", case="at-once")
@variants(families=INTERNET, modes=["nonblocking"], entries=CALLS)
def test_ready_when_refused_at_once(sock: Socket, servers: Servers) -> None:
    """The same when the refusal was there before select was called."""
    assert sock.connect(servers.closed()) == EINPROGRESS
    sock.wait_writable()
    assert sock.select() == {READFDS, WRITEFDS}
    assert sock.so_error() == ECONNREFUSED


@clause("connect.select.not-ready-while-pending")
@variants(families=INTERNET, modes=["nonblocking"], entries=CALLS)
def test_not_ready_while_pending(sock: Socket, servers: Servers) -> None:
    """While the handshake is under way select waits, whatever it was asked for."""
    assert sock.connect(servers.full().address) == EINPROGRESS
    waited = sock.select(0.1)
    assert waited == set()
    assert waited.seconds >= 0.1
    assert sock.tcp_state() == "SYN_SENT"


@clause("connect.SO_ERROR.zero-on-success")
@waits(RETRANSMISSION)
@variants(families=INTERNET, modes=["nonblocking"], entries=CALLS)
def test_no_error_on_success(sock: Socket, servers: Servers) -> None:
    """After writability an SO_ERROR of 0 says that a connection which was pending is established."""
    busy = servers.full()
    assert sock.connect(busy.address) == EINPROGRESS
    assert sock.so_error() == 0
    busy.make_room()
    sock.wait_writable()
    assert sock.so_error() == 0
    assert sock.getpeername() == busy.address
    assert_connected(sock, busy.server)


@clause("connect.SO_ERROR.reason-on-failure", case="refused")
@waits(RETRANSMISSION)
@variants(families=INTERNET, modes=["nonblocking"], entries=CALLS)
def test_refusal_as_the_reason(sock: Socket, servers: Servers) -> None:
    """After writability SO_ERROR holds the reason of the failure, once: a refusal."""
    busy = servers.full()
    assert sock.connect(busy.address) == EINPROGRESS
    assert sock.so_error() == 0
    busy.server.socket.close()
    sock.wait_writable()
    assert sock.so_error() == ECONNREFUSED
    assert sock.so_error() == 0
    assert_not_connected(sock)


@clause("connect.SO_ERROR.reason-on-failure", case="no-neighbour")
@topology("pair")
@waits(NEIGHBOUR)
@variants(families=INTERNET, modes=["nonblocking"], entries=CALLS)
def test_no_neighbour_as_the_reason(sock: Socket, variant: Variant) -> None:
    """The same where nobody has the address on the link: no route to host."""
    nobody = {"inet": "192.0.2.77", "inet6": "2001:db8:1::77"}[variant.family]
    assert sock.connect(internet(FAMILIES[variant.family], nobody, 7001)) == EINPROGRESS
    assert sock.select() == set()
    sock.wait_writable()
    assert sock.so_error() == EHOSTUNREACH
    assert sock.so_error() == 0
    assert_not_connected(sock)


@clause("connect.EALREADY.tcp")
@waits(RETRANSMISSION)
@variants(families=INTERNET, modes=["nonblocking"], entries=CALLS)
def test_already_under_way(sock: Socket, server: Server, servers: Servers) -> None:
    """A second and a third connect fail with EALREADY, whatever their address; the attempt goes on."""
    busy = servers.full()
    assert sock.connect(busy.address) == EINPROGRESS
    assert sock.connect(busy.address) == EALREADY
    assert sock.connect(server.address) == EALREADY
    assert sock.connect(servers.closed()) == EALREADY
    assert sock.tcp_state() == "SYN_SENT"
    busy.make_room()
    assert_attempt_ends(sock, 0)
    assert_connected(sock, busy.server)
    assert_no_connection(server)

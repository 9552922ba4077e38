"""Nobody listens: the refusals of TCP and of UNIX sockets."""

from errno import ECONNREFUSED, EINPROGRESS, ENOTCONN, EPROTOTYPE

from fixtures import (
    ALL,
    BOTH,
    CALLS,
    INTERNET,
    POLLHUP,
    POLLOUT,
    READFDS,
    WRITEFDS,
    Server,
    Servers,
    Socket,
    SocketMaker,
    assert_no_connection,
    assert_not_connected,
    assert_usable,
    cases,
    clause,
    topology,
    variants,
)


@clause("connect.ECONNREFUSED.tcp{six}")
@variants(families=INTERNET, entries=ALL)
def test_nobody_listens(sock: Socket, server: Server, servers: Servers) -> None:
    """A blocking stream connect to a port where nobody listens is refused, as often as it is tried."""
    assert sock.connect(servers.closed()) == ECONNREFUSED
    assert sock.so_error() == 0
    assert_not_connected(sock)
    assert sock.connect(servers.closed()) == ECONNREFUSED
    assert_usable(sock, server)


@clause("connect.ECONNREFUSED.tcp{six}", case="bound")
@variants(families=INTERNET, entries=ALL)
@variants(families=["mapped"])
def test_somebody_is_bound_and_does_not_listen(sock: Socket, servers: Servers, new_socket: SocketMaker) -> None:
    """A port that is bound by a socket which does not listen refuses, and that socket hears nothing of it."""
    idle, address = new_socket("idle", nonblocking=True), servers.free_address()
    assert idle.bind(address) == 0
    assert sock.connect(address) == ECONNREFUSED
    assert idle.getpeername() == ENOTCONN
    assert idle.poll() == {POLLOUT, POLLHUP}


@clause("connect.ECONNREFUSED.tcp.remote")
@topology("pair")
@variants(families=INTERNET, modes=BOTH, entries=ALL)
@variants(families=["mapped"])
def test_nobody_listens_on_another_host(sock: Socket, servers: Servers) -> None:
    """The same when the RST comes over a link."""
    assert sock.connect_and_wait(servers.closed()) == ECONNREFUSED
    assert_not_connected(sock)


@clause("connect.ECONNREFUSED.tcp.remote", case="router")
@topology("routed")
@variants(families=INTERNET, modes=BOTH, entries=ALL)
def test_nobody_listens_behind_a_router(sock: Socket, servers: Servers) -> None:
    """The same when the RST comes through a router."""
    assert sock.connect_and_wait(servers.closed()) == ECONNREFUSED
    assert_not_connected(sock)


@clause("connect.ECONNREFUSED.tcp.nonblocking")
@variants(families=INTERNET, modes=["nonblocking"], entries=CALLS)
def test_refusal_in_the_background(sock: Socket, servers: Servers) -> None:
    """A non-blocking socket hears of the refusal by SO_ERROR, once, however soon it came."""
    assert sock.connect(servers.closed()) == EINPROGRESS
    sock.wait_writable()
    assert sock.select() == {READFDS, WRITEFDS}
    assert sock.so_error() == ECONNREFUSED
    assert_not_connected(sock)


@clause("connect.ECONNREFUSED.unix.not-listening")
@variants(families=["unix"], types=["stream", "seqpacket"], modes=BOTH, entries=ALL)
def test_unix_socket_that_does_not_listen(sock: Socket, server: Server, servers: Servers) -> None:
    """A UNIX socket that is bound and does not listen refuses, in both modes at once."""
    idle = servers.closed()
    assert sock.connect(idle) == ECONNREFUSED
    assert_not_connected(sock)
    assert sock.connect(idle) == ECONNREFUSED
    assert_usable(sock, server)


@clause("connect.ECONNREFUSED.unix.stale")
@variants(families=["unix"], types=["stream", "dgram", "seqpacket"], modes=BOTH, entries=ALL)
def test_stale_socket_file(sock: Socket, server: Server, servers: Servers) -> None:
    """A socket file whose owner is gone refuses."""
    gone = servers.make("gone")
    address = gone.address
    gone.socket.close()
    assert sock.connect(address) == ECONNREFUSED
    assert_not_connected(sock)
    assert sock.connect(server.address) == 0
    assert sock.getpeername() == server.address


@clause("connect.ECONNREFUSED.unix.dgram.dead-peer")
@variants(families=["unix"], types=["dgram"], modes=BOTH, entries=ALL)
def test_peer_is_gone(sock: Socket, server: Server, servers: Servers) -> None:
    """Sending to a peer that was closed is refused, once; then there is no association any more."""
    gone = servers.make("gone")
    assert sock.connect(gone.address) == 0
    gone.socket.close()
    assert sock.send(b"anybody?") == ECONNREFUSED
    assert sock.send(b"anybody?") == ENOTCONN
    assert_not_connected(sock)
    assert_usable(sock, server)


@clause("connect.EPROTOTYPE.unix")
@cases({"to-stream": "stream", "to-dgram": "dgram", "to-seqpacket": "seqpacket"})
@variants(families=["unix"], types=["stream"], modes=BOTH, lines=["to-dgram", "to-seqpacket"], entries=ALL)
@variants(families=["unix"], types=["dgram"], modes=BOTH, lines=["to-stream", "to-seqpacket"], entries=ALL)
@variants(families=["unix"], types=["seqpacket"], modes=BOTH, lines=["to-stream", "to-dgram"], entries=ALL)
def test_socket_of_another_type(sock: Socket, server: Server, servers: Servers, case: str) -> None:
    """A path that a socket of another type is bound to is the wrong protocol type."""
    other = servers.make("other", kind=case)
    assert sock.connect(other.address) == EPROTOTYPE
    assert_not_connected(sock)
    assert_no_connection(other)
    assert sock.connect(server.address) == 0
    assert sock.getpeername() == server.address

"""TCP sockets that count as connected: those that listen, and those whose connection is over."""

import socket
import struct
from collections.abc import Callable
from errno import ECONNRESET, EISCONN, ENOTCONN

from fixtures import (
    ALL,
    INTERNET,
    POLLERR,
    Server,
    Servers,
    Socket,
    SocketMaker,
    assert_connected,
    assert_no_connection,
    assert_not_connected,
    assert_so_error_once,
    assert_usable,
    cases,
    clause,
    until,
    variants,
)
from suites.connect.names import UNSPEC
from suites.connect.states import state_of

ABORT = struct.pack("=ii", 1, 0)  # struct linger: close() sends a RST.


@clause("connect.EISCONN.tcp.listener")
@variants(families=INTERNET, entries=ALL)
@variants(families=INTERNET, modes=["nonblocking"])
def test_listener(new_socket: SocketMaker, server: Server, servers: Servers) -> None:
    """connect() on a listener fails with EISCONN, three times over, and its connections are unharmed."""
    listener, early, late = servers.make("listener"), new_socket("early"), new_socket("late")
    assert early.connect_and_wait(listener.address) == 0
    for address in (server.address, servers.closed(), listener.address):
        assert listener.socket.connect(address) == EISCONN
    assert listener.socket.getpeername() == ENOTCONN
    assert listener.socket.getsockname() == listener.address
    assert listener.socket.so_error() == 0
    assert_connected(early, listener)
    assert_usable(late, listener)
    assert_no_connection(server)


@clause("connect.EISCONN.tcp.listener", case="blocking")
@variants(families=INTERNET)
def test_listener_that_blocks(sock: Socket, new_socket: SocketMaker, server: Server, servers: Servers) -> None:
    """So is a listener in blocking mode, at once."""
    here, client = servers.free_address(), new_socket("client")
    assert sock.bind(here) == 0
    assert sock.listen() == 0
    assert sock.connect(server.address) == EISCONN
    assert sock.tcp_state() == "LISTEN"
    assert client.connect(here) == 0
    assert sock.accept().getpeername() == client.getsockname().value
    assert_no_connection(server)


def peer_first(sock: Socket, accepted: Socket) -> None:
    """The peer closes, then the socket is shut down."""
    assert accepted.close() == 0
    assert sock.recv() == b""
    assert sock.shutdown(socket.SHUT_RDWR) == 0


def itself_first(sock: Socket, accepted: Socket) -> None:
    """The socket is shut down, then the peer closes."""
    assert sock.shutdown(socket.SHUT_RDWR) == 0
    assert accepted.recv() == b""
    assert accepted.close() == 0


@clause("connect.EISCONN.after-full-close")
@cases({"peer-first": peer_first, "itself-first": itself_first})
@variants(families=INTERNET, entries=ALL, lines=["peer-first"])
@variants(families=INTERNET, lines=["itself-first"])
def test_closed_on_both_sides(
    sock: Socket, server: Server, servers: Servers, case: Callable[[Socket, Socket], None]
) -> None:
    """A socket whose connection is closed on both sides is connected still, and can be freed of that."""
    other = servers.make("other")
    assert sock.connect(server.address) == 0
    case(sock, server.accepted())
    until(lambda: state_of(sock) == "CLOSE", "the connection is closed on both sides")
    assert sock.connect(server.address) == EISCONN
    assert sock.connect(other.address) == EISCONN
    assert_not_connected(sock)
    assert_no_connection(other)
    assert sock.connect(UNSPEC) == 0
    assert_usable(sock, other)


@clause("connect.EISCONN.after-full-close", case="half")
@cases({"reading": socket.SHUT_RD, "writing": socket.SHUT_WR, "peer": None})
@variants(families=INTERNET)
def test_closed_on_one_side(sock: Socket, server: Server, servers: Servers, case: int | None) -> None:
    """All the more so one whose connection is closed on one side: it reads the end, or its peer does."""
    other = servers.make("other")
    assert sock.connect(server.address) == 0
    accepted = server.accepted()
    assert (accepted.shutdown(socket.SHUT_WR) if case is None else sock.shutdown(case)) == 0
    assert accepted.getpeername() == sock.getsockname().value
    assert {None: sock, socket.SHUT_RD: sock, socket.SHUT_WR: accepted}[case].recv() == b""
    assert sock.connect(server.address) == EISCONN
    assert sock.connect(other.address) == EISCONN
    assert sock.getpeername() == server.address
    assert_no_connection(other)


def reset_by_peer(sock: Socket, server: Server) -> None:
    """Let the server reset the socket's connection, and wait for that."""
    accepted = server.accepted()
    assert accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT, name="SO_LINGER") == 0
    assert accepted.close() == 0
    assert POLLERR in sock.poll(10, ask=()).value


@clause("connect.EISCONN.after-reset")
@variants(families=INTERNET, entries=ALL)
def test_reset(sock: Socket, server: Server, servers: Servers) -> None:
    """A socket whose peer has reset it is connected still, and its error waits for who asks for it."""
    other = servers.make("other")
    assert sock.connect(server.address) == 0
    reset_by_peer(sock, server)
    assert sock.connect(server.address) == EISCONN
    assert sock.connect(other.address) == EISCONN
    assert_so_error_once(sock, ECONNRESET)
    assert sock.connect(other.address) == EISCONN
    assert sock.connect(UNSPEC) == 0
    assert_usable(sock, other)

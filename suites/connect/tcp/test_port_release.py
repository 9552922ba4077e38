"""When a port that connect(2) chose is given back: after failures of every kind, and not before."""

import socket
import struct
from collections.abc import Callable
from errno import EADDRINUSE, ECONNREFUSED, EINPROGRESS, ENETUNREACH, ETIMEDOUT

from fixtures import (
    ALL,
    FAMILIES,
    INTERNET,
    POLLERR,
    Address,
    Inet6,
    Server,
    Servers,
    Socket,
    SocketMaker,
    assert_connected,
    cases,
    clause,
    internet,
    port_of,
    until,
    variants,
    waits,
    with_port,
)
from netns import Topology
from suites.connect.names import NULL, UNSPEC
from suites.connect.states import state_of
from suites.connect.tcp.ports import assert_none_left, assert_port_is_bindable, let_choose

UNROUTED = {"inet": "203.0.113.9", "inet6": "2001:db8:ffff::9"}
NOBODY = 9  # The port where nobody listens.
ABORT = struct.pack("=ii", 1, 0)  # struct linger: close() sends a RST.


def unroutable(sock: Socket, server: Server) -> None:
    """There is no route; the socket has no name then."""
    name = "inet6" if isinstance(server.address, Inet6) else "inet"
    assert sock.connect(internet(FAMILIES[name], UNROUTED[name], 7001)) == ENETUNREACH
    assert sock.getsockname() == internet(FAMILIES[name], NULL[name])


def refused(sock: Socket, server: Server) -> None:
    """The attempt is refused."""
    assert sock.connect(with_port(server.address, NOBODY)) == ECONNREFUSED


def dissolved(sock: Socket, server: Server) -> None:
    """The connection is dissolved."""
    assert sock.connect(server.address) == 0
    assert sock.getpeername() == server.address
    assert sock.connect(UNSPEC) == 0


def reset_by_itself(sock: Socket, server: Server) -> None:
    """The socket is closed with a RST."""
    assert sock.connect(server.address) == 0
    assert sock.getpeername() == server.address
    assert sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT, name="SO_LINGER") == 0
    assert sock.close() == 0


def reset_by_peer(sock: Socket, server: Server) -> None:
    """The peer resets the connection; the socket stays open."""
    assert sock.connect(server.address) == 0
    accepted = server.accepted()
    assert accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT, name="SO_LINGER") == 0
    assert accepted.close() == 0
    assert POLLERR in sock.poll(10, ask=()).value


def closed_second(sock: Socket, server: Server) -> None:
    """The peer closes, and then the socket is shut down, too."""
    assert sock.connect(server.address) == 0
    assert server.accepted().close() == 0
    assert sock.recv() == b""
    assert sock.shutdown(socket.SHUT_WR) == 0
    until(lambda: state_of(sock) == "CLOSE", "the connection is closed on both sides")


def bound_and_refused(sock: Socket, server: Server) -> None:
    """A port that bind(2) chose goes the same way."""
    assert sock.bind(with_port(server.address, 0)) == 0
    assert port_of(sock.getsockname().value) != 0
    assert sock.connect(with_port(server.address, NOBODY)) == ECONNREFUSED


End = Callable[[Socket, Server], None]
ENDS: dict[str, End] = {
    "refused": refused,
    "unroutable": unroutable,
    "dissolved": dissolved,
    "reset-by-itself": reset_by_itself,
    "reset-by-peer": reset_by_peer,
    "closed-second": closed_second,
    "bound-and-refused": bound_and_refused,
}


def assert_port_is_free(port: Address, new_socket: SocketMaker, servers: Servers) -> None:
    """Another socket can be bound to the port, and then one can choose it."""
    heir, other = new_socket("heir"), servers.make("other")
    assert_port_is_bindable(port, new_socket)
    assert heir.connect_and_wait(other.address) == 0
    assert heir.getsockname() == port
    assert_connected(heir, other)


@clause("connect.tcp.port-released")
@cases(ENDS)
@variants(families=INTERNET, entries=ALL, lines=["refused"])
@variants(families=INTERNET, lines=[name for name in ENDS if name != "refused"])
@variants(families=["mapped"], lines=["refused", "dissolved"])
def test_port_is_given_back(
    sock: Socket, new_socket: SocketMaker, server: Server, servers: Servers, topology: Topology, case: End
) -> None:
    """Of a range of one port that port is there again, to bind and to choose."""
    let_choose(topology, 40000, 40000)
    case(sock, server)
    assert_port_is_free(with_port(server.address, 40000), new_socket, servers)


@clause("connect.tcp.port-released", case="rebound")
@cases({"refused": refused, "dissolved": dissolved, "unroutable": unroutable})
@variants(families=INTERNET)
def test_socket_is_unbound_again(sock: Socket, server: Server, servers: Servers, case: End) -> None:
    """The socket itself is as unbound as before: it can be bound, and connects from there."""
    case(sock, server)
    here, other = with_port(server.address, 5555), servers.make("other")
    assert sock.bind(here) == 0
    assert sock.getsockname() == here
    assert sock.connect(other.address) == 0
    assert sock.getsockname() == here
    assert_connected(sock, other)


@clause("connect.tcp.port-released", case="pending")
@cases({"dissolved": Socket.connect, "closed": Socket.close})
@variants(families=INTERNET, modes=["nonblocking"])
def test_port_of_a_pending_attempt(
    sock: Socket, new_socket: SocketMaker, servers: Servers, topology: Topology, case: Callable[..., object]
) -> None:
    """So it is when the attempt was given up before it was decided; until then it is held."""
    let_choose(topology, 50000, 50000)  # By chance, the one that fills the backlog could have the port of this row.
    busy = servers.full()
    let_choose(topology, 40000, 40000)
    assert sock.connect(busy.address) == EINPROGRESS
    here = sock.getsockname().value
    assert port_of(here) == 40000
    assert new_socket("intruder").bind(here) == EADDRINUSE
    assert (case(sock, UNSPEC) if case is Socket.connect else case(sock)) == 0
    assert_port_is_free(here, new_socket, servers)


@clause("connect.tcp.port-released", case="refused-in-background")
@variants(families=INTERNET, modes=["nonblocking"])
def test_port_of_a_refusal_in_the_background(
    sock: Socket, new_socket: SocketMaker, servers: Servers, topology: Topology
) -> None:
    """So it is when the attempt was refused in the background, though nobody has asked for the error yet."""
    let_choose(topology, 40000, 40000)
    address = servers.closed()
    assert sock.connect(address) == EINPROGRESS
    sock.wait_writable()
    assert_port_is_free(with_port(address, 40000), new_socket, servers)
    assert sock.so_error() == ECONNREFUSED


@clause("connect.tcp.port-released", case="timed-out")
@waits(0.5)
@variants(families=INTERNET)
def test_port_of_an_attempt_that_timed_out(
    sock: Socket, new_socket: SocketMaker, servers: Servers, topology: Topology
) -> None:
    """So it is when nobody answered in time."""
    let_choose(topology, 50000, 50000)  # By chance, the one that fills the backlog could have the port of this row.
    busy = servers.full()
    let_choose(topology, 40000, 40000)
    assert sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 500, name="TCP_USER_TIMEOUT") == 0
    assert sock.connect(busy.address) == ETIMEDOUT
    assert_port_is_free(with_port(busy.address, 40000), new_socket, servers)


@clause("connect.tcp.port-released", case="held")
@variants(families=INTERNET)
def test_port_is_held(sock: Socket, new_socket: SocketMaker, server: Server, topology: Topology) -> None:
    """While the connection lasts, and while only the peer has closed it, nobody else gets the port."""
    let_choose(topology, 40000, 40000)
    assert sock.connect(server.address) == 0
    here, late = with_port(server.address, 40000), new_socket("late")
    assert sock.getsockname() == here
    assert late.bind(here) == EADDRINUSE
    assert server.accepted().close() == 0
    assert sock.recv() == b""
    assert late.bind(here) == EADDRINUSE
    assert_none_left(late, server)

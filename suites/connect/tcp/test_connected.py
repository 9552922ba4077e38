"""Sockets of connection mode that connect, and that are connected already."""

from errno import EISCONN

from fixtures import (
    ALL,
    BOTH,
    CALLS,
    INTERNET,
    Server,
    Servers,
    Socket,
    Unix,
    Variant,
    address_of_host,
    assert_connected,
    assert_no_connection,
    assert_talk,
    clause,
    open_pair,
    topology,
    variants,
)
from netns import Topology


@clause("connect.tcp.success.blocking")
@variants(families=INTERNET, entries=ALL)
def test_blocking_connect_over_loopback(sock: Socket, server: Server) -> None:
    """The call comes back when the connection is established, on both sides."""
    assert sock.connect(server.address) == 0
    assert sock.tcp_state() == "ESTABLISHED"
    assert_connected(sock, server)


@clause("connect.tcp.success.routed")
@topology("pair")
@variants(families=INTERNET, modes=BOTH, entries=ALL)
@variants(families=["mapped"])
def test_connect_across_a_link(sock: Socket, server: Server, topology: Topology, variant: Variant) -> None:
    """The same to another host; the local address is the one of the link."""
    assert sock.connect_and_wait(server.address) == 0
    assert sock.tcp_state() == "ESTABLISHED"
    assert sock.getsockname().value.host == address_of_host(topology.client, variant.family).host
    assert_connected(sock, server)


@clause("connect.tcp.success.routed", case="router")
@topology("routed")
@variants(families=INTERNET, modes=BOTH, entries=ALL)
def test_connect_through_a_router(sock: Socket, server: Server, topology: Topology, variant: Variant) -> None:
    """The same to a host behind a router."""
    assert sock.connect_and_wait(server.address) == 0
    assert sock.getsockname().value.host == address_of_host(topology.client, variant.family).host
    assert_connected(sock, server)


@clause("connect.unix.{type}.success")
@variants(families=["unix"], types=["stream", "seqpacket"], modes=BOTH, entries=ALL)
def test_unix_connect(sock: Socket, server: Server) -> None:
    """UNIX sockets connect at once and before accept, in both modes; what is sent meanwhile arrives."""
    assert sock.connect(server.address) == 0
    assert sock.send(b"early") == 0
    assert server.accepted().recv() == b"early"
    assert sock.getpeername() == server.address


@clause("connect.EISCONN.tcp", case="again")
@variants(families=INTERNET, modes=BOTH, entries=CALLS)
def test_connect_again(sock: Socket, server: Server) -> None:
    """A connected socket that connects again, to the same address, is told that it is connected."""
    assert sock.connect_and_wait(server.address) == 0
    assert sock.connect(server.address) == EISCONN
    assert sock.connect(server.address) == EISCONN
    assert_connected(sock, server)
    assert_no_connection(server)


@clause("connect.EISCONN.unix.{type}", case="again")
@variants(families=["unix"], types=["stream", "seqpacket"], modes=BOTH, entries=ALL)
def test_unix_connect_again(sock: Socket, server: Server) -> None:
    """So is a UNIX socket."""
    assert sock.connect(server.address) == 0
    assert sock.connect(server.address) == EISCONN
    assert sock.connect(server.address) == EISCONN
    assert_connected(sock, server)
    assert_no_connection(server)


@clause("connect.async.first-connect-after-success")
@variants(families=INTERNET, modes=["nonblocking"], entries=CALLS)
@variants(families=["mapped"], modes=["nonblocking"])
def test_connect_after_completion(sock: Socket, server: Server) -> None:
    """After a completion in the background the next connect returns 0 once, and EISCONN from then on."""
    assert sock.connect_and_wait(server.address) == 0
    assert sock.connect(server.address) == 0
    assert sock.connect(server.address) == EISCONN
    assert sock.connect(server.address) == EISCONN
    assert_connected(sock, server)
    assert_no_connection(server)


@clause("connect.EISCONN.tcp", case="elsewhere")
@variants(families=INTERNET, entries=ALL)
def test_connect_elsewhere(sock: Socket, server: Server, servers: Servers) -> None:
    """A connected socket cannot connect to another address, and the other never hears of it."""
    other = servers.make("other")
    _ = other.address
    assert sock.connect(server.address) == 0
    assert sock.connect(other.address) == EISCONN
    assert sock.connect(servers.closed()) == EISCONN
    assert_connected(sock, server)
    assert_no_connection(other)


@clause("connect.EISCONN.unix.{type}", case="elsewhere")
@variants(families=["unix"], types=["stream", "seqpacket"], modes=BOTH, entries=ALL)
def test_unix_connect_elsewhere(sock: Socket, server: Server, servers: Servers) -> None:
    """Nor can a UNIX socket."""
    other = servers.make("other")
    _ = other.address
    assert sock.connect(server.address) == 0
    assert sock.connect(other.address) == EISCONN
    assert_connected(sock, server)
    assert_no_connection(other)


@clause("connect.EISCONN.tcp.accepted")
@variants(families=INTERNET, entries=ALL)
def test_connect_an_accepted_socket(sock: Socket, server: Server, servers: Servers) -> None:
    """A socket from accept is connected: to its own peer, and to anybody else."""
    other = servers.make("other")
    assert sock.connect(server.address) == 0
    accepted, here = server.accepted(), sock.getsockname().value
    assert accepted.connect(here) == EISCONN
    assert accepted.connect(other.address) == EISCONN
    assert accepted.getpeername() == here
    assert accepted.getsockname() == server.address
    assert_talk(sock, accepted)
    assert_no_connection(other)


@clause("connect.EISCONN.unix.{type}", case="accepted")
@variants(families=["unix"], types=["stream", "seqpacket"], entries=ALL)
def test_unix_connect_an_accepted_socket(sock: Socket, server: Server, servers: Servers) -> None:
    """So is a UNIX socket from accept."""
    other = servers.make("other")
    assert sock.connect(server.address) == 0
    accepted = server.accepted()
    assert accepted.connect(other.address) == EISCONN
    assert accepted.connect(server.address) == EISCONN
    assert accepted.getpeername() == sock.getsockname().value
    assert_talk(sock, accepted)
    assert_no_connection(other)


@clause("connect.EISCONN.unix.{type}", case="socketpair")
@variants(families=["unix"], types=["stream", "seqpacket"], entries=ALL)
def test_unix_connect_an_end_of_a_pair(sock: Socket, server: Server, variant: Variant) -> None:
    """So is an end of a socket pair."""
    one, other = open_pair(sock.calls, variant.type)
    assert one.connect(server.address) == EISCONN
    assert other.connect(server.address) == EISCONN
    assert one.getpeername() == Unix()
    assert other.getpeername() == Unix()
    assert_talk(one, other)
    assert_no_connection(server)

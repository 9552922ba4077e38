"""UDP-Lite (RFC 3828) sockets: connect treats them as it treats UDP sockets, and the two keep apart."""

from errno import EAGAIN, ECONNREFUSED, EDESTADDRREQ, ENOTCONN

from fixtures import (
    ALL,
    DEADLINE,
    INTERNET,
    POLLERR,
    POLLOUT,
    Address,
    Server,
    Servers,
    Socket,
    Variant,
    assert_arrives,
    assert_associates,
    assert_not_connected,
    assert_peer,
    assert_receives_from,
    assert_receives_only,
    assert_usable,
    clause,
    port_of,
    variants,
)
from suites.connect.names import UNSPEC, null


def assert_no_peer_and_no_name(sock: Socket, variant: Variant) -> None:
    """The socket has no peer, and the null address with port 0 for a name."""
    assert_not_connected(sock)
    assert sock.getsockname() == null(variant)


def assert_unassociated(sock: Socket, name: Address, stranger: Server) -> None:
    """The socket cannot send without an address, and receives what a stranger sends to its name."""
    assert sock.send(b"to whom?") == EDESTADDRREQ
    assert_receives_from(sock, name, stranger)


@clause("connect.udplite")
@variants(families=["inet"], types=["udplite"], entries=ALL)
@variants(families=["inet6"], types=["udplite"], modes=["nonblocking"])
def test_peer(sock: Socket, server: Server, servers: Servers) -> None:
    """Datagrams go to the peer, from the name that connect chose, and the socket receives from its peer alone."""
    neighbour = servers.make("neighbour")
    namesake = servers.make("namesake", second_address=True, port=port_of(server.address))
    assert_associates(sock, server.address)
    name = sock.getsockname().value
    assert_arrives(sock, server.socket, name)
    for stranger in (neighbour, namesake):
        assert stranger.socket.send(b"stranger", to=name) == 0
    assert server.socket.send(b"peer", to=name) == 0
    assert_receives_only(sock, b"peer")
    assert server.socket.getpeername() == ENOTCONN


@clause("connect.udplite", case="reconnect")
@variants(families=INTERNET, types=["udplite"])
def test_reconnect(sock: Socket, server: Server, servers: Servers) -> None:
    """The last peer counts, the former one is not heard, and the name stays."""
    other = servers.make("other")
    assert sock.connect(server.address) == 0
    name = sock.getsockname().value
    for peer, former in ((other, server), (server, other)):
        assert_usable(sock, peer)
        assert sock.getsockname() == name
        assert former.socket.send(b"too late", to=name) == 0
        assert peer.socket.send(b"welcome", to=name) == 0
        assert sock.recv() == b"welcome"
        assert sock.recv_now() == EAGAIN


@clause("connect.udplite", case="dissolved")
@variants(families=["inet"], types=["udplite"], entries=ALL)
@variants(families=["inet6"], types=["udplite"], modes=["nonblocking"])
def test_dissolved(sock: Socket, server: Server, servers: Servers, variant: Variant) -> None:
    """After AF_UNSPEC there is no peer and no name; a bound name stays, and the socket receives from anybody."""
    name = servers.free_address("name")
    assert_associates(sock, server.address)
    assert sock.connect(UNSPEC) == 0
    assert_no_peer_and_no_name(sock, variant)
    assert sock.bind(name) == 0
    assert_associates(sock, server.address)
    assert sock.connect(UNSPEC) == 0
    assert sock.getsockname() == name
    assert_unassociated(sock, name, servers.make("neighbour"))
    assert_usable(sock, server)


@clause("connect.udplite", case="refused")
@variants(families=INTERNET, types=["udplite"])
def test_refusal(sock: Socket, server: Server, servers: Servers) -> None:
    """The refusal of an earlier datagram is told once, and the peer stays."""
    assert sock.connect(servers.closed()) == 0
    assert sock.poll() == {POLLOUT}
    assert sock.send(b"anybody?") == 0
    assert sock.poll(DEADLINE, ask=()) == {POLLERR}
    assert sock.recv_now() == ECONNREFUSED
    assert sock.recv_now() == EAGAIN
    assert_peer(sock, servers.closed())
    assert_usable(sock, server)


@clause("connect.udplite", case="not-udp")
@variants(families=INTERNET, types=["udplite"])
def test_udp_beside_it(sock: Socket, server: Server, servers: Servers) -> None:
    """A UDP socket of the same name as the peer is a stranger: no datagram passes, in either direction."""
    twin = servers.make("twin", kind="dgram", port=port_of(server.address))
    assert twin.address == server.address
    assert sock.connect(server.address) == 0
    name = sock.getsockname().value
    assert_arrives(sock, server.socket, name)
    assert twin.socket.recv_now() == EAGAIN
    assert twin.socket.send(b"stranger", to=name) == 0
    assert server.socket.send(b"peer", to=name) == 0
    assert_receives_only(sock, b"peer")

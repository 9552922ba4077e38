"""UDP-Lite (RFC 3828) sockets: connect treats them as it treats UDP sockets, and the two keep apart."""

from errno import EAGAIN, ECONNREFUSED, EDESTADDRREQ, ENOTCONN

from fixtures import (
    ALL,
    DEADLINE,
    FAMILIES,
    INTERNET,
    POLLERR,
    POLLOUT,
    Server,
    Servers,
    Socket,
    Variant,
    assert_not_connected,
    assert_peer,
    assert_usable,
    clause,
    internet,
    port_of,
    variants,
)
from suites.connect.names import NULL, UNSPEC


@clause("connect.udplite")
@variants(families=["inet"], types=["udplite"], entries=ALL)
@variants(families=["inet6"], types=["udplite"], modes=["nonblocking"])
def test_peer(sock: Socket, server: Server, servers: Servers) -> None:
    """Datagrams go to the peer, from the name that connect chose, and only the peer is heard."""
    neighbour = servers.make("neighbour")
    namesake = servers.make("namesake", second_address=True, port=port_of(server.address))
    assert sock.connect(server.address) == 0
    assert_peer(sock, server.address)
    name = sock.getsockname().value
    assert sock.send(b"hello") == 0
    assert server.socket.recv_from() == (b"hello", name)
    for stranger in (neighbour, namesake):
        assert stranger.socket.send(b"stranger", to=name) == 0
    assert server.socket.send(b"peer", to=name) == 0
    assert sock.recv() == b"peer"
    assert sock.recv_now() == EAGAIN
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
    """After AF_UNSPEC there is no peer and no name; a bound one stays, and others are heard."""
    name = servers.free_address("name")
    assert sock.connect(server.address) == 0
    assert_peer(sock, server.address)
    assert sock.connect(UNSPEC) == 0
    assert_not_connected(sock)
    assert sock.getsockname() == internet(FAMILIES[variant.family], NULL[variant.family])
    assert sock.bind(name) == 0
    assert sock.connect(server.address) == 0
    assert_peer(sock, server.address)
    assert sock.connect(UNSPEC) == 0
    assert sock.getsockname() == name
    assert sock.send(b"to whom?") == EDESTADDRREQ
    assert servers.make("neighbour").socket.send(b"anybody", to=name) == 0
    assert sock.recv() == b"anybody"
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
    """A UDP socket of the same name as the peer is a stranger: it gets nothing, and is not heard."""
    twin = servers.make("twin", kind="dgram", port=port_of(server.address))
    assert twin.address == server.address
    assert sock.connect(server.address) == 0
    name = sock.getsockname().value
    assert sock.send(b"hello") == 0
    assert server.socket.recv_from() == (b"hello", name)
    assert twin.socket.recv_now() == EAGAIN
    assert twin.socket.send(b"stranger", to=name) == 0
    assert server.socket.send(b"peer", to=name) == 0
    assert sock.recv() == b"peer"
    assert sock.recv_now() == EAGAIN

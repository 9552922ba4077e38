"""Datagram sockets: what connect makes of the peer, whom the socket hears, and how often and how the peer changes."""

from errno import EAFNOSUPPORT, EAGAIN, ECONNREFUSED, ENETUNREACH, ENOTCONN, EPERM

from fixtures import (
    ALL,
    BOTH,
    FAMILIES,
    INTERNET,
    Address,
    Bytes,
    Server,
    Servers,
    Socket,
    Unix,
    Variant,
    assert_peer,
    assert_receives_only,
    cases,
    clause,
    internet,
    needs,
    port_of,
    variants,
    waits,
)
from netns import Topology
from suites.connect.names import NULL

PATIENCE = 1.0  # Seconds to wait for a datagram of which the page says that it comes, and Linux that it does not.
UNKNOWN_FAMILY = Bytes(b"\x4d\x4d".ljust(28, b"\0"))
IP_HEADER = {"inet": 20, "inet6": 0}  # Bytes in front of what a raw socket receives: raw(7), and nothing for IPv6.


@clause("connect.udp.default-destination")
@variants(families=INTERNET, types=["dgram"], modes=BOTH, entries=ALL)
def test_default_destination(sock: Socket, server: Server, servers: Servers) -> None:
    """Datagrams without an address go to the peer and to nobody else; the socket has a name of its own."""
    other = servers.make("other")
    _ = other.address
    assert sock.connect(server.address) == 0
    assert_peer(sock, server.address)
    assert sock.getsockname().value.port != 0
    assert sock.send(b"one") == 0
    assert sock.send(b"two") == 0
    assert server.socket.recv() == b"one"
    assert server.socket.recv() == b"two"
    assert other.socket.recv_now() == EAGAIN


@clause("connect.udp.receive-filter")
@variants(families=INTERNET, types=["dgram"], modes=BOTH, entries=ALL)
@variants(families=["mapped"], types=["dgram"])
def test_receive_filter(sock: Socket, server: Server, servers: Servers) -> None:
    """Nobody but the peer is heard: neither another port of its host, nor the same port of another address."""
    neighbour = servers.make("neighbour")
    namesake = servers.make("namesake", second_address=True, port=port_of(server.address))
    assert sock.connect(server.address) == 0
    name = sock.getsockname().value
    for stranger in (neighbour, namesake):
        assert stranger.address != server.address
        assert stranger.socket.send(b"stranger", to=name) == 0
    assert server.socket.send(b"peer", to=name) == 0
    assert sock.recv() == b"peer"
    assert sock.recv_now() == EAGAIN


@clause("connect.udp.receive-filter", case="before")
@variants(families=INTERNET, types=["dgram"], entries=ALL)
def test_no_filter_without_a_peer(sock: Socket, server: Server, servers: Servers) -> None:
    """The neighbouring case: before it connects the socket hears everybody."""
    name = servers.free_address()
    assert sock.bind(name) == 0
    assert servers.make("stranger").socket.send(b"stranger", to=name) == 0
    assert sock.recv() == b"stranger"
    assert sock.connect(server.address) == 0
    assert_peer(sock, server.address)
    assert server.socket.send(b"peer", to=name) == 0
    assert sock.recv() == b"peer"


@clause("connect.raw.receive-filter")
@variants(families=INTERNET, types=["raw"], modes=BOTH, entries=ALL)
def test_raw_receive_filter(sock: Socket, server: Server, servers: Servers, variant: Variant) -> None:
    """A connected raw socket hears only its peer's address."""
    peer, here = servers.make("peer", second_address=True), server.address
    assert sock.bind(here) == 0
    assert sock.connect(peer.address) == 0
    assert server.socket.send(b"from elsewhere", to=here) == 0
    assert peer.socket.send(b"from the peer", to=here) == 0
    assert sock.recv(skip=IP_HEADER[variant.family]) == b"from the peer"
    assert sock.recv_now() == EAGAIN


def assert_changed_over(sock: Socket, name: Address, peer: Server, former: Server) -> None:
    """The socket sends to its new peer and receives from it, under its old name; its former peer is cut off."""
    assert_peer(sock, peer.address)
    assert sock.getsockname() == name
    assert sock.send(b"hello") == 0
    assert peer.socket.recv() == b"hello"
    assert former.socket.recv_now() == EAGAIN
    assert former.socket.send(b"too late", to=name) == 0
    assert peer.socket.send(b"welcome", to=name) == 0
    assert_receives_only(sock, b"welcome")


@clause("connect.udp.reconnect")
@variants(families=INTERNET, types=["dgram"], modes=BOTH, entries=ALL)
@variants(families=["mapped"], types=["dgram"])
def test_reconnect(sock: Socket, server: Server, servers: Servers) -> None:
    """The association can be changed as often as one likes: the last peer counts, and the port stays."""
    other = servers.make("other")
    assert sock.connect(server.address) == 0
    name = sock.getsockname().value
    for peer, former in ((other, server), (other, server), (server, other)):
        assert sock.connect(peer.address) == 0
        assert_changed_over(sock, name, peer, former)


def null_address(variant: Variant) -> Bytes:
    """All zeros within the variant's own family."""
    return Bytes(internet(FAMILIES[variant.family], NULL[variant.family]).pack())


@clause("connect.null-address.udp")
@waits(PATIENCE)
@variants(families=INTERNET, types=["dgram"], entries=ALL)
def test_null_address_dissolves(sock: Socket, server: Server, servers: Servers, variant: Variant) -> None:
    """After connecting to the null address the socket has no peer and hears everybody again."""
    stranger = servers.make("stranger", second_address=True)
    assert sock.bind(servers.free_address()) == 0
    assert sock.connect(server.address) == 0
    assert_peer(sock, server.address)
    assert sock.connect(null_address(variant)) == 0
    assert sock.getpeername() == ENOTCONN
    assert stranger.socket.send(b"anybody", to=sock.getsockname().value) == 0
    assert sock.recv(PATIENCE) == b"anybody"


@clause("connect.null-address.udp.loopback")
@variants(families=INTERNET, types=["dgram"], modes=BOTH, entries=ALL)
def test_null_address_is_loopback(
    sock: Socket, server: Server, servers: Servers, variant: Variant, topology: Topology
) -> None:
    """Linux takes the null address for loopback with port 0: any port of it is heard, no other address is."""
    neighbour, stranger = servers.make("neighbour"), servers.make("stranger", second_address=True)
    assert sock.connect(server.address) == 0
    assert_peer(sock, server.address)
    assert sock.connect(null_address(variant)) == 0
    assert sock.getpeername() == ENOTCONN
    name = sock.getsockname().value
    assert name.host == topology.client.address(FAMILIES[variant.family])
    assert stranger.socket.send(b"stranger", to=name) == 0
    assert neighbour.socket.send(b"neighbour", to=name) == 0
    assert_receives_only(sock, b"neighbour")


@clause("connect.null-address.unix.dgram")
@needs("abstract-names")
@variants(families=["unix"], types=["dgram"], entries=ALL)
def test_null_address_dissolves_unix(sock: Socket, server: Server) -> None:
    """After connecting to the null address a UNIX socket has no peer."""
    assert sock.connect(server.address) == 0
    assert sock.connect(Unix(bytes(14))) == 0
    assert sock.getpeername() == ENOTCONN


@clause("connect.null-address.unix.dgram.kept")
@needs("abstract-names")
@variants(families=["unix"], types=["dgram"], modes=BOTH, entries=ALL)
def test_zeros_are_an_abstract_name(sock: Socket, server: Server) -> None:
    """Linux takes zeros for an abstract name that nobody has; the association stays in force."""
    assert sock.connect(server.address) == 0
    assert sock.connect(Unix(bytes(14))) == ECONNREFUSED
    assert_peer(sock, server.address)
    assert sock.send(b"still here") == 0
    assert server.socket.recv() == b"still here"


@clause("connect.invalid-address.dgram")
@variants(families=[*INTERNET, "unix"], types=["dgram"], entries=ALL)
def test_invalid_address_dissolves(sock: Socket, server: Server) -> None:
    """After connecting to an invalid address the socket has no peer."""
    assert sock.connect(server.address) == 0
    sock.connect(UNKNOWN_FAMILY)
    assert sock.getpeername() == ENOTCONN


@clause("connect.invalid-address.dgram.kept")
@cases({"family": EAFNOSUPPORT, "route": ENETUNREACH})
@variants(families=INTERNET, types=["dgram"], modes=BOTH, entries=ALL)
@variants(families=["mapped"], types=["dgram"], lines=["route"])
def test_invalid_address_keeps(sock: Socket, server: Server, variant: Variant, case: int) -> None:
    """Linux refuses an address of an unknown family or without a route, and keeps the association."""
    nowhere = {"inet": "192.0.2.1", "inet6": "2001:db8:ffff::1", "mapped": "192.0.2.1"}[variant.family]
    targets = {EAFNOSUPPORT: UNKNOWN_FAMILY, ENETUNREACH: internet(FAMILIES[variant.family], nowhere, 7001)}
    assert sock.connect(server.address) == 0
    assert sock.connect(targets[case]) == case
    assert_peer(sock, server.address)
    assert sock.send(b"still here") == 0
    assert server.socket.recv() == b"still here"


@clause("connect.unix.dgram.peer")
@variants(families=["unix"], types=["dgram"], modes=BOTH, entries=ALL)
def test_unix_peer(sock: Socket, server: Server, servers: Servers) -> None:
    """Datagrams without an address go to the peer and to nobody else."""
    other = servers.make("other")
    _ = other.address
    assert sock.connect(server.address) == 0
    assert_peer(sock, server.address)
    assert sock.send(b"one") == 0
    assert server.socket.recv() == b"one"
    assert other.socket.recv_now() == EAGAIN
    assert server.socket.getpeername() == ENOTCONN


@clause("connect.unix.dgram.reconnect")
@variants(families=["unix"], types=["dgram"], modes=BOTH, entries=ALL)
def test_unix_reconnect(sock: Socket, server: Server, servers: Servers) -> None:
    """The association can be changed as often as one likes: the last peer counts."""
    other = servers.make("other")
    assert sock.connect(server.address) == 0
    assert_peer(sock, server.address)
    for peer, former in ((other, server), (other, server), (server, other)):
        assert sock.connect(peer.address) == 0
        assert_peer(sock, peer.address)
        assert sock.send(b"hello") == 0
        assert peer.socket.recv() == b"hello"
        assert former.socket.recv_now() == EAGAIN


@clause("connect.unix.dgram.receive-filter")
@variants(families=["unix"], types=["dgram"], modes=BOTH, entries=ALL)
def test_unix_receive_filter(sock: Socket, server: Server, servers: Servers) -> None:
    """Nobody but the peer may send to a connected UNIX socket; whoever tries is told."""
    name, stranger = servers.free_address("name"), servers.make("stranger")
    assert sock.bind(name) == 0
    assert stranger.socket.send(b"before", to=name) == 0
    assert sock.recv() == b"before"
    assert sock.connect(server.address) == 0
    assert stranger.socket.send(b"stranger", to=name) == EPERM
    assert stranger.socket.connect(name) == EPERM
    assert server.socket.send(b"peer", to=name) == 0
    assert sock.recv() == b"peer"
    assert sock.recv_now() == EAGAIN

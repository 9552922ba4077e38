"""What a datagram socket and its peer are called, and who notices: the names that connect gives and keeps."""

from errno import EAGAIN, EINVAL, ENOTCONN

from fixtures import (
    ALL,
    BOTH,
    FAMILIES,
    INTERNET,
    POLLOUT,
    Address,
    Peer,
    Server,
    Servers,
    Socket,
    Variant,
    assert_arrives,
    assert_associates,
    assert_peer,
    assert_receives_only,
    assert_usable,
    cases,
    clause,
    internet,
    port_of,
    topology,
    variants,
    with_port,
)
from netns import Topology
from suites.connect.names import NULL, UNSPEC, loopback, null

MORE = {"inet": ("203.0.113.9", 32), "inet6": ("2001:db8:1f::9", 128)}


def add_address(variant: Variant, topology: Topology, port: int) -> Address:
    """Give the client a further address, from which it sends to that same address; it comes with a port."""
    host, prefix = MORE[variant.family]
    topology.client.add_address("lo", host, prefix)
    return internet(FAMILIES[variant.family], host, port)


@clause("connect.udp.connect-returns-immediately")
@variants(families=INTERNET, types=["dgram"], modes=BOTH, entries=ALL)
def test_nobody_there(sock: Socket, server: Server, servers: Servers) -> None:
    """A peer is recorded although nobody listens there, again and again, and no error comes of it."""
    for _ in range(3):
        assert sock.connect(servers.closed()) == 0
        assert sock.poll() == {POLLOUT}
        assert_peer(sock, servers.closed())
    assert_usable(sock, server)


@clause("connect.udp.connect-returns-immediately", case="silent")
@topology("scripted")
@variants(families=INTERNET, types=["dgram"])
@variants(families=["mapped"], types=["dgram"])
def test_nothing_is_sent(sock: Socket, peer: Peer) -> None:
    """Neither an association nor its end sends a packet; the first that the peer hears is the datagram."""
    for there in (peer.other_address, peer.address):
        assert sock.connect(there) == 0
        assert_peer(sock, there)
    assert sock.connect(UNSPEC) == 0
    assert sock.getpeername() == ENOTCONN
    assert sock.connect(peer.address) == 0
    assert peer.has_heard_nothing_more() == []
    assert sock.send(b"first") == 0
    assert peer.hears().payload == b"first"


@clause("connect.udp.peer-unaware")
@variants(families=["inet"], types=["dgram"], entries=ALL)
@variants(families=["inet6"], types=["dgram"], modes=["nonblocking"])
def test_peer_is_unaware(sock: Socket, server: Server, servers: Servers) -> None:
    """The peer has no peer, gets nothing, keeps its name, and hears others."""
    assert sock.connect(server.address) == 0
    assert_peer(sock, server.address)
    assert server.socket.recv_now() == EAGAIN
    assert server.socket.getpeername() == ENOTCONN
    assert server.socket.getsockname() == server.address
    assert server.socket.so_error() == 0
    assert servers.make("stranger").socket.send(b"stranger", to=server.address) == 0
    assert server.socket.recv() == b"stranger"


@clause("connect.udp.sendto-other")
@variants(families=["inet"], types=["dgram"], entries=ALL)
@variants(families=["inet6"], types=["dgram"], modes=["nonblocking"])
@variants(families=["mapped"], types=["dgram"])
def test_send_to_another(sock: Socket, server: Server, servers: Servers) -> None:
    """A datagram with an address goes there and changes nothing: the peer stays, and the other is not heard."""
    other = servers.make("other", second_address=True)
    assert sock.connect(server.address) == 0
    name = sock.getsockname().value
    assert sock.send(b"elsewhere", to=other.address) == 0
    assert other.socket.recv_from() == (b"elsewhere", name)
    assert_peer(sock, server.address)
    assert other.socket.send(b"unheard", to=name) == 0
    assert_arrives(sock, server.socket, name, b"here")
    assert sock.recv_now() == EAGAIN
    assert other.socket.recv_now() == EAGAIN


@clause("connect.udp.local-name")
@variants(families=INTERNET, types=["dgram"], modes=BOTH, entries=ALL)
@variants(families=["mapped"], types=["dgram"])
def test_local_name(sock: Socket, server: Server, variant: Variant, topology: Topology) -> None:
    """An unbound socket gets an address and a port of the range, and the peer sees it come from there."""
    low, high = map(int, topology.client.namespace.sysctl("net.ipv4.ip_local_port_range").split())
    assert sock.connect(server.address) == 0
    name = sock.getsockname().value
    assert name == loopback(variant, port_of(name))
    assert low <= port_of(name) <= high
    assert sock.send(b"hello") == 0
    assert server.socket.recv_from() == (b"hello", name)


@clause("connect.udp.local-name", case="bound")
@cases({"port": False, "address": True})
@variants(families=INTERNET, types=["dgram"])
@variants(families=["mapped"], types=["dgram"], lines=["address"])
def test_bound_name(sock: Socket, servers: Servers, variant: Variant, case: bool) -> None:
    """Of a bound name what is not the null address is kept, though another address would lie nearer."""
    server, name = servers.make(), servers.make("name", second_address=True).address
    local = with_port(name, 5555) if case else null(variant, 5555)
    assert sock.bind(local) == 0
    assert sock.connect(server.address) == 0
    expected = local if case else loopback(variant, 5555)
    assert sock.getsockname() == expected
    assert sock.send(b"hello") == 0
    assert server.socket.recv_from() == (b"hello", expected)


@clause("connect.udp.local-name", case="nearest")
@variants(families=INTERNET, types=["dgram"])
def test_local_name_of_a_route(sock: Socket, servers: Servers, variant: Variant, topology: Topology) -> None:
    """The address is the one that the route to the peer wants, and no fixed one."""
    server = servers.at(add_address(variant, topology, 7005))
    assert sock.connect(server.address) == 0
    name = sock.getsockname().value
    assert with_port(name, 7005) == server.address
    assert sock.send(b"hello") == 0
    assert server.socket.recv_from() == (b"hello", name)


@clause("connect.udp.local-name.any")
@variants(families=INTERNET, types=["dgram"])
def test_local_name_as_ip_7_has_it(sock: Socket, server: Server, variant: Variant) -> None:
    """An unbound socket gets the null address."""
    assert sock.connect(server.address) == 0
    assert sock.getsockname().value.host == NULL[variant.family]


def assert_has_address_of(sock: Socket, server: Server) -> Address:
    """The socket's own address is that of the server, which is on the same host; returns the socket's name."""
    name: Address = sock.getsockname().value
    assert with_port(name, port_of(server.address)) == server.address
    return name


@clause("connect.udp.reconnect.address-kept")
@variants(families=INTERNET, types=["dgram"])
def test_address_of_the_first_connect(
    sock: Socket, server: Server, servers: Servers, variant: Variant, topology: Topology
) -> None:
    """A further connect keeps the address that the first one chose; after AF_UNSPEC it is chosen anew."""
    first = servers.at(add_address(variant, topology, 7005))
    assert sock.connect(first.address) == 0
    name = assert_has_address_of(sock, first)
    for _ in range(2):
        assert_associates(sock, server.address)
        assert sock.getsockname() == name
    assert_arrives(sock, server.socket, name)
    assert sock.connect(UNSPEC) == 0
    assert_associates(sock, server.address)
    assert_has_address_of(sock, server)


@clause("connect.udp.reconnect.from-loopback")
@topology("pair")
@variants(families=INTERNET, types=["dgram"])
def test_away_from_loopback_as_the_page_has_it(sock: Socket, server: Server, variant: Variant) -> None:
    """A socket whose first peer was on its own host is connected to one elsewhere."""
    assert sock.connect(loopback(variant, 9)) == 0
    assert_peer(sock, loopback(variant, 9))
    assert sock.connect(server.address) == 0
    assert_peer(sock, server.address)


@clause("connect.EINVAL.udp.from-loopback")
@topology("pair")
@variants(families=["inet"], types=["dgram"], modes=BOTH, entries=ALL)
@variants(families=["mapped"], types=["dgram"])
def test_away_from_loopback(sock: Socket, server: Server, variant: Variant) -> None:
    """Nothing leaves the host from 127.0.0.1, which stays the address; AF_UNSPEC in between makes it possible."""
    there = loopback(variant, 9)
    assert sock.connect(there) == 0
    name = sock.getsockname().value
    for _ in range(2):
        assert sock.connect(server.address) == EINVAL
        assert_peer(sock, there)
        assert sock.getsockname() == name
    assert sock.connect(UNSPEC) == 0
    assert_usable(sock, server)


@clause("connect.udp.self")
@variants(families=INTERNET, types=["dgram"], modes=BOTH)
def test_own_peer(sock: Socket, servers: Servers) -> None:
    """A socket may be its own peer, and then hears itself and nobody else."""
    name, stranger = servers.free_address("name"), servers.make("stranger")
    assert sock.bind(name) == 0
    assert sock.connect(name) == 0
    assert_peer(sock, name)
    assert sock.getsockname() == name
    assert stranger.socket.send(b"stranger", to=name) == 0
    assert sock.send(b"to myself") == 0
    assert sock.recv_from() == (b"to myself", name)
    assert sock.recv_now() == EAGAIN


@clause("connect.udp.any-address")
@variants(families=["inet"], types=["dgram"], entries=ALL)
@variants(families=["inet6"], types=["dgram"], modes=["nonblocking"])
def test_null_address_with_a_port(sock: Socket, server: Server, servers: Servers, variant: Variant) -> None:
    """It is loopback with that port: named, sent to and heard like any peer."""
    neighbour, stranger = servers.make("neighbour"), servers.make("stranger", second_address=True)
    assert sock.connect(null(variant, port_of(server.address))) == 0
    assert_peer(sock, server.address)
    name = sock.getsockname().value
    assert_arrives(sock, server.socket, name)
    for each in (neighbour, stranger):
        assert each.socket.send(b"stranger", to=name) == 0
    assert server.socket.send(b"peer", to=name) == 0
    assert_receives_only(sock, b"peer")


@clause("connect.udp{six}.any-address.bound")
@variants(families=INTERNET, types=["dgram"])
def test_null_address_of_a_bound_socket(sock: Socket, servers: Servers, variant: Variant) -> None:
    """IPv4 takes it for the address that the socket is bound to, IPv6 for loopback."""
    local = servers.make("second", second_address=True).address
    assert sock.bind(with_port(local, 5555)) == 0
    assert sock.connect(null(variant, 7777)) == 0
    peers = {"inet": with_port(local, 7777), "inet6": loopback(variant, 7777)}
    assert_peer(sock, peers[variant.family])
    assert sock.getsockname() == with_port(local, 5555)
    server = servers.at(peers[variant.family])
    _ = server.address
    assert sock.send(b"hello") == 0
    assert server.socket.recv_from() == (b"hello", with_port(local, 5555))

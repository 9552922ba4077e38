"""Whom a connected datagram socket hears: strangers near and far, early datagrams, sockets that share a port."""

import socket
from errno import EAGAIN, ENETUNREACH, ENOTCONN

from fixtures import (
    ALL,
    DEADLINE,
    FAMILIES,
    INTERNET,
    POLLIN,
    Address,
    Server,
    Servers,
    Socket,
    SocketMaker,
    Variant,
    assert_arrives,
    assert_associates,
    assert_peer,
    assert_receives_from,
    assert_receives_only,
    assert_usable,
    cases,
    clause,
    internet,
    port_of,
    topology,
    until,
    until_asleep,
    variants,
    with_port,
)
from netns import Topology
from suites.connect.devices import bind_to_device
from suites.connect.names import NULL, UNROUTED, UNSPEC, null

SHARING = {"SO_REUSEADDR": socket.SO_REUSEADDR, "SO_REUSEPORT": socket.SO_REUSEPORT}
# A peer, and strangers each of which differs from it in one byte or one bit.
PEER = {"inet": "127.0.0.5", "inet6": "2001:db8:1f::5"}
NEAR = {
    "inet": ["127.0.0.4", "127.0.1.5", "127.1.0.5"],
    "inet6": ["2001:db8:1f::4", "2001:db8:1f::1:5", "2001:db8:1f:1::5", "2001:db9:1f::5"],
}
# In the topology "pair".
SECOND = {"inet": ("192.0.2.3", 24), "inet6": ("2001:db8:1::3", 64), "mapped": ("192.0.2.3", 24)}
NEAR_PORTS = [7000, 7257, 40001]


def assert_only(sock: Socket, peer: Server, strangers: list[Server]) -> None:
    """Of them all only the peer is heard, before and after the strangers."""
    name = sock.getsockname().value
    assert peer.socket.send(b"first", to=name) == 0
    assert sock.recv() == b"first"
    for stranger in strangers:
        assert stranger.socket.send(b"stranger", to=name) == 0
    assert peer.socket.send(b"last", to=name) == 0
    assert sock.recv() == b"last"
    assert sock.recv_now() == EAGAIN


@clause("connect.udp.receive-filter", case="near")
@variants(families=INTERNET, types=["dgram"])
def test_near_strangers(sock: Socket, servers: Servers, variant: Variant, topology: Topology) -> None:
    """The whole address and the whole port of the peer count."""
    family = FAMILIES[variant.family]
    if family == socket.AF_INET6:
        for host in (PEER["inet6"], *NEAR["inet6"]):
            topology.client.add_address("lo", host, 128)
    there = internet(family, PEER[variant.family], 7001)
    near: list[Address] = [internet(family, host, 7001) for host in NEAR[variant.family]]
    near += [with_port(there, port) for port in NEAR_PORTS]
    peer, strangers = servers.at(there), [servers.at(each) for each in near]
    assert sock.connect(peer.address) == 0
    assert_only(sock, peer, strangers)


@clause("connect.udp.receive-filter", case="again")
@variants(families=INTERNET, types=["dgram"])
def test_strangers_of_every_association(sock: Socket, servers: Servers) -> None:
    """A second association, and one after AF_UNSPEC, keep strangers out like the first."""
    one, two, three = servers.make("one"), servers.make("two", second_address=True), servers.make("three")
    namesake = servers.make("namesake", second_address=True, port=port_of(one.address))
    for peer in (one, two, three):
        assert sock.connect(peer.address) == 0
        assert_only(sock, peer, [each for each in (one, two, three, namesake) if each is not peer])
    assert sock.connect(UNSPEC) == 0
    assert sock.getpeername() == ENOTCONN
    assert sock.connect(one.address) == 0
    assert_only(sock, one, [two, three, namesake])


def neighbours_of(server: Server, servers: Servers) -> tuple[Server, Server]:
    """Two more on the server's host: at its address with another port, and at another address with its port."""
    neighbour = servers.make("neighbour")
    return neighbour, servers.make("namesake", second_address=True, port=port_of(server.address))


@clause("connect.udp.receive-filter", case="link")
@topology("pair")
@variants(families=INTERNET, types=["dgram"])
@variants(families=["mapped"], types=["dgram"])
def test_strangers_over_a_link(
    sock: Socket, server: Server, servers: Servers, variant: Variant, topology: Topology
) -> None:
    """What comes over a link takes another way to its socket than what never left the host, and is filtered as well."""
    topology.server.add_address("to-client", *SECOND[variant.family])
    neighbour, namesake = neighbours_of(server, servers)
    everybody = [server, neighbour, namesake]
    for peer in (*everybody, server):
        assert sock.connect(peer.address) == 0
        assert_only(sock, peer, [each for each in everybody if each is not peer])
    name = sock.getsockname().value
    assert sock.connect(UNSPEC) == 0
    assert sock.bind(name) == 0
    assert_receives_from(sock, name, server, neighbour)


@clause("connect.invalid-address.dgram.kept", case="filter")
@variants(families=INTERNET, types=["dgram"])
def test_filter_after_a_failure(sock: Socket, server: Server, servers: Servers, variant: Variant) -> None:
    """After a connect that fails the peer is heard as before, and strangers are not."""
    unrouted = internet(FAMILIES[variant.family], UNROUTED[variant.family], 7009)
    assert sock.connect(server.address) == 0
    name = sock.getsockname().value
    assert sock.connect(unrouted) == ENETUNREACH
    assert sock.getpeername() == server.address
    assert sock.getsockname() == name
    assert_only(sock, server, [servers.make("neighbour"), servers.make("stranger", second_address=True)])


@clause("connect.udp.local-filter")
@variants(families=["inet"], types=["dgram"], entries=ALL)
@variants(families=["inet6"], types=["dgram"], modes=["nonblocking"])
@variants(families=["mapped"], types=["dgram"])
def test_local_address_is_a_filter_too(sock: Socket, server: Server, servers: Servers, variant: Variant) -> None:
    """A socket at the null address hears at all its host's addresses before, at one while it is connected."""
    here, there = servers.free_address(), with_port(servers.make("second", second_address=True).address, 5555)
    here = with_port(here, 5555)
    assert sock.bind(internet(FAMILIES[variant.family], NULL[variant.family], 5555)) == 0
    assert_hears_at(sock, server, here, there)
    assert sock.connect(server.address) == 0
    assert sock.getsockname() == here
    assert server.socket.send(b"beside it", to=there) == 0
    assert_hears_at(sock, server, here)
    assert sock.connect(UNSPEC) == 0
    assert_hears_at(sock, server, here, there)


def assert_hears_at(sock: Socket, sender: Server, *names: Address) -> None:
    """The socket gets what is sent to each of the names, and nothing else."""
    for number, name in enumerate(names):
        assert sender.socket.send(b"%d" % number, to=name) == 0
        assert sock.recv() == b"%d" % number
    assert sock.recv_now() == EAGAIN


@clause("connect.udp.filter-not-retroactive")
@variants(families=["inet"], types=["dgram"], entries=ALL)
@variants(families=["inet6"], types=["dgram"], modes=["nonblocking"])
def test_early_datagrams(sock: Socket, server: Server, servers: Servers) -> None:
    """What was queued before is read after; from then on only the peer is heard."""
    name, stranger = servers.free_address("name"), servers.make("stranger")
    assert sock.bind(name) == 0
    assert stranger.socket.send(b"early", to=name) == 0
    assert sock.poll(DEADLINE, ask=(POLLIN,)) == {POLLIN}
    assert sock.connect(server.address) == 0
    assert stranger.socket.send(b"late", to=name) == 0
    assert sock.recv() == b"early"
    assert server.socket.send(b"peer", to=name) == 0
    assert sock.recv() == b"peer"
    assert sock.recv_now() == EAGAIN


@clause("connect.udp.receive-filter.queued")
@variants(families=INTERNET, types=["dgram"])
def test_early_datagrams_as_the_page_has_it(sock: Socket, server: Server, servers: Servers) -> None:
    """After the connect nobody but the peer is heard, however early a datagram came."""
    name, stranger = servers.free_address("name"), servers.make("stranger")
    assert sock.bind(name) == 0
    assert stranger.socket.send(b"early", to=name) == 0
    assert sock.poll(DEADLINE, ask=(POLLIN,)) == {POLLIN}
    assert sock.connect(server.address) == 0
    assert sock.recv_now() == EAGAIN


@clause("connect.udp.receive-filter", case="waiter")
@variants(families=INTERNET, types=["dgram"])
def test_waiter(sock: Socket, server: Server, servers: Servers) -> None:
    """A thread that waits for a datagram sleeps on when a stranger sends, and wakes for the new peer."""
    name, former = servers.free_address("name"), servers.make("former")
    assert sock.bind(name) == 0
    assert_associates(sock, former.address)
    waiting = sock.start_recv()
    until_asleep(waiting.native_id)
    assert sock.connect(server.address) == 0
    assert former.socket.send(b"too late", to=name) == 0
    assert server.socket.send(b"peer", to=name) == 0
    assert waiting.result() == b"peer"
    assert sock.recv_now() == EAGAIN


def share(sockets: list[Socket], option: str, name: Address) -> None:
    """Bind all to one name, which the option allows."""
    for each in sockets:
        assert each.setsockopt(socket.SOL_SOCKET, SHARING[option], 1, name=option) == 0
        assert each.bind(name) == 0


def ready(sock: Socket) -> bool:
    """Tell whether there is something to read."""
    return POLLIN in sock.poll(0, ask=(POLLIN,)).value


def assert_one_receives(one: Socket, other: Socket, data: bytes) -> tuple[Socket, Socket]:
    """One of the two sockets receives the data, the other does not; returns the receiver first."""
    with one.calls.aside():
        until(lambda: ready(one) or ready(other), "one of the two has the datagram")
    receiver, rest = (one, other) if ready(one) else (other, one)
    assert receiver.recv_now() == data
    assert rest.recv_now() == EAGAIN
    return receiver, rest


@clause("connect.udp.reuseaddr-same-tuple")
@cases({name: name for name in SHARING})
@variants(families=["inet"], types=["dgram"], entries=ALL, lines=["SO_REUSEADDR"])
@variants(families=["inet6"], types=["dgram"], modes=["nonblocking"], lines=["SO_REUSEADDR"])
@variants(families=INTERNET, types=["dgram"], lines=["SO_REUSEPORT"])
def test_same_tuple(sock: Socket, new_socket: SocketMaker, server: Server, servers: Servers, case: str) -> None:
    """Two sockets have the same names; one gets each datagram, and the other does when that one is gone."""
    name, other = servers.free_address("name"), new_socket("other")
    share([sock, other], case, name)
    for each in (sock, other):
        assert_associates(each, server.address)
        assert_arrives(each, server.socket, name)
    assert server.socket.send(b"for one", to=name) == 0
    receiver, rest = assert_one_receives(sock, other, b"for one")
    assert receiver.close() == 0
    assert server.socket.send(b"for the other", to=name) == 0
    assert rest.recv() == b"for the other"


def assert_nothing_to_receive(*sockets: Socket) -> None:
    """No datagram is queued at any of the sockets."""
    for each in sockets:
        assert each.recv_now() == EAGAIN


@clause("connect.udp.connected-first")
@cases({f"{name}-{place}": (name, place) for name in SHARING for place in ("before", "behind")})
@variants(families=INTERNET, types=["dgram"])
@variants(families=["mapped"], types=["dgram"], lines=["SO_REUSEADDR-before"])
def test_connected_comes_first(
    sock: Socket, new_socket: SocketMaker, server: Server, servers: Servers, case: tuple[str, str]
) -> None:
    """Of two sockets that share a port the connected one gets what its peer sends, and none of what others send."""
    option, place = case
    name, idle = servers.free_address("name"), new_socket("idle")
    share([idle, sock] if place == "before" else [sock, idle], option, name)
    assert sock.connect(server.address) == 0
    for stranger in [servers.make(f"stranger{number}") for number in range(6)]:
        assert server.socket.send(b"peer", to=name) == 0
        assert sock.recv() == b"peer"
        assert stranger.socket.send(b"stranger", to=name) == 0
        assert idle.recv() == b"stranger"
    assert_nothing_to_receive(sock, idle)


def send_own_ports(peers: list[Server], name: Address) -> None:
    """Let each peer send its own port to the name."""
    for peer in peers:
        assert peer.socket.send(b"%d" % port_of(peer.address), to=name) == 0


def assert_own_port_received(sock: Socket, peer: Server) -> None:
    """The socket has the peer, and received the peer's port and nothing else."""
    assert sock.getpeername() == peer.address
    assert_receives_only(sock, b"%d" % port_of(peer.address))


@clause("connect.udp.connected-first", case="several")
@cases({"named": False, "null": True})
@variants(families=INTERNET, types=["dgram"])
def test_each_has_its_own_peer(
    sock: Socket, new_socket: SocketMaker, server: Server, servers: Servers, variant: Variant, case: bool
) -> None:
    """Of a dozen sockets that share a name each hears its own peer, and the next one when it has changed over."""
    name = with_port(server.address, 5555)
    peers = [server, *(servers.make(f"peer{number}") for number in range(1, 12))]
    sockets = [sock, *(new_socket(f"sock{number}") for number in range(1, 12))]
    share(sockets, "SO_REUSEPORT", null(variant, 5555) if case else name)
    for turn in (0, 1):
        for each, peer in zip(sockets, peers[turn:] + peers[:turn], strict=True):
            assert each.connect(peer.address) == 0
        send_own_ports(peers, name)
        for each, peer in zip(sockets, peers[turn:] + peers[:turn], strict=True):
            assert_own_port_received(each, peer)


def assert_peer_first(connected: Socket, other: Socket, name: Address, peer: Server, stranger: Server) -> None:
    """Of two sockets with one name the connected one gets what its peer sends, the other what a stranger sends."""
    assert stranger.socket.send(b"stranger", to=name) == 0
    assert peer.socket.send(b"peer", to=name) == 0
    assert other.recv() == b"stranger"
    assert connected.recv() == b"peer"
    assert_nothing_to_receive(other, connected)


@clause("connect.udp.connected-first", case="dissolved")
@variants(families=INTERNET, types=["dgram"])
def test_no_more_first(sock: Socket, new_socket: SocketMaker, server: Server, servers: Servers) -> None:
    """Once its association is dissolved, the other socket comes first for the peer, and it gets what strangers send."""
    name, other, elsewhere = servers.free_address("name"), new_socket("other"), servers.make("elsewhere")
    share([sock, other], "SO_REUSEADDR", name)
    assert sock.connect(server.address) == 0
    assert other.connect(elsewhere.address) == 0
    assert_peer(sock, server.address)
    assert_peer(other, elsewhere.address)
    assert sock.connect(UNSPEC) == 0
    assert sock.getpeername() == ENOTCONN
    assert other.connect(server.address) == 0
    assert_peer_first(other, sock, name, server, servers.make("stranger"))


@clause("connect.udp.SO_BINDTODEVICE")
@topology("pair")
@variants(families=INTERNET, types=["dgram"])
@variants(families=["mapped"], types=["dgram"])
def test_right_device(sock: Socket, server: Server) -> None:
    """A socket that is bound to the link talks over it with its peer, and stays bound to it."""
    bind_to_device(sock, b"to-server\0")
    for _ in range(2):
        assert sock.connect(server.address) == 0
        name = sock.getsockname().value
        assert sock.send(b"hello") == 0
        assert server.socket.recv_from() == (b"hello", name)
        assert server.socket.send(b"peer", to=name) == 0
        assert sock.recv() == b"peer"


@clause("connect.udp.SO_BINDTODEVICE", case="wrong")
@topology("pair")
@variants(families=["inet"], types=["dgram"])
@variants(families=["mapped"], types=["dgram"])
def test_wrong_device(sock: Socket, server: Server) -> None:
    """IPv4 takes the peer for a neighbour on the device that was asked for, and what is sent there never arrives."""
    bind_to_device(sock, b"lo\0")
    assert sock.connect(server.address) == 0
    assert_peer(sock, server.address)
    assert sock.send(b"astray") == 0
    assert sock.connect(UNSPEC) == 0
    assert_usable(sock, server)
    assert server.socket.recv_now() == EAGAIN


@clause("connect.udp.SO_BINDTODEVICE", case="wrong")
@topology("pair")
@variants(families=["inet6"], types=["dgram"])
def test_wrong_device_v6(sock: Socket, server: Server) -> None:
    """IPv6 finds no way over the device that was asked for, and the socket stays without a peer."""
    bind_to_device(sock, b"lo\0")
    for _ in range(2):
        assert sock.connect(server.address) == ENETUNREACH
        assert sock.getpeername() == ENOTCONN
    bind_to_device(sock, b"\0")
    assert_usable(sock, server)


@clause("connect.udp.SO_BINDTODEVICE", case="filter")
@topology("pair")
@variants(families=INTERNET, types=["dgram"])
@variants(families=["mapped"], types=["dgram"])
def test_other_device(sock: Socket, server: Server) -> None:
    """What the peer sends is heard as long as it comes over the device that the socket is bound to."""
    assert sock.connect(server.address) == 0
    name = sock.getsockname().value
    bind_to_device(sock, b"lo\0")
    assert server.socket.send(b"beside it", to=name) == 0
    bind_to_device(sock, b"to-server\0")
    assert server.socket.send(b"peer", to=name) == 0
    assert sock.recv() == b"peer"
    assert sock.recv_now() == EAGAIN

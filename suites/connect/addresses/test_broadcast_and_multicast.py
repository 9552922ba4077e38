"""Broadcast and multicast addresses: who may have them for a peer, who is refused, and who hears what is sent."""

import socket
from errno import EACCES, EAGAIN, EINVAL, ENETUNREACH, EPERM

import pytest

from fixtures import (
    ALL,
    BOTH,
    FAMILIES,
    Address,
    Inet,
    Inet6,
    Server,
    Servers,
    Socket,
    SocketMaker,
    Variant,
    address_of_host,
    assert_no_connection,
    assert_not_connected,
    assert_peer,
    assert_usable,
    cases,
    clause,
    internet,
    topology,
    variants,
)
from netns import Topology

PORT = 7100
SUBNET, EVERYWHERE = "192.0.2.255", "255.255.255.255"
GROUP: dict[str, Address] = {
    "inet": Inet("224.0.0.1", PORT),
    "inet6": Inet6("ff02::1", PORT),
    "mapped": Inet6("::ffff:224.0.0.1", PORT),
}
NULL: dict[str, Address] = {
    "inet": Inet("0.0.0.0", PORT),  # noqa: S104  In the row's own namespace.
    "inet6": Inet6("::", PORT),
    "mapped": Inet6("::ffff:0.0.0.0", PORT),
}
HEADER = {"dgram": 0, "raw": 20}


def permit(sock: Socket, value: int) -> None:
    """Set or clear the permission to broadcast."""
    assert sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, value, name="SO_BROADCAST") == 0


@pytest.fixture
def hearer(servers: Servers, variant: Variant) -> Server:
    """A socket of the server that hears at whatever address."""
    return servers.at(NULL[variant.family], "hearer")


@pytest.fixture
def link(topology: Topology) -> int:
    """The index of the client's link."""
    return topology.client.namespace.index("to-server")


@pytest.fixture
def routed(topology: Topology) -> None:
    """Every host's default way is the link, so that no lack of a route decides."""
    topology.client.add_route("default", via="192.0.2.2")
    topology.client.add_route("224.0.0.0/4", via="192.0.2.2")


@clause("connect.broadcast.udp.EACCES")
@topology("pair")
@cases({"subnet": SUBNET, "everywhere": EVERYWHERE})
@variants(families=["inet"], types=["dgram"], modes=BOTH, entries=ALL)
@variants(families=["mapped"], types=["dgram"])
@pytest.mark.usefixtures("routed")
def test_not_permitted(sock: Socket, server: Server, hearer: Server, variant: Variant, case: str) -> None:
    """It is refused, twice, sets no peer, and leaves the socket usable for a peer that is a host."""
    _ = hearer.address
    for _ in range(2):
        assert sock.connect(internet(FAMILIES[variant.family], case, PORT)) == EACCES
        assert_not_connected(sock)
    assert_usable(sock, server)
    assert hearer.socket.recv_now() == EAGAIN


@clause("connect.broadcast.udp.EACCES", case="keeps-peer")
@topology("pair")
@variants(families=["inet"], types=["dgram"])
def test_not_permitted_any_more(sock: Socket, server: Server) -> None:
    """A permission that was taken back is none, and the peer stays that the socket had."""
    permit(sock, 1)
    assert sock.connect(server.address) == 0
    permit(sock, 0)
    assert sock.connect(Inet(SUBNET, PORT)) == EACCES
    assert_peer(sock, server.address)
    assert sock.send(b"as before") == 0
    assert server.socket.recv() == b"as before"


@clause("connect.broadcast.udp.SO_BROADCAST")
@topology("pair")
@cases({"subnet": SUBNET, "everywhere": EVERYWHERE})
@variants(families=["inet"], types=["dgram"], modes=BOTH, entries=ALL)
@variants(families=["mapped"], types=["dgram"])
@pytest.mark.usefixtures("routed")
def test_permitted(sock: Socket, hearer: Server, topology: Topology, variant: Variant, case: str) -> None:
    """The peer is the broadcast address; a socket of another host hears what is sent, from the client's address."""
    _ = hearer.address
    permit(sock, 1)
    everybody = internet(FAMILIES[variant.family], case, PORT)
    assert sock.connect(everybody) == 0
    assert_peer(sock, everybody)
    name = sock.getsockname().value
    assert name == address_of_host(topology.client, variant.family, name.port)
    assert sock.send(b"to all") == 0
    assert hearer.socket.recv_from() == (b"to all", name)


@clause("connect.broadcast.raw.EACCES")
@topology("pair")
@variants(families=["inet"], types=["raw"], modes=BOTH, entries=ALL)
def test_raw(sock: Socket, servers: Servers) -> None:
    """It is refused and sets no peer; with the permission it is taken, and what is sent is heard."""
    hearer = servers.at(Inet("0.0.0.0"), "hearer")  # noqa: S104  In the row's own namespace.
    _ = hearer.address
    assert sock.connect(Inet(SUBNET, 77)) == EACCES
    assert_not_connected(sock)
    permit(sock, 1)
    assert sock.connect(Inet(SUBNET, 77)) == 0
    assert_peer(sock, Inet(SUBNET, 77))
    assert sock.send(b"to all") == 0
    assert hearer.socket.recv(skip=HEADER["raw"]) == b"to all"


@clause("connect.broadcast.tcp")
@topology("pair")
@cases(
    {"subnet": (SUBNET, 0), "subnet-permitted": (SUBNET, 1), "all": (EVERYWHERE, 0), "all-permitted": (EVERYWHERE, 1)}
)
@variants(families=["inet"], modes=BOTH, entries=ALL)
@variants(families=["mapped"], lines=["subnet-permitted"])
@pytest.mark.usefixtures("routed")
def test_stream(sock: Socket, server: Server, hearer: Server, variant: Variant, case: tuple[str, int]) -> None:
    """It is unreachable, twice; nobody is asked for a connection, and the socket connects to a host afterwards."""
    host, permission = case
    permit(sock, permission)
    for _ in range(2):
        assert sock.connect(internet(FAMILIES[variant.family], host, PORT)) == ENETUNREACH
        assert_not_connected(sock)
        assert sock.tcp_state() == "CLOSE"
    assert_no_connection(hearer)
    assert_usable(sock, server)


@clause("connect.broadcast.tcp.EACCES")
@topology("pair")
@cases({"subnet": SUBNET, "everywhere": EVERYWHERE})
@variants(families=["inet"], modes=BOTH)
@pytest.mark.usefixtures("routed")
def test_stream_as_connect_2_has_it(sock: Socket, case: str) -> None:
    """Without the flag it is refused for lack of permission."""
    assert sock.connect(Inet(case, PORT)) in (EACCES, EPERM)
    assert_not_connected(sock)


@clause("connect.multicast.tcp4")
@topology("pair")
@variants(families=["inet"], modes=BOTH, entries=ALL)
@variants(families=["mapped"])
@pytest.mark.usefixtures("routed")
def test_group_on_stream(sock: Socket, server: Server, hearer: Server, variant: Variant) -> None:
    """It is unreachable, twice; nobody is asked for a connection, and the socket connects to a host afterwards."""
    assert_group_refused(sock, server, hearer, GROUP[variant.family])


@clause("connect.multicast.tcp6")
@topology("pair")
@cases({"no-scope": False, "scope": True})
@variants(families=["inet6"], modes=BOTH, entries=ALL)
def test_group_on_stream6(sock: Socket, server: Server, hearer: Server, link: int, case: bool) -> None:
    """It is unreachable with a scope id and without, and the socket connects to a host afterwards."""
    assert_group_refused(sock, server, hearer, Inet6("ff02::1", PORT, scope=link if case else 0))


def assert_group_refused(sock: Socket, server: Server, hearer: Server, group: Address) -> None:
    """A stream socket cannot have the group for a peer, and is as fresh afterwards."""
    _ = hearer.address
    for _ in range(2):
        assert sock.connect(group) == ENETUNREACH
        assert_not_connected(sock)
        assert sock.tcp_state() == "CLOSE"
    assert_no_connection(hearer)
    assert_usable(sock, server)


@clause("connect.multicast.udp")
@topology("pair")
@variants(families=["inet"], types=["dgram"], modes=BOTH, entries=ALL)
@variants(families=["mapped"], types=["dgram"])
def test_group(sock: Socket, server: Server, hearer: Server, topology: Topology, variant: Variant) -> None:
    """Without a route it is unreachable; with one the group is the peer, no permission needed, and hears."""
    _ = hearer.address
    assert sock.connect(GROUP[variant.family]) == ENETUNREACH
    assert_not_connected(sock)
    topology.client.add_route("224.0.0.0/4", via="192.0.2.2")
    assert_group_is_peer(sock, hearer, GROUP[variant.family])
    assert_usable(sock, server)


@clause("connect.multicast.udp")
@topology("pair")
@variants(families=["inet6"], types=["dgram"], modes=BOTH, entries=ALL)
def test_group6(sock: Socket, server: Server, hearer: Server, link: int) -> None:
    """Without a scope id a group of the link is invalid; with one it is the peer, and hears."""
    _ = hearer.address
    assert sock.connect(GROUP["inet6"]) == EINVAL
    assert_not_connected(sock)
    assert_group_is_peer(sock, hearer, Inet6("ff02::1", PORT, scope=link))
    assert sock.connect(server.address) == 0
    assert_peer(sock, server.address)


def assert_group_is_peer(sock: Socket, hearer: Server, group: Address) -> None:
    """The group is the peer, and a socket on another host hears what is sent, from the client's own name."""
    assert sock.connect(group) == 0
    assert_peer(sock, group)
    assert sock.send(b"to the group") == 0
    assert hearer.socket.recv() == b"to the group"


@clause("connect.multicast.udp", case="keeps-peer")
@topology("pair")
@variants(families=["inet6"], types=["dgram"])
def test_group_refused(sock: Socket, server: Server) -> None:
    """A group that is refused leaves the peer as it was."""
    assert sock.connect(server.address) == 0
    assert sock.connect(GROUP["inet6"]) == EINVAL
    assert_peer(sock, server.address)
    assert sock.send(b"as before") == 0
    assert server.socket.recv() == b"as before"


@clause("connect.multicast.udp", case="scope-of-nothing")
@topology("pair")
@variants(families=["inet6"], types=["dgram"])
def test_group_of_nowhere(sock: Socket) -> None:
    """A group of a link that no interface has is unreachable."""
    assert sock.connect(Inet6("ff02::1", PORT, scope=9999)) == ENETUNREACH
    assert_not_connected(sock)


@clause("connect.ipv6.scope-kept", case="group")
@topology("pair")
@cases({"lo": 1, "nothing": 9999})
@variants(families=["inet6"], types=["dgram"], modes=BOTH)
def test_group_after_a_wrong_link(sock: Socket, hearer: Server, link: int, case: int) -> None:
    """After a group of a wrong link that of the right one is invalid, until the socket has no device any more."""
    _ = hearer.address
    for _ in range(2):
        assert sock.connect(Inet6("ff02::1", PORT, scope=case)) == ENETUNREACH
        assert sock.connect(Inet6("ff02::1", PORT, scope=link)) == EINVAL
        assert_not_connected(sock)
    assert sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"\0", name="SO_BINDTODEVICE") == 0
    assert_group_is_peer(sock, hearer, Inet6("ff02::1", PORT, scope=link))


@clause("connect.multicast.udp.source-chosen")
@topology("pair")
@cases({"group": ("224.0.0.1", 0), "everywhere": (EVERYWHERE, 1)})
@variants(families=["inet"], types=["dgram"], entries=ALL)
@variants(families=["mapped"], types=["dgram"])
def test_group_from_an_association(
    sock: Socket, server: Server, hearer: Server, variant: Variant, case: tuple[str, int]
) -> None:
    """A socket with a peer has the group for its next one without a route, keeps its name, and is heard."""
    host, permission = case
    family = FAMILIES[variant.family]
    _ = hearer.address
    permit(sock, permission)
    assert sock.connect(internet(family, host, PORT)) == ENETUNREACH
    assert sock.connect(server.address) == 0
    name = sock.getsockname().value
    assert sock.connect(internet(family, "198.51.100.9", PORT)) == ENETUNREACH
    assert_group_is_peer(sock, hearer, internet(family, host, PORT))
    assert sock.getsockname() == name


@clause("connect.multicast.udp.source-chosen", case="bound")
@topology("pair")
@variants(families=["inet", "mapped"], types=["dgram"])
def test_group_from_a_bound_socket(
    sock: Socket, new_socket: SocketMaker, hearer: Server, topology: Topology, variant: Variant
) -> None:
    """So has a socket that is bound to an address; one that is bound to the null address has not."""
    _ = hearer.address
    other = new_socket("other")
    assert other.bind(NULL[variant.family]) == 0
    assert other.connect(GROUP[variant.family]) == ENETUNREACH
    assert sock.bind(address_of_host(topology.client, variant.family, 5555)) == 0
    assert_group_is_peer(sock, hearer, GROUP[variant.family])
    assert sock.getsockname() == address_of_host(topology.client, variant.family, 5555)

"""What the client's own routes, rules and links make of connect: each refusal, its neighbour, and its end."""

from collections.abc import Callable
from errno import (
    EACCES,
    EHOSTUNREACH,
    EINPROGRESS,
    EINVAL,
    ENETDOWN,
    ENETUNREACH,
    ENODEV,
)
from socket import SO_BINDTODEVICE, SOL_SOCKET

import pytest

from fixtures import (
    ALL,
    BOTH,
    CALLS,
    DEADLINE,
    FAMILIES,
    INTERNET,
    POLLERR,
    POLLOUT,
    Inet,
    Inet6,
    Outcome,
    Peer,
    Server,
    Servers,
    Socket,
    SocketMaker,
    Variant,
    assert_not_connected,
    assert_peer,
    assert_usable,
    cases,
    clause,
    internet,
    needs,
    topology,
    until,
    variants,
    waits,
)
from netns import Host, Topology
from suites.connect.icmp_messages import receive_errors

LINK = "to-server"
KEEP = f"net.ipv6.conf.{LINK}.keep_addr_on_down"
NEIGHBOURS = 0.4  # Seconds in which three probes of a neighbour go unanswered, in the hurry that is made here.
NOBODY = {"inet": "192.0.2.9", "inet6": "2001:db8:1::9", "mapped": "192.0.2.9"}
NOWHERE = {"inet": "203.0.113.1", "inet6": "2001:db8:b::1"}
TYPES = ["stream", "dgram"]

Refusal = tuple[Callable[[Host, str], None], int]  # The method that adds the route, and the errno.
ROUTES: dict[str, Refusal] = {
    "blackhole": (Host.add_blackhole, EINVAL),
    "unreachable": (Host.add_unreachable, EHOSTUNREACH),
    "prohibit": (Host.add_prohibit, EACCES),
    "throw": (Host.add_throw, ENETUNREACH),
}
RULES = {"blackhole": EINVAL, "unreachable": ENETUNREACH, "prohibit": EACCES}


@pytest.fixture
def neighbour(topology: Topology, servers: Servers, variant: Variant) -> Server:
    """A server on the same link at another address."""
    topology.server.add_address(
        "to-client", *{"inet": ("192.0.2.3", 24), "inet6": ("2001:db8:1::3", 64)}[variant.family]
    )
    return servers.make("neighbour", second_address=True)


def host_of(server: Server) -> str:
    """The address that a server is reached at, without its port."""
    address = server.address
    assert isinstance(address, Inet | Inet6)
    return address.host


def only(server: Server) -> str:
    """The prefix that holds the server's address and no other."""
    host = host_of(server)
    return f"{host}/{128 if ':' in host else 32}"


def bind_to_device(sock: Socket, link: str) -> None:
    """Bind a socket to a link."""
    assert sock.setsockopt(SOL_SOCKET, SO_BINDTODEVICE, link.encode() + b"\0", name="SO_BINDTODEVICE") == 0


@clause("connect.route.{case}.{family}")
@topology("pair")
@cases(ROUTES)
@variants(families=INTERNET, entries=ALL)
@variants(families=INTERNET, modes=["nonblocking"])
@variants(families=INTERNET, types=["dgram"], modes=BOTH)
def test_a_route_that_refuses(
    sock: Socket,
    server: Server,
    neighbour: Server,
    new_socket: SocketMaker,
    topology: Topology,
    case: Refusal,
) -> None:
    """A route for one address refuses it at once, as often as it is tried, and no other; without it all is well."""
    case[0](topology.client, only(server))
    assert sock.connect(server.address) == case[1]
    assert sock.connect(server.address) == case[1]
    assert_not_connected(sock)
    assert_usable(new_socket(), neighbour)
    topology.client.delete_route(only(server))
    assert_usable(sock, server)


@clause("connect.route.{case}.{family}", case="association")
@topology("pair")
@cases(ROUTES)
@variants(families=INTERNET, types=["dgram"])
def test_a_refusal_keeps_the_peer(
    sock: Socket, server: Server, neighbour: Server, topology: Topology, case: Refusal
) -> None:
    """A datagram socket that cannot be connected to another peer stays connected to the one that it has."""
    assert sock.connect(neighbour.address) == 0
    name = sock.getsockname().value
    case[0](topology.client, only(server))
    assert sock.connect(server.address) == case[1]
    assert_peer(sock, neighbour.address)
    assert sock.getsockname() == name
    assert sock.send(b"hello") == 0
    assert neighbour.socket.recv() == b"hello"


@clause("connect.route.throw.{family}", case="next-table")
@topology("pair")
@needs("policy-rules")
@variants(families=INTERNET, types=TYPES)
def test_the_next_table_is_asked(sock: Socket, server: Server, topology: Topology) -> None:
    """What one table throws, a later one may have: then the connection is made."""
    topology.client.add_throw(only(server))
    assert sock.connect(server.address) == ENETUNREACH
    topology.client.add_last_route(host_of(server), LINK)
    assert_usable(sock, server)


@clause("connect.rule.{case}")
@topology("pair")
@needs("policy-rules")
@cases(RULES)
@variants(families=INTERNET, modes=BOTH)
@variants(families=INTERNET, types=["dgram"])
def test_a_rule_that_refuses(
    sock: Socket,
    server: Server,
    neighbour: Server,
    new_socket: SocketMaker,
    topology: Topology,
    case: int,
) -> None:
    """A rule for one address refuses it before any table is asked, and no other; without it all is well."""
    action = next(name for name, code in RULES.items() if code == case)
    topology.client.add_rule(action, host_of(server))
    assert sock.connect(server.address) == case
    assert sock.connect(server.address) == case
    assert_not_connected(sock)
    assert_usable(new_socket(), neighbour)
    topology.client.delete_rule(action, host_of(server))
    assert_usable(sock, server)


@clause("connect.ENODEV.bound-device-gone")
@topology("pair")
@variants(families=["inet"], entries=ALL)
@variants(families=["inet"], modes=["nonblocking"])
@variants(families=["inet"], types=["dgram"], modes=BOTH)
@variants(families=["mapped"], types=TYPES)
def test_a_device_that_is_gone(sock: Socket, server: Server, new_socket: SocketMaker, topology: Topology) -> None:
    """A socket that is bound to a device which was removed is told so; one that is not has no route."""
    address = server.address
    bind_to_device(sock, LINK)
    topology.client.delete_link(LINK)
    assert sock.connect(address) == ENODEV
    assert sock.connect(address) == ENODEV
    assert_not_connected(sock)
    assert new_socket().connect(address) == ENETUNREACH
    bind_to_device(sock, "")
    assert sock.connect(address) == ENETUNREACH


@clause("connect.ENETUNREACH.bound-device-gone")
@topology("pair")
@variants(families=["inet6"], types=TYPES, modes=BOTH)
def test_a_device_that_is_gone_in_ipv6(sock: Socket, server: Server, topology: Topology) -> None:
    """Over IPv6 there is no route over a device that was removed."""
    address = server.address
    bind_to_device(sock, LINK)
    topology.client.delete_link(LINK)
    assert sock.connect(address) == ENETUNREACH
    assert sock.connect(address) == ENETUNREACH
    assert_not_connected(sock)


@clause("connect.ENETUNREACH.bound-device-down")
@topology("pair")
@variants(families=INTERNET, entries=ALL)
@variants(families=INTERNET, modes=["nonblocking"])
@variants(families=INTERNET, types=["dgram"], modes=BOTH)
@variants(families=["mapped"])
def test_a_device_that_is_down(sock: Socket, server: Server, topology: Topology) -> None:
    """No route leads over a device that is down; when it is up again the same socket connects."""
    if topology.client.namespace.has_sysctl(KEEP):
        topology.client.set_sysctl(KEEP, 1)
    address = server.address
    bind_to_device(sock, LINK)
    topology.client.set_link_down(LINK)
    assert sock.connect(address) == ENETUNREACH
    assert sock.connect(address) == ENETUNREACH
    assert_not_connected(sock)
    topology.client.set_link_up(LINK)
    assert_usable(sock, server)


@clause("connect.ENETDOWN")
@topology("pair")
@cases({"bound": True, "routed": False})
@variants(families=INTERNET, types=TYPES)
def test_a_device_that_is_down_by_name(sock: Socket, server: Server, topology: Topology, case: bool) -> None:
    """The document has a name of its own for a local interface that is down."""
    address = server.address
    if case:
        bind_to_device(sock, LINK)
    topology.client.set_link_down(LINK)
    assert sock.connect(address) == ENETDOWN


@clause("connect.EINVAL.loopback-source-external")
@topology("pair")
@variants(families=["inet"], modes=BOTH)
@variants(families=["inet"], entries=["compat32"])
@variants(families=["inet"], types=["dgram"], modes=BOTH)
@variants(families=["mapped"])
def test_a_loopback_source(
    sock: Socket, server: Server, servers: Servers, new_socket: SocketMaker, topology: Topology, variant: Variant
) -> None:
    """From 127.0.0.1 nobody else is reached; from another address the server is, and from 127.0.0.1 its own host."""
    here = servers.make("here", host=topology.client)
    assert sock.bind(internet(FAMILIES[variant.family], "127.0.0.1")) == 0
    name = sock.getsockname().value
    assert sock.connect(server.address) == EINVAL
    assert sock.connect(server.address) == EINVAL
    assert_not_connected(sock)
    assert sock.getsockname() == name
    assert_usable(new_socket(), server)
    assert_usable(sock, here)


@clause("connect.EHOSTUNREACH.noroute")
@topology("pair")
@variants(families=INTERNET, types=TYPES)
def test_no_entry_in_the_table(sock: Socket, variant: Variant) -> None:
    """The document has another name for a destination that no entry of the routing table matches."""
    nowhere = internet(FAMILIES[variant.family], NOWHERE[variant.family], 7001)
    assert sock.connect(nowhere) == EHOSTUNREACH


@clause("connect.ENETUNREACH.reserved-nets")
@topology("scripted")
@cases({"0": "0.0.0.5", "240": "240.0.0.1", "255": "255.255.255.254"})
@variants(families=["inet"], modes=["nonblocking"], entries=CALLS)
def test_reserved_nets(sock: Socket, peer: Peer, topology: Topology, case: str) -> None:
    """Addresses of the reserved nets are like others: refused without a route, sent to with one."""
    assert sock.connect(Inet(case, 7001)) == ENETUNREACH
    topology.client.add_route("default", via=peer.address.host)
    assert sock.connect(Inet(case, 7001)) == EINPROGRESS
    syn = peer.hears("S")
    assert syn.destination == case
    peer.establishes(syn)
    sock.wait_writable()
    assert sock.so_error() == 0
    assert sock.getpeername() == Inet(case, 7001)


@pytest.fixture
def impatient(topology: Topology) -> Topology:
    """The topology, with a client that asks for a neighbour thrice within 0.3 seconds in place of 3."""
    topology.client.set_sysctl(f"net.ipv4.neigh.{LINK}.retrans_time_ms", 100)
    if topology.client.namespace.has_sysctl(f"net.ipv6.neigh.{LINK}.retrans_time_ms"):
        topology.client.set_sysctl(f"net.ipv6.neigh.{LINK}.retrans_time_ms", 100)
    return topology


@clause("connect.EHOSTUNREACH.neighbour")
@topology("pair")
@waits(NEIGHBOURS)
@variants(families=INTERNET, entries=ALL)
@variants(families=INTERNET, modes=["nonblocking"])
@variants(families=["mapped"])
def test_nobody_at_the_address(
    sock: Socket, new_socket: SocketMaker, servers: Servers, impatient: Topology, variant: Variant
) -> None:
    """Where no neighbour answers the attempt ends after three probes, told once; when there is one it succeeds."""
    nobody = internet(FAMILIES[variant.family], NOBODY[variant.family], 7001)
    assert sock.connect_and_wait(nobody) == EHOSTUNREACH
    assert sock.tcp_state() == "CLOSE"
    assert_not_connected(sock)
    impatient.server.add_address("to-client", NOBODY[variant.family], 64 if variant.family == "inet6" else 24)
    assert_usable(new_socket(), servers.at(nobody))


def first_error(sock: Socket) -> Outcome:
    """What SO_ERROR says first: of the queue of errors is told an instant before."""
    said: list[Outcome] = []

    def tells() -> bool:
        said.append(sock.so_error())
        return said[-1].error != 0

    until(tells, "SO_ERROR tells of an error")
    return said[-1]


@clause("connect.EHOSTUNREACH.neighbour", case="datagram")
@topology("pair")
@waits(NEIGHBOURS)
@pytest.mark.usefixtures("impatient")
@variants(families=INTERNET, types=["dgram"])
def test_nobody_for_a_datagram(sock: Socket, new_socket: SocketMaker, variant: Variant) -> None:
    """A datagram socket connects; that its datagram reached nobody is told with IP_RECVERR alone."""
    nobody = internet(FAMILIES[variant.family], NOBODY[variant.family], 7001)
    witness = new_socket("witness")
    assert receive_errors(witness, variant.family) == 0
    for each in (sock, witness):
        assert each.connect(nobody) == 0
        assert each.send(b"anybody?") == 0
    assert witness.poll(DEADLINE, ask=()) == {POLLERR}
    assert first_error(witness) == EHOSTUNREACH
    assert sock.poll() == {POLLOUT}
    assert_peer(sock, nobody)

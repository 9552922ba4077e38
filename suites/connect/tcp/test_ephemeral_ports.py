"""Which port connect(2) chooses, who else may have it, and when it is given back. Ranges are tiny: all counts."""

import socket
import struct
from collections.abc import Callable
from errno import EADDRNOTAVAIL, ECONNREFUSED

from fixtures import (
    ALL,
    FAMILIES,
    INTERNET,
    Address,
    Server,
    Servers,
    Socket,
    SocketMaker,
    Variant,
    assert_connected,
    assert_usable,
    cases,
    clause,
    internet,
    needs,
    port_of,
    variants,
    with_port,
)
from fixtures.probes import (
    IP_BIND_ADDRESS_NO_PORT,
    IP_LOCAL_PORT_RANGE,
)
from netns import Topology
from suites.connect.names import NULL, local
from suites.connect.tcp.ports import assert_none_left, assert_port_is_bindable, let_choose

OTHER = {"inet": "inet6", "inet6": "inet"}


def connect_all(new_socket: SocketMaker, server: Server, count: int) -> list[int]:
    """Connect so many new sockets to one server; gives the ports that they got, in order."""
    made = [new_socket(f"client{number}") for number in range(count)]
    for each in made:
        assert each.connect_and_wait(server.address) == 0
        assert_connected(each, server)
    return sorted(port_of(each.getsockname().value) for each in made)


@clause("connect.tcp.ephemeral-in-range")
@cases({"middle": (40000, 40003), "one": (40000, 40000), "top": (65532, 65535), "bottom": (1024, 1025)})
@variants(families=INTERNET, entries=ALL, lines=["middle"])
@variants(families=INTERNET, modes=["nonblocking"], lines=["middle"])
@variants(families=INTERNET, lines=["one", "top", "bottom"])
def test_range(
    sock: Socket, new_socket: SocketMaker, server: Server, topology: Topology, case: tuple[int, int]
) -> None:
    """For one destination each port of the range is chosen once, and then there is none."""
    low, high = case
    let_choose(topology, low, high)
    assert connect_all(new_socket, server, high - low + 1) == list(range(low, high + 1))
    assert_none_left(sock, server)


@clause("connect.tcp.ephemeral-in-range", case="moved")
@variants(families=INTERNET)
def test_range_that_moves(sock: Socket, new_socket: SocketMaker, server: Server, topology: Topology) -> None:
    """A range that is set counts from the next call on; without one the port lies in the range of the system."""
    low, high = map(int, topology.client.namespace.sysctl("net.ipv4.ip_local_port_range").split())
    assert sock.connect(server.address) == 0
    assert low <= port_of(sock.getsockname().value) <= high
    assert_connected(sock, server)
    for start in (20000, 10000):
        let_choose(topology, start, start + 1)
        assert connect_all(new_socket, server, 2) == [start, start + 1]


@clause("connect.tcp.ephemeral-reserved")
@needs("ip_local_reserved_ports")
@cases({"two": ("40000,40001", [40002, 40003]), "span": ("40001-40003", [40000]), "far": ("39999,40004,7", None)})
@variants(families=INTERNET, entries=ALL, lines=["two"])
@variants(families=INTERNET, lines=["span", "far"])
def test_reserved(
    sock: Socket, new_socket: SocketMaker, server: Server, topology: Topology, case: tuple[str, list[int] | None]
) -> None:
    """Reserved ports are not chosen, whatever comes, and are chosen as soon as they are reserved no more."""
    reserved, others = case
    let_choose(topology, 40000, 40003)
    topology.client.set_sysctl("net.ipv4.ip_local_reserved_ports", reserved)
    free = others or [40000, 40001, 40002, 40003]
    assert connect_all(new_socket, server, len(free)) == free
    assert_none_left(sock, server)
    topology.client.set_sysctl("net.ipv4.ip_local_reserved_ports", "\n")
    rest = sorted({40000, 40001, 40002, 40003} - set(free))
    assert connect_all(new_socket, server, len(rest)) == rest


@clause("connect.tcp.ephemeral-reserved", case="bound")
@needs("ip_local_reserved_ports")
@variants(families=INTERNET)
def test_reserved_port_is_bound(sock: Socket, server: Server, topology: Topology, variant: Variant) -> None:
    """Who asks for a reserved port by name gets it, and connects from it."""
    let_choose(topology, 40000, 40001)
    topology.client.set_sysctl("net.ipv4.ip_local_reserved_ports", "40000-40001")
    assert sock.connect(server.address) == EADDRNOTAVAIL
    assert sock.bind(internet(FAMILIES[variant.family], topology.client.address(FAMILIES[variant.family]), 40000)) == 0
    assert sock.connect(server.address) == 0
    assert port_of(sock.getsockname().value) == 40000
    assert_connected(sock, server)


def with_range(new_socket: SocketMaker, low: int, high: int) -> SocketMaker:
    """Makes sockets that choose their ports from low to high; 0 is no limit."""

    def make(label: str) -> Socket:
        made = new_socket(label)
        assert made.setsockopt(socket.IPPROTO_IP, IP_LOCAL_PORT_RANGE, struct.pack("=HH", low, high)) == 0
        return made

    return make


@clause("connect.tcp.IP_LOCAL_PORT_RANGE")
@needs("IP_LOCAL_PORT_RANGE")
@cases(
    {
        "both": (40001, 40002, [40001, 40002]),
        "one": (40002, 40002, [40002]),
        "low": (40002, 0, [40002, 40003]),
        "high": (0, 40001, [40000, 40001]),
        "three": (40000, 40002, [40000, 40001, 40002]),
        "outside": (50000, 50001, [40000, 40001, 40002, 40003]),
    }
)
@variants(families=INTERNET, entries=ALL, lines=["both"])
@variants(families=INTERNET, lines=["one", "low", "high", "three", "outside"])
def test_range_of_a_socket(
    new_socket: SocketMaker, server: Server, topology: Topology, case: tuple[int, int, list[int]]
) -> None:
    """Sockets with a range of their own choose from it alone, and one without has the others left."""
    low, high, ports = case
    let_choose(topology, 40000, 40003)
    ranged = with_range(new_socket, low, high)
    assert connect_all(ranged, server, len(ports)) == ports
    assert_none_left(ranged("late"), server)
    rest = sorted({40000, 40001, 40002, 40003} - set(ports))
    assert connect_all(new_socket, server, len(rest)) == rest


@clause("connect.tcp.shared-ephemeral-port")
@variants(families=INTERNET, entries=ALL)
def test_ports_are_shared(
    sock: Socket, new_socket: SocketMaker, servers: Servers, server: Server, topology: Topology
) -> None:
    """Both ports of a range serve a second port and a second address, and no destination twice."""
    let_choose(topology, 40000, 40001)
    port, address = servers.make("port"), servers.make("address", second_address=True, port=7001)
    assert port_of(server.address) == port_of(address.address)
    for each in (server, port, address):
        assert connect_all(new_socket, each, 2) == [40000, 40001]
    for each in (server, port, address):
        assert_none_left(sock, each)


Owner = tuple[Callable[[Socket, Address], None], dict[str, str]]


def take_port(owner: Socket, address: Address) -> None:
    """Bind the address and its port."""
    assert owner.bind(address) == 0


def listen_at(owner: Socket, address: Address) -> None:
    """Bind and listen."""
    take_port(owner, address)
    assert owner.listen() == 0


@clause("connect.tcp.shared-ephemeral-port", case="families")
@needs("ipv6")
@variants(families=INTERNET)
def test_port_is_shared_by_both_families(
    sock: Socket, new_socket: SocketMaker, server: Server, servers: Servers, topology: Topology, variant: Variant
) -> None:
    """Connections of both families share the one port that there is."""
    let_choose(topology, 40000, 40000)
    family = OTHER[variant.family]
    other, there = new_socket("other", family=family), servers.make("there", family=family)
    assert sock.connect(server.address) == 0
    assert other.connect(there.address) == 0
    assert port_of(other.getsockname().value) == 40000
    assert_connected(sock, server)
    assert_connected(other, there)


@clause("connect.tcp.port-unused")
@cases(
    {
        "bound": (take_port, {}),
        "wildcard": (take_port, NULL),
        "listener": (listen_at, {}),
        "listener.wildcard": (listen_at, NULL),
    }
)
@variants(families=INTERNET, entries=ALL, lines=["bound"])
@variants(families=INTERNET, lines=["wildcard", "listener", "listener.wildcard"])
def test_port_that_somebody_has(
    sock: Socket,
    new_socket: SocketMaker,
    server: Server,
    topology: Topology,
    variant: Variant,
    case: Owner,
) -> None:
    """A port that is bound is not chosen, and is when its owner is gone."""
    let_choose(topology, 40000, 40001)
    take, where = case
    owner, family = new_socket("owner"), FAMILIES[variant.family]
    address = where[variant.family] if where else topology.client.address(family)
    take(owner, internet(family, address, 40000))
    assert connect_all(new_socket, server, 1) == [40001]
    assert_none_left(sock, server)
    assert owner.close() == 0
    assert connect_all(new_socket, server, 1) == [40000]


@clause("connect.tcp.port-unused", case="other-family")
@needs("ipv6")
@variants(families=INTERNET)
def test_port_that_the_other_family_has(
    sock: Socket, new_socket: SocketMaker, server: Server, topology: Topology, variant: Variant
) -> None:
    """Nor is a port chosen that a socket of the other family has bound with the wildcard."""
    let_choose(topology, 40000, 40001)
    family = OTHER[variant.family]
    owner = new_socket("owner", family=family)
    assert owner.bind(internet(FAMILIES[family], NULL[family], 40000)) == 0
    assert connect_all(new_socket, server, 1) == [40001]
    assert_none_left(sock, server)
    assert owner.close() == 0
    assert connect_all(new_socket, server, 1) == [40000]


def bind_without_port(sock: Socket, address: Address) -> None:
    """Bind the socket with IP_BIND_ADDRESS_NO_PORT: bind() takes no port then, unless the address names one."""
    assert sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1, name="IP_BIND_ADDRESS_NO_PORT") == 0
    assert sock.bind(address) == 0


def without_port(new_socket: SocketMaker, label: str, address: Address) -> Socket:
    """A new socket that is bound to an address, and not to a port yet."""
    made = new_socket(label)
    bind_without_port(made, address)
    return made


def assert_connects_from(sock: Socket, address: Address, server: Server) -> None:
    """The socket connects to the server; before that its name was the address, without a port."""
    before = sock.getsockname()
    assert sock.connect_and_wait(server.address) == 0
    assert before == address


def assert_named(name: Address, *sockets: Socket) -> None:
    """Each of the sockets has this name."""
    for each in sockets:
        assert each.getsockname() == name


def assert_finds_no_port(sock: Socket, address: Address, server: Server) -> None:
    """There is no port for a connection to the server, and the socket keeps its address without one."""
    assert sock.connect(server.address) == EADDRNOTAVAIL
    assert sock.getsockname() == address


@clause("connect.tcp.IP_BIND_ADDRESS_NO_PORT")
@needs("IP_BIND_ADDRESS_NO_PORT")
@variants(families=INTERNET, entries=ALL)
def test_bound_without_a_port(
    new_socket: SocketMaker, server: Server, servers: Servers, topology: Topology, variant: Variant
) -> None:
    """Two sockets with different destinations share the one port that there is; a third finds none."""
    let_choose(topology, 40000, 40000)
    other, address = servers.make("other"), local(topology.client, variant, second=True)
    first, second, third = (without_port(new_socket, label, address) for label in ("first", "second", "third"))
    assert_connects_from(first, address, server)
    assert second.connect_and_wait(other.address) == 0
    assert_named(with_port(address, 40000), first, second)
    assert_finds_no_port(third, address, server)
    assert_connected(first, server)
    assert_connected(second, other)


def assert_connect_under(server: Server, names: list[tuple[Socket, Address]]) -> None:
    """Each of the sockets connects to the server, and has the name beside it then."""
    for each, _ in names:
        assert each.connect(server.address) == 0
    for each, name in names:
        assert each.getsockname() == name
    for each, _ in names:
        assert_connected(each, server)


@clause("connect.tcp.IP_BIND_ADDRESS_NO_PORT", case="sources")
@needs("IP_BIND_ADDRESS_NO_PORT")
@variants(families=INTERNET)
def test_port_is_shared_by_two_sources(
    new_socket: SocketMaker, server: Server, servers: Servers, topology: Topology, variant: Variant
) -> None:
    """Two sockets with different addresses share the port for one destination; a refusal gives it back."""
    let_choose(topology, 40000, 40000)
    here, there = local(topology.client, variant), local(topology.client, variant, second=True)
    first, second = without_port(new_socket, "first", here), without_port(new_socket, "second", there)
    firsts, seconds = first.getsockname(), second.getsockname()
    assert second.connect(servers.closed()) == ECONNREFUSED
    assert seconds == there
    assert firsts == here
    assert_port_is_bindable(with_port(there, 40000), new_socket)
    assert_connect_under(server, [(first, with_port(here, 40000)), (second, with_port(there, 40000))])


def assert_named_port_is_taken(sock: Socket, name: Address) -> None:
    """With the option bind() takes a port that the address names, at once."""
    bind_without_port(sock, name)
    assert sock.getsockname() == name


@clause("connect.tcp.IP_BIND_ADDRESS_NO_PORT", case="neighbours")
@needs("IP_BIND_ADDRESS_NO_PORT")
@variants(families=INTERNET)
def test_bound_with_a_port(
    sock: Socket, new_socket: SocketMaker, server: Server, topology: Topology, variant: Variant
) -> None:
    """Without the option bind(2) takes a port at once, and with the option it does where one is named."""
    let_choose(topology, 40000, 40000)
    address = local(topology.client, variant)
    plain, late = new_socket("plain"), without_port(new_socket, "late", address)
    before = late.getsockname()
    assert plain.bind(address) == 0
    assert late.connect(server.address) == EADDRNOTAVAIL
    assert before == address
    assert plain.getsockname() == with_port(address, 40000)
    assert_named_port_is_taken(sock, with_port(address, 5555))
    assert_usable(sock, server)

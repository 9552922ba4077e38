"""Interfaces that an option names: where a multicast or unicast peer is looked for, and where a listener listens."""

import socket
import struct
from errno import ECONNREFUSED, EINVAL, ENETUNREACH

from fixtures import (
    INTERNET,
    Address,
    Inet,
    Inet6,
    Server,
    Servers,
    Socket,
    assert_associates,
    assert_connected,
    assert_no_connection,
    assert_not_connected,
    assert_peer,
    assert_usable,
    cases,
    clause,
    topology,
    variants,
)
from netns import Topology
from suites.connect.names import UNSPEC

LINK = "to-server"
IP_UNICAST_IF, IPV6_UNICAST_IF = 50, 76
SECOND = "192.0.2.7"
NOWHERE = Inet("203.0.113.1", 7001)
GROUP = Inet("239.1.2.3", 7001)


def choose(sock: Socket, option: int, name: str, value: int | bytes) -> None:
    """Set an option of IPv4 or, by its name, of IPv6."""
    level = socket.IPPROTO_IPV6 if name.startswith("IPV6") else socket.IPPROTO_IP
    assert sock.setsockopt(level, option, value, name=name) == 0


def link_for_groups(topology: Topology, *, second: bool) -> tuple[str, bytes]:
    """The source address of groups, the link's own or a second one, and the link by it as IP_MULTICAST_IF names it."""
    topology.client.add_address(LINK, SECOND, 24)
    source = SECOND if second else topology.client.address(socket.AF_INET)
    named = socket.inet_aton(source) if second else bytes(4)
    return source, struct.pack("=4s4si", bytes(4), named, topology.client.namespace.index(LINK))


@clause("connect.udp.multicast-if")
@topology("pair")
@cases({"index": False, "address": True})
@variants(families=["inet"], types=["dgram"])
def test_group(sock: Socket, server: Server, topology: Topology, case: bool) -> None:
    """A group that no route leads to is looked for at the interface, from its address or the one that was named."""
    source, interface = link_for_groups(topology, second=case)
    assert sock.connect(GROUP) == ENETUNREACH
    assert_not_connected(sock)
    choose(sock, socket.IP_MULTICAST_IF, "IP_MULTICAST_IF", interface)
    assert_associates(sock, GROUP)
    assert sock.getsockname().value.host == source
    assert sock.connect(UNSPEC) == 0
    choose(sock, socket.IP_MULTICAST_IF, "IP_MULTICAST_IF", bytes(12))
    assert sock.connect(GROUP) == ENETUNREACH
    assert_usable(sock, server)


@clause("connect.udp.multicast-if")
@topology("pair")
@variants(families=["inet6"], types=["dgram"])
def test_group_of_a_link(sock: Socket, topology: Topology) -> None:
    """A group of a link needs no scope then, and has that of the interface."""
    index = topology.client.namespace.index(LINK)
    assert sock.connect(Inet6("ff02::1", 7001)) == EINVAL
    assert_not_connected(sock)
    choose(sock, socket.IPV6_MULTICAST_IF, "IPV6_MULTICAST_IF", index)
    assert sock.connect(Inet6("ff02::1", 7001)) == 0
    assert_peer(sock, Inet6("ff02::1", 7001, scope=index))


@clause("connect.udp.unicast-if")
@topology("pair")
@variants(families=["inet"], types=["dgram"])
def test_host_without_a_route(sock: Socket, server: Server, topology: Topology) -> None:
    """A host that no route leads to is looked for at the interface, as long as it is named."""
    assert sock.connect(NOWHERE) == ENETUNREACH
    assert_not_connected(sock)
    choose(sock, IP_UNICAST_IF, "IP_UNICAST_IF", struct.pack("!i", topology.client.namespace.index(LINK)))
    assert sock.connect(NOWHERE) == 0
    assert_peer(sock, NOWHERE)
    assert sock.getsockname().value.host == topology.client.address(socket.AF_INET)
    assert sock.connect(UNSPEC) == 0
    choose(sock, IP_UNICAST_IF, "IP_UNICAST_IF", 0)
    assert sock.connect(NOWHERE) == ENETUNREACH
    assert_usable(sock, server)


@clause("connect.udp.unicast-if")
@topology("pair")
@variants(families=["inet6"], types=["dgram"])
def test_wrong_interface(sock: Socket, server: Server, topology: Topology) -> None:
    """No route leads to the server over another interface than its own."""
    choose(sock, IPV6_UNICAST_IF, "IPV6_UNICAST_IF", struct.pack("!i", topology.client.namespace.index("lo")))
    assert sock.connect(server.address) == ENETUNREACH
    assert_not_connected(sock)
    choose(sock, IPV6_UNICAST_IF, "IPV6_UNICAST_IF", 0)
    assert_usable(sock, server)


@clause("connect.tcp.SO_BINDTODEVICE.listener")
@topology("pair")
@variants(families=INTERNET)
@variants(families=["mapped"])
def test_listener_at_another_device(sock: Socket, servers: Servers) -> None:
    """It refuses who comes over the link, and takes them when it is bound to the link itself."""
    server = servers.make()
    address: Address = server.address
    device = socket.SO_BINDTODEVICE
    assert server.socket.setsockopt(socket.SOL_SOCKET, device, b"lo\0", name="SO_BINDTODEVICE") == 0
    assert sock.connect(address) == ECONNREFUSED
    assert_no_connection(server)
    assert server.socket.setsockopt(socket.SOL_SOCKET, device, b"to-client\0", name="SO_BINDTODEVICE") == 0
    assert sock.connect(address) == 0
    assert_connected(sock, server)

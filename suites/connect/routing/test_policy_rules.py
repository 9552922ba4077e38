"""What rules of policy routing can tell connections apart by: each attribute that a route is chosen by."""

import socket
from collections.abc import Callable
from errno import EACCES, ECONNREFUSED
from typing import Any

from fixtures import (
    FAMILIES,
    INTERNET,
    PACKETS,
    Address,
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
    port_of,
    topology,
    variants,
    with_port,
)
from netns import Topology

SO_MARK, IPV6_TCLASS = 36, 67
LINK = "to-server"
TOS = 0x10  # What routes look at is less than the whole byte; this bit counts everywhere.
ELSEWHERE = {"inet": ("192.0.2.7", 24, 32), "inet6": ("2001:db8:1::7", 64, 128), "mapped": ("192.0.2.7", 24, 32)}
PROTOCOLS = {"stream": socket.IPPROTO_TCP, "dgram": socket.IPPROTO_UDP}


def mark(sock: Socket, _: Variant, *, on: bool) -> None:
    """Set SO_MARK."""
    assert sock.setsockopt(socket.SOL_SOCKET, SO_MARK, 7 if on else 0, name="SO_MARK") == 0


def serve(sock: Socket, variant: Variant, *, on: bool) -> None:
    """Set the type of service, or IPv6's class of traffic."""
    level, option = (
        (socket.IPPROTO_IPV6, IPV6_TCLASS) if variant.family == "inet6" else (socket.IPPROTO_IP, socket.IP_TOS)
    )
    assert (
        sock.setsockopt(level, option, TOS if on else 0, name="IPV6_TCLASS" if option == IPV6_TCLASS else "IP_TOS") == 0
    )


def bind_to_device(sock: Socket, _: Variant, *, on: bool) -> None:
    """Bind the socket to the link, or set it free."""
    device = LINK.encode() + b"\0" if on else b"\0"
    assert sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device, name="SO_BINDTODEVICE") == 0


# Over IPv4 a device that was asked for makes a neighbour of every peer that no route leads to: no rule stops that.
CHANGES: dict[str, tuple[dict[str, Any], Callable[..., None]]] = {
    "mark": ({"fwmark": 7}, mark),
    "service": ({"tos": TOS}, serve),
    "device": ({"oifname": LINK}, bind_to_device),
}


@clause("connect.rule.selector")
@topology("pair")
@needs("policy-rules")
@cases(CHANGES)
@variants(families=["inet"], types=["stream", "dgram"], lines=["mark", "service"])
@variants(families=["inet6"], types=["stream", "dgram"])
@variants(families=["mapped"], types=["stream", "dgram"], lines=["mark"])
def test_options(
    sock: Socket,
    server: Server,
    new_socket: SocketMaker,
    variant: Variant,
    topology: Topology,
    case: tuple[dict[str, Any], Callable[..., None]],
) -> None:
    """An option of the socket decides, and is looked at anew by each call."""
    selector, change = case
    topology.client.add_prohibit_rule(PACKETS[variant.family], **selector)
    change(sock, variant, on=True)
    assert sock.connect(server.address) == EACCES
    assert sock.connect(server.address) == EACCES
    assert_not_connected(sock)
    assert_usable(new_socket("other"), server)
    change(sock, variant, on=False)
    assert_usable(sock, server)


def prohibited_source(topology: Topology, variant: Variant) -> Address:
    """A second address of the client's link, from which a rule prohibits everything."""
    host, prefix, length = ELSEWHERE[variant.family]
    topology.client.add_address(LINK, host, prefix)
    topology.client.add_prohibit_rule(PACKETS[variant.family], src=host, src_len=length)
    return internet(FAMILIES[variant.family], host)


def assert_only_bound(sock: Socket, name: Address) -> None:
    """The socket has no peer, and has kept its name."""
    assert_not_connected(sock)
    assert sock.getsockname() == name


@clause("connect.rule.selector", case="source")
@topology("pair")
@needs("policy-rules")
@variants(families=INTERNET, types=["stream", "dgram"])
@variants(families=["mapped"], types=["stream", "dgram"])
def test_source(sock: Socket, server: Server, new_socket: SocketMaker, variant: Variant, topology: Topology) -> None:
    """The rule is about the address that the socket is bound to, not about a socket that has another, or none."""
    other, unbound = new_socket("other"), new_socket("unbound")
    assert sock.bind(prohibited_source(topology, variant)) == 0
    name = sock.getsockname().value
    assert sock.connect(server.address) == EACCES
    assert sock.connect(server.address) == EACCES
    assert_only_bound(sock, name)
    assert other.bind(internet(FAMILIES[variant.family], topology.client.address(PACKETS[variant.family]))) == 0
    assert_usable(other, server)
    assert_usable(unbound, server)


@clause("connect.rule.selector", case="protocol")
@topology("pair")
@needs("policy-rules")
@variants(families=INTERNET, types=["stream", "dgram"])
def test_protocol(sock: Socket, server: Server, new_socket: SocketMaker, variant: Variant, topology: Topology) -> None:
    """The protocol decides; a socket of the other finds the way."""
    topology.client.add_prohibit_rule(PACKETS[variant.family], ip_proto=PROTOCOLS[variant.type])
    other = new_socket("other", kind="dgram" if variant.type == "stream" else "stream", nonblocking=True)
    assert sock.connect(server.address) == EACCES
    assert_not_connected(sock)
    if variant.type == "stream":
        assert other.connect(server.address) == 0
        assert_peer(other, server.address)
    else:
        assert other.connect_and_wait(server.address) == ECONNREFUSED


@clause("connect.rule.selector", case="ports")
@topology("pair")
@needs("policy-rules")
@cases({"destination": "dport_range", "source": "sport_range"})
@variants(families=INTERNET, types=["stream", "dgram"])
def test_ports(
    sock: Socket,
    server: Server,
    servers: Servers,
    new_socket: SocketMaker,
    variant: Variant,
    topology: Topology,
    case: str,
) -> None:
    """The port decides, of the peer or the one that the socket is bound to; the next port is not meant."""
    here = internet(FAMILIES[variant.family], topology.client.address(PACKETS[variant.family]), 5555)
    there, other = servers.make("there"), new_socket("other")
    port = port_of(server.address if case == "dport_range" else here)
    topology.client.add_prohibit_rule(PACKETS[variant.family], **{case: f"{port}:{port}"})
    assert sock.bind(here) == 0
    assert sock.connect(server.address) == EACCES
    assert_not_connected(sock)
    assert other.bind(with_port(here, 5556)) == 0
    assert_usable(other, there if case == "dport_range" else server)

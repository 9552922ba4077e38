"""The ready-made topologies: which hosts there are, how they are linked, and what addresses they have.

Every topology is dual-stack and uses only documentation addresses (RFC 5737, RFC 3849) beside loopback, so that
no transcript can be mistaken for traffic of a real network. A topology is made for one test and closed after it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Self

from netns.host import INET, INET6, Host, carries, set_up, wait_until
from netns.namespace import Namespace
from netns.wire import LINK_ADDRESS

_NO_IPV6 = "net.ipv6.conf.all.disable_ipv6"
# What a host has for IPv6 before it gets links.
_LINKED = {
    # A link's own link-local address, too, has to be usable at once: without it a router asks for no neighbour, and
    # the first packet that it forwards waits for two seconds, or is answered with an error.
    "accept_dad": 0,
    # Nobody is asked for who does not exist here; packets that no test sends only lengthen captures.
    "router_solicitations": 0,
}
_NEAR = 20  # The index of a link's near end; the far end gets the next that is free, from 2 on.


@dataclass
class Topology:
    """The private network that a test stands in. ``client`` makes the call, ``server`` is its peer."""

    name: str
    hosts: list[Host]
    client: Host
    server: Host

    def host(self, name: str) -> Host:
        """A host by name.

        Raises:
            LookupError: when the topology has no host of that name.
        """
        for host in self.hosts:
            if host.name == name:
                return host
        known = ", ".join(host.name for host in self.hosts)
        raise LookupError(f"topology '{self.name}' has no host '{name}' (it has {known})")

    def describe(self) -> dict[str, Any]:
        """The topology as plain data: each host with its links, addresses and routes."""
        return {"name": self.name, "hosts": [host.namespace.describe() for host in self.hosts]}

    def close(self) -> None:
        """Let go of every namespace of the topology."""
        for host in self.hosts:
            host.namespace.close()

    def __enter__(self) -> Self:
        """Hold the topology for a block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the topology."""
        self.close()


def loopback() -> Topology:
    """One host that talks to itself: 127.0.0.0/8 and ::1, and 2001:db8:1f::2 as a second IPv6 address if asked for."""
    host = _host("local")
    try:
        host.addresses[INET] = ["127.0.0.1", "127.0.0.2"]
        if _has_ipv6(host):
            host.addresses[INET6] = ["::1"]
            host.spare[INET6] = ("lo", "2001:db8:1f::2", 128)
    except BaseException:
        host.namespace.close()
        raise
    return Topology("loopback", [host], client=host, server=host)


class KeptLoopback:
    """A loopback topology that serves one row after another, for sockets that never meet the network: those of AF_UNIX.

    What such a row can leave in a namespace is a name that somebody holds, and everything that holds one is closed with
    its row. A namespace that was changed (a sysctl, a link) is let go of.
    """

    def __init__(self) -> None:
        self._topology: Topology | None = None

    def make_ready(self) -> Topology:
        """The topology; made where there is none."""
        if self._topology is None:
            self._topology = loopback()
        return self._topology

    def give_back(self, *, well: bool) -> None:
        """End a row's use of it; ``well`` tells that the row left nothing behind that anybody knows of."""
        if self._topology is not None and not (well and self._topology.client.namespace.fresh):
            self.leave()

    def leave(self) -> None:
        """Let go of the topology."""
        if self._topology is not None:
            self._topology.close()
            self._topology = None


kept_loopback = KeptLoopback()


def pair() -> Topology:
    """Two hosts on one link: client 192.0.2.1 and 2001:db8:1::1, server 192.0.2.2 and 2001:db8:1::2."""
    return _build("pair", ["client", "server"], _link_pair)


def routed() -> Topology:
    """Three hosts in a row: the client's and the server's nets meet at a router, each the other's default way.

    The client is 192.0.2.1 and 2001:db8:1::1, the server 198.51.100.2 and 2001:db8:2::2; the router is ``.254`` and
    ``::fe`` on both sides.
    """
    return _build("routed", ["client", "router", "server"], _link_routed)


def scripted() -> Topology:
    """The client at one end of a link; at the other a peer whose every packet a test makes.

    The client is 192.0.2.1 and 2001:db8:1::1, the peer ``.2`` and ``::2``, and ``.3`` and ``::3`` besides. The far host
    has none of these addresses, so that its kernel answers nothing.
    """
    return _build("scripted", ["client", "server"], _link_scripted)


TOPOLOGIES: dict[str, Callable[[], Topology]] = {
    "loopback": loopback,
    "pair": pair,
    "routed": routed,
    "scripted": scripted,
}


def _build(name: str, names: list[str], link: Callable[..., None]) -> Topology:
    hosts: list[Host] = []
    try:
        for each in names:
            hosts.append(_linked(_host(each)))  # noqa: PERF401  One by one, so that those which exist are closed on failure.
        link(*hosts)
    except BaseException:
        for host in hosts:
            host.namespace.close()
        raise
    return Topology(name, hosts, client=hosts[0], server=hosts[-1])


def _host(name: str) -> Host:
    return Host(name, Namespace(name))


def _linked(host: Host) -> Host:
    if host.namespace.has_sysctl(_NO_IPV6):
        for key, value in _LINKED.items():
            host.namespace.set_sysctl(f"net.ipv6.conf.all.{key}", value)
            host.namespace.set_sysctl(f"net.ipv6.conf.default.{key}", value)
    return host


def _has_ipv6(host: Host) -> bool:
    return host.namespace.has_ipv6()


def _link_pair(client: Host, server: Host) -> None:
    _veth(client, "to-server", server, "to-client")
    _address(client, "to-server", "192.0.2.1", "2001:db8:1::1")
    _address(server, "to-client", "192.0.2.2", "2001:db8:1::2")
    set_up((client, "to-server"), (server, "to-client"))


def _link_scripted(client: Host, server: Host) -> None:
    if _has_ipv6(server):
        server.set_sysctl(_NO_IPV6, 1)
        server.set_sysctl("net.ipv6.conf.default.disable_ipv6", 1)
    _veth(client, "to-server", server, "to-client")
    _address(client, "to-server", "192.0.2.1", "2001:db8:1::1")
    server.addresses[INET] = ["192.0.2.2", "192.0.2.3"]
    if _has_ipv6(client):
        server.addresses[INET6] = ["2001:db8:1::2", "2001:db8:1::3"]
    for host, link in ((server, "to-client"), (client, "to-server")):
        host.namespace.ask("link", "set", index=host.namespace.index(link), state="up")
    wait_until(partial(carries, client, "to-server"), "the client's link is up")
    wait_until(partial(_sends, server, "to-client"), "the peer's link is up")
    for address in [each for known in server.addresses.values() for each in known]:
        client.add_neighbour("to-server", address, LINK_ADDRESS)


def _link_routed(client: Host, router: Host, server: Host) -> None:
    _veth(client, "to-router", router, "to-client")
    _veth(server, "to-router", router, "to-server")
    _address(client, "to-router", "192.0.2.1", "2001:db8:1::1")
    _address(router, "to-client", "192.0.2.254", "2001:db8:1::fe")
    _address(router, "to-server", "198.51.100.254", "2001:db8:2::fe")
    _address(server, "to-router", "198.51.100.2", "2001:db8:2::2")
    set_up((client, "to-router"), (router, "to-client"), (router, "to-server"), (server, "to-router"))
    router.set_sysctl("net.ipv4.ip_forward", 1)
    # A limit on ICMP would turn every second "unreachable" into a timeout.
    router.set_sysctl("net.ipv4.icmp_ratelimit", 0)
    client.add_route("default", via="192.0.2.254")
    server.add_route("default", via="198.51.100.254")
    if _has_ipv6(router):
        router.set_sysctl("net.ipv6.conf.all.forwarding", 1)
        router.set_sysctl("net.ipv6.icmp.ratelimit", 0)
        client.add_route("default", via="2001:db8:1::fe")
        server.add_route("default", via="2001:db8:2::fe")


def _veth(one: Host, link: str, other: Host, peer: str) -> None:
    # Both ends are made straight where they belong: one request, and no name ever shows elsewhere. The kernel takes a
    # link whose peer has the same index for one without a peer, and may then be a second late in finding that it is up.
    one.namespace.requests.ask(
        "link", "add", ifname=link, kind="veth", index=_NEAR, peer={"ifname": peer, "net_ns_fd": other.namespace.fd}
    )
    one.namespace.changed("netlink", "link", "add", {"ifname": link, "peer": peer, "of": other.name})


def _address(host: Host, link: str, inet: str, inet6: str) -> None:
    host.add_address(link, inet, 24)
    if _has_ipv6(host):
        host.add_address(link, inet6, 64)


def _sends(host: Host, link: str) -> bool:
    """Tell whether a link without IPv6 sends: until the kernel has dealt with its coming up, it drops what is sent."""
    found = host.namespace.requests.link(host.namespace.index(link))
    return bool(found["operstate"] == "UP" and found["qdisc"] != "noop")

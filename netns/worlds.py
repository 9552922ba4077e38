"""The ready-made worlds: which hosts there are, how they are linked, and what addresses they have.

Every world is dual-stack and uses only documentation addresses (RFC 5737, RFC 3849) beside loopback, so that
no transcript can be mistaken for traffic of a real network. A world is made for one test and closed after it.
"""

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, Self

from netns.namespace import Namespace
from netns.wire import LINK_ADDRESS

INET = socket.AF_INET
INET6 = socket.AF_INET6

IFA_F_NODAD = 0x02  # Without it IPv6 addresses are unusable while duplicate address detection runs.
_NO_IPV6 = "net.ipv6.conf.all.disable_ipv6"
# What a host has for IPv6 before it gets links.
_LINKED = {
    # A link's own link-local address, too, has to be usable at once: without it a router asks for no neighbour, and
    # the first packet that it forwards waits for two seconds, or is answered with an error.
    "accept_dad": 0,
    # Nobody is asked for who does not exist here; packets that no test sends only lengthen captures.
    "router_solicitations": 0,
}
_LINK_UP = 10.0  # Seconds until a link counts as one that never comes up.
_NEAR = 20  # The index of a link's near end; the far end gets the next that is free, from 2 on.
_NOBODY = "02:00:00:00:00:99"
_NUD_PERMANENT = 0x80
RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT, RTN_THROW = 6, 7, 8, 9
_ACTIONS = {"blackhole": 6, "unreachable": 7, "prohibit": 8}  # What a rule does, as <linux/fib_rules.h> has it.
_EARLY, _LATE = 100, 40000  # Before and after the rules that every namespace has.
_MAIN, _LAST_TABLE = 254, 100
_LENGTH = {INET: 32, INET6: 128}


@dataclass
class Host:
    """A machine of a world: a namespace and what is configured in it.

    ``addresses`` holds, per family, the addresses that others know it by, the usual one first; ``spare`` holds one
    more that is added (link, address, prefix) when a test asks for it.
    """

    name: str
    namespace: Namespace
    addresses: dict[int, list[str]] = field(default_factory=dict)
    spare: dict[int, tuple[str, str, int]] = field(default_factory=dict)

    def address(self, family: int) -> str:
        """The address that others reach this host by.

        Raises:
            LookupError: when the host has no address of the family (no IPv6 in this kernel).
        """
        return self._addresses(family)[0]

    def second_address(self, family: int) -> str:
        """Another address of this host, for a stranger or a second peer; it is there from the first asking on."""
        known = self._addresses(family)
        if len(known) == 1 and family in self.spare:
            self.add_address(*self.spare.pop(family))
        return known[1]

    def sysctl(self, name: str, value: int | str) -> None:
        """Set a sysctl of this host; see ``Namespace.set_sysctl``."""
        self.namespace.set_sysctl(name, value)

    def add_address(self, link: str, address: str, prefix: int) -> None:
        """Give a link an address, usable at once."""
        further: dict[str, Any] = {}
        if ":" in address:
            # On lo nobody is asked for a duplicate, and gVisor knows no flags; it takes the local one of two addresses.
            further = {"local": address} if link == "lo" else {"flags": IFA_F_NODAD}
        self._ask("addr", "add", index=self.namespace.index(link), address=address, prefixlen=prefix, **further)
        family = INET6 if ":" in address else INET
        self.addresses.setdefault(family, []).append(address)
        if family == INET6:
            _wait(lambda: self.namespace.has_settled(link, address), f"{address} of host '{self.name}' is reachable")

    def remove_address(self, link: str, address: str, prefix: int) -> None:
        """Take an address from a link; sockets that are bound to it stay bound."""
        self._ask("addr", "del", index=self.namespace.index(link), address=address, prefixlen=prefix)
        self.addresses[INET6 if ":" in address else INET].remove(address)

    def lower(self, link: str) -> None:
        """Set a link down."""
        self._ask("link", "set", index=self.namespace.index(link), state="down")

    def mislead(self, link: str, neighbour: str) -> None:
        """Send what goes to the neighbour to a link address that nobody has: the link carries it, nobody takes it."""
        self._ask(
            "neigh", "replace", ifindex=self.namespace.index(link), dst=neighbour, lladdr=_NOBODY, state=_NUD_PERMANENT
        )

    def find_again(self, link: str, neighbour: str) -> None:
        """End what ``mislead`` began: the neighbour is asked for, and found."""
        self._ask("neigh", "del", ifindex=self.namespace.index(link), dst=neighbour)

    def prefer(self, source: str, link: str, destination: str) -> None:
        """Reach ``destination`` over the link, and from the address ``source`` where a sender has not chosen one."""
        family = INET6 if ":" in source else INET
        index = self.namespace.index(link)
        self._ask("route", "add", family=family, dst=destination, oif=index, prefsrc=source)

    def know(self, link: str, neighbour: str, lladdr: str) -> None:
        """Know a neighbour's link address for good, without asking for it."""
        self._ask(
            "neigh", "replace", ifindex=self.namespace.index(link), dst=neighbour, lladdr=lladdr, state=_NUD_PERMANENT
        )

    def link_address(self, link: str) -> str:
        """The link address of a link."""
        return str(self.namespace.requests.link(self.namespace.index(link))["address"])

    def route(self, destination: str, via: str) -> None:
        """Send what goes to ``destination`` (``default`` or a prefix) by way of the neighbour ``via``."""
        self._ask("route", "add", family=INET6 if ":" in via else INET, dst=destination, gateway=via)

    def discard(self, prefix: str) -> None:
        """Swallow what is sent to ``prefix`` without a word: a blackhole route."""
        self._refuse(prefix, RTN_BLACKHOLE)

    def declare_unreachable(self, prefix: str) -> None:
        """Answer what is sent to ``prefix`` with ICMP host (IPv6: no route) unreachable: an unreachable route."""
        self._refuse(prefix, RTN_UNREACHABLE)

    def prohibit(self, prefix: str) -> None:
        """Answer what is sent to ``prefix`` with ICMP administratively prohibited: a prohibit route."""
        self._refuse(prefix, RTN_PROHIBIT)

    def throw(self, prefix: str) -> None:
        """Give up looking for ``prefix`` in the main table: a throw route. The next table is asked."""
        self._refuse(prefix, RTN_THROW)

    def forget(self, prefix: str) -> None:
        """Take away the route to exactly ``prefix`` that one of the words above made."""
        self._ask("route", "del", family=INET6 if ":" in prefix else INET, dst=prefix, table=_MAIN)

    def rule(self, action: str, to: str) -> None:
        """Let a rule decide what becomes of packets to one address: ``blackhole``, ``unreachable`` or ``prohibit``."""
        self._ask("rule", "add", priority=_EARLY, action=_ACTIONS[action], **_exactly(to))

    def forget_rule(self, action: str, to: str) -> None:
        """Take away what ``rule`` made."""
        self._ask("rule", "del", priority=_EARLY, action=_ACTIONS[action], **_exactly(to))

    def prohibit_where(self, family: int, **selector: Any) -> None:
        """Let a rule prohibit what a selector is about, in pyroute2's words: ``fwmark=7``, ``src=...``, ``tos=16``."""
        self._ask("rule", "add", family=family, priority=_EARLY, action=_ACTIONS["prohibit"], **selector)

    def route_at_last(self, to: str, link: str) -> None:
        """Send what goes to an address over a link if no table knew of it: by a table that is asked last."""
        family = INET6 if ":" in to else INET
        self._ask("rule", "add", family=family, priority=_LATE, table=_LAST_TABLE)
        index = self.namespace.index(link)
        self._ask("route", "add", family=family, dst=f"{to}/{_LENGTH[family]}", oif=index, table=_LAST_TABLE)

    def raise_again(self, link: str) -> None:
        """Set a link up that was set down, and wait until it carries packets."""
        _up((self, link))

    def remove_link(self, link: str) -> None:
        """Remove a link, and with it its other end."""
        self._ask("link", "del", index=self.namespace.index(link))

    def _refuse(self, prefix: str, kind: int) -> None:
        family = INET6 if ":" in prefix else INET
        self._ask("route", "add", family=family, dst=prefix, type=kind)

    def _ask(self, kind: str, command: str, /, **what: Any) -> None:
        self.namespace.ask(kind, command, **what)

    def _addresses(self, family: int) -> list[str]:
        if not self.addresses.get(family):
            name = "IPv6" if family == INET6 else "IPv4"
            raise LookupError(f"host '{self.name}' has no {name} address")
        return self.addresses[family]


@dataclass
class World:
    """The private network that a test stands in. ``client`` makes the call, ``server`` is its peer."""

    name: str
    hosts: list[Host]
    client: Host
    server: Host

    def host(self, name: str) -> Host:
        """A host by name.

        Raises:
            LookupError: when the world has no host of that name.
        """
        for host in self.hosts:
            if host.name == name:
                return host
        known = ", ".join(host.name for host in self.hosts)
        raise LookupError(f"world '{self.name}' has no host '{name}' (it has {known})")

    def describe(self) -> dict[str, Any]:
        """The world as plain data: each host with its links, addresses and routes."""
        return {"name": self.name, "hosts": [host.namespace.describe() for host in self.hosts]}

    def summary(self) -> dict[str, Any]:
        """The world in a few words, from what is known without asking the kernel."""
        hosts = [
            {"name": host.name, "addresses": [address for known in host.addresses.values() for address in known]}
            for host in self.hosts
        ]
        return {"name": self.name, "hosts": hosts}

    def close(self) -> None:
        """Let go of every namespace of the world."""
        for host in self.hosts:
            host.namespace.close()

    def __enter__(self) -> Self:
        """Hold the world for a block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the world."""
        self.close()


def loopback() -> World:
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
    return World("loopback", [host], client=host, server=host)


class KeptLoopback:
    """A loopback world that serves one row after another, for sockets that never meet the network: those of AF_UNIX.

    What such a row can leave in a namespace is a name that somebody holds, and everything that holds one is closed with
    its row. A namespace that was changed (a sysctl, a link) is let go of.
    """

    def __init__(self) -> None:
        self._world: World | None = None

    def make_ready(self) -> World:
        """The world; made where there is none."""
        if self._world is None:
            self._world = loopback()
        return self._world

    def give_back(self, *, well: bool) -> None:
        """End a row's use of it; ``well`` tells that the row left nothing behind that anybody knows of."""
        if self._world is not None and not (well and self._world.client.namespace.fresh):
            self.leave()

    def leave(self) -> None:
        """Let go of the world."""
        if self._world is not None:
            self._world.close()
            self._world = None


kept_loopback = KeptLoopback()


def pair() -> World:
    """Two hosts on one link: client 192.0.2.1 and 2001:db8:1::1, server 192.0.2.2 and 2001:db8:1::2."""
    return _build("pair", ["client", "server"], _link_pair)


def routed() -> World:
    """Three hosts in a row: the client's and the server's nets meet at a router, each the other's default way.

    The client is 192.0.2.1 and 2001:db8:1::1, the server 198.51.100.2 and 2001:db8:2::2; the router is ``.254`` and
    ``::fe`` on both sides.
    """
    return _build("routed", ["client", "router", "server"], _link_routed)


def scripted() -> World:
    """The client at one end of a link; at the other a peer whose every packet a test makes (``fixtures.peer``).

    The client is 192.0.2.1 and 2001:db8:1::1, the peer ``.2`` and ``::2``, and ``.3`` and ``::3`` besides. The far host
    has none of these addresses, so that its kernel answers nothing.
    """
    return _build("scripted", ["client", "server"], _link_scripted)


WORLDS: dict[str, Callable[[], World]] = {"loopback": loopback, "pair": pair, "routed": routed, "scripted": scripted}


def _build(name: str, names: list[str], link: Callable[..., None]) -> World:
    hosts: list[Host] = []
    try:
        for each in names:
            hosts.append(_linked(_host(each)))  # noqa: PERF401  One by one, so that those which exist are closed on failure.
        link(*hosts)
    except BaseException:
        for host in hosts:
            host.namespace.close()
        raise
    return World(name, hosts, client=hosts[0], server=hosts[-1])


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


def _exactly(address: str) -> dict[str, Any]:
    family = INET6 if ":" in address else INET
    return {"family": family, "dst": address, "dst_len": _LENGTH[family]}


def _link_pair(client: Host, server: Host) -> None:
    _veth(client, "to-server", server, "to-client")
    _address(client, "to-server", "192.0.2.1", "2001:db8:1::1")
    _address(server, "to-client", "192.0.2.2", "2001:db8:1::2")
    _up((client, "to-server"), (server, "to-client"))


def _link_scripted(client: Host, server: Host) -> None:
    if _has_ipv6(server):
        server.sysctl(_NO_IPV6, 1)
        server.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
    _veth(client, "to-server", server, "to-client")
    _address(client, "to-server", "192.0.2.1", "2001:db8:1::1")
    server.addresses[INET] = ["192.0.2.2", "192.0.2.3"]
    if _has_ipv6(client):
        server.addresses[INET6] = ["2001:db8:1::2", "2001:db8:1::3"]
    for host, link in ((server, "to-client"), (client, "to-server")):
        host.namespace.ask("link", "set", index=host.namespace.index(link), state="up")
    _wait(partial(_carries, client, "to-server"), "the client's link is up")
    _wait(partial(_sends, server, "to-client"), "the peer's link is up")
    for address in [each for known in server.addresses.values() for each in known]:
        client.know("to-server", address, LINK_ADDRESS)


def _link_routed(client: Host, router: Host, server: Host) -> None:
    _veth(client, "to-router", router, "to-client")
    _veth(server, "to-router", router, "to-server")
    _address(client, "to-router", "192.0.2.1", "2001:db8:1::1")
    _address(router, "to-client", "192.0.2.254", "2001:db8:1::fe")
    _address(router, "to-server", "198.51.100.254", "2001:db8:2::fe")
    _address(server, "to-router", "198.51.100.2", "2001:db8:2::2")
    _up((client, "to-router"), (router, "to-client"), (router, "to-server"), (server, "to-router"))
    router.sysctl("net.ipv4.ip_forward", 1)
    # A limit on ICMP would turn every second "unreachable" into a timeout.
    router.sysctl("net.ipv4.icmp_ratelimit", 0)
    client.route("default", via="192.0.2.254")
    server.route("default", via="198.51.100.254")
    if _has_ipv6(router):
        router.sysctl("net.ipv6.conf.all.forwarding", 1)
        router.sysctl("net.ipv6.icmp.ratelimit", 0)
        client.route("default", via="2001:db8:1::fe")
        server.route("default", via="2001:db8:2::fe")


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


def _up(*links: tuple[Host, str]) -> None:
    """Set links up and wait until they carry packets, which a thread of the kernel sees to, a little later."""
    for host, link in links:
        host.namespace.ask("link", "set", index=host.namespace.index(link), state="up")
    for host, link in links:
        _wait(partial(_carries, host, link), f"link '{link}' of host '{host.name}' is up")


def _carries(host: Host, link: str) -> bool:
    """Tell whether a link carries packets, and the host takes those to its addresses of IPv6."""
    settled = host.namespace.has_settled
    return host.namespace.is_ready(link) and all(settled(link, each) for each in host.addresses.get(INET6, []))


def _sends(host: Host, link: str) -> bool:
    """Tell whether a link without IPv6 sends: until the kernel has dealt with its coming up, it drops what is sent."""
    found = host.namespace.requests.link(host.namespace.index(link))
    return bool(found["operstate"] == "UP" and found["qdisc"] != "noop")


def _wait(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + _LINK_UP
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"within {_LINK_UP:g} s it never came to this: {what}")
        time.sleep(0.0005)  # A look costs less than the netlink socket that would announce it.

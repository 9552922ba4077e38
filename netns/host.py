"""A machine of a topology: its addresses, links, routes, rules and settings, and how a test changes them."""

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from netns.namespace import Namespace
from netns.polling import comes_true

INET = socket.AF_INET
INET6 = socket.AF_INET6
IFA_F_NODAD = 0x02  # Without it IPv6 addresses are unusable while duplicate address detection runs.
_LINK_UP = 60.0  # Seconds until a link counts as one that never comes up: a crowded machine is no fault of a kernel's.
_NOBODY = "02:00:00:00:00:99"
_NUD_PERMANENT = 0x80
RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT, RTN_THROW = 6, 7, 8, 9
_ACTIONS = {"blackhole": 6, "unreachable": 7, "prohibit": 8}  # What a rule does, as <linux/fib_rules.h> has it.
_EARLY, _LATE = 100, 40000  # Before and after the rules that every namespace has.
_MAIN, _LAST_TABLE = 254, 100
_LENGTH = {INET: 32, INET6: 128}


@dataclass
class Host:
    """A machine of a topology: a namespace and what is configured in it.

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

    def set_sysctl(self, name: str, value: int | str) -> None:
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
            wait_until(
                lambda: self.namespace.has_settled(link, address), f"{address} of host '{self.name}' is reachable"
            )

    def delete_address(self, link: str, address: str, prefix: int) -> None:
        """Delete an address from a link; sockets that are bound to it stay bound."""
        self._ask("addr", "del", index=self.namespace.index(link), address=address, prefixlen=prefix)
        self.addresses[INET6 if ":" in address else INET].remove(address)

    def set_link_down(self, link: str) -> None:
        """Set a link down."""
        self._ask("link", "set", index=self.namespace.index(link), state="down")

    def add_wrong_neighbour(self, link: str, neighbour: str) -> None:
        """Add a permanent entry for a neighbour with a link address that nobody has: packets to it are lost."""
        self._ask(
            "neigh", "replace", ifindex=self.namespace.index(link), dst=neighbour, lladdr=_NOBODY, state=_NUD_PERMANENT
        )

    def delete_neighbour(self, link: str, neighbour: str) -> None:
        """Delete a neighbour's entry, also one of ``add_wrong_neighbour``; the host then asks for its link address."""
        self._ask("neigh", "del", ifindex=self.namespace.index(link), dst=neighbour)

    def add_route_with_source(self, source: str, link: str, destination: str) -> None:
        """Add a route to ``destination`` over the link; ``source`` is the address of senders that chose none."""
        family = INET6 if ":" in source else INET
        index = self.namespace.index(link)
        self._ask("route", "add", family=family, dst=destination, oif=index, prefsrc=source)

    def add_neighbour(self, link: str, neighbour: str, lladdr: str) -> None:
        """Add a permanent entry for a neighbour, so that the host does not ask for its link address."""
        self._ask(
            "neigh", "replace", ifindex=self.namespace.index(link), dst=neighbour, lladdr=lladdr, state=_NUD_PERMANENT
        )

    def link_address(self, link: str) -> str:
        """The link address of a link."""
        return str(self.namespace.requests.link(self.namespace.index(link))["address"])

    def add_route(self, destination: str, via: str) -> None:
        """Add a route to ``destination`` (``default`` or a prefix) by way of the neighbour ``via``."""
        self._ask("route", "add", family=INET6 if ":" in via else INET, dst=destination, gateway=via)

    def add_blackhole(self, prefix: str) -> None:
        """Add a blackhole route: what is sent to ``prefix`` is dropped, and nobody is informed."""
        self._refuse(prefix, RTN_BLACKHOLE)

    def add_unreachable(self, prefix: str) -> None:
        """Add an unreachable route: packets to ``prefix`` are answered with ICMP host (IPv6: no route) unreachable."""
        self._refuse(prefix, RTN_UNREACHABLE)

    def add_prohibit(self, prefix: str) -> None:
        """Add a prohibit route: what is sent to ``prefix`` is answered with ICMP administratively prohibited."""
        self._refuse(prefix, RTN_PROHIBIT)

    def add_throw(self, prefix: str) -> None:
        """Add a throw route: the look-up of ``prefix`` leaves the main table, and goes on with the next."""
        self._refuse(prefix, RTN_THROW)

    def delete_route(self, prefix: str) -> None:
        """Delete the route to exactly ``prefix`` from the main table."""
        self._ask("route", "del", family=INET6 if ":" in prefix else INET, dst=prefix, table=_MAIN)

    def add_rule(self, action: str, to: str) -> None:
        """Add a rule for packets to one address; ``action`` is ``blackhole``, ``unreachable`` or ``prohibit``."""
        self._ask("rule", "add", priority=_EARLY, action=_ACTIONS[action], **_exactly(to))

    def delete_rule(self, action: str, to: str) -> None:
        """Delete a rule that ``add_rule`` made."""
        self._ask("rule", "del", priority=_EARLY, action=_ACTIONS[action], **_exactly(to))

    def add_prohibit_rule(self, family: int, **selector: Any) -> None:
        """Add a rule that prohibits what a selector of pyroute2 matches: ``fwmark=7``, ``src=...``, ``tos=16``."""
        self._ask("rule", "add", family=family, priority=_EARLY, action=_ACTIONS["prohibit"], **selector)

    def add_last_route(self, to: str, link: str) -> None:
        """Add a route to an address over a link in a table that is looked up last, after the default tables."""
        family = INET6 if ":" in to else INET
        self._ask("rule", "add", family=family, priority=_LATE, table=_LAST_TABLE)
        index = self.namespace.index(link)
        self._ask("route", "add", family=family, dst=f"{to}/{_LENGTH[family]}", oif=index, table=_LAST_TABLE)

    def set_link_up(self, link: str) -> None:
        """Set a link up that was set down, and wait until it carries packets."""
        set_up((self, link))

    def delete_link(self, link: str) -> None:
        """Delete a link, and with it its other end."""
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


def set_up(*links: tuple[Host, str]) -> None:
    """Set links up and wait until they carry packets, which a thread of the kernel sees to, a little later."""
    for host, link in links:
        host.namespace.ask("link", "set", index=host.namespace.index(link), state="up")
    for host, link in links:
        wait_until(partial(carries, host, link), f"link '{link}' of host '{host.name}' is up")


def carries(host: Host, link: str) -> bool:
    """Tell whether a link carries packets, and the host takes those to its addresses of IPv6."""
    settled = host.namespace.has_settled
    return host.namespace.is_ready(link) and all(settled(link, each) for each in host.addresses.get(INET6, []))


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a state of links or addresses, which comes within moments.

    Raises:
        TimeoutError: when it does not.
    """
    # A look costs less than the netlink socket that would announce it, but many that look keep the kernel from it.
    if not comes_true(condition, _LINK_UP, soonest=0.0005, latest=0.05):
        raise TimeoutError(f"within {_LINK_UP:g} s it never came to this: {what}")


def _exactly(address: str) -> dict[str, Any]:
    family = INET6 if ":" in address else INET
    return {"family": family, "dst": address, "dst_len": _LENGTH[family]}

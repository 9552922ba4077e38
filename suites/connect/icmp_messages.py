"""The tables of ICMP messages: type and code, the errno that Linux makes of each, and how a message is built.

They are those of RFC 792, RFC 1122 and RFC 4443, and the kernel's icmp_err_convert and icmpv6_err_convert().
"""

from dataclasses import dataclass
from errno import (
    EACCES,
    ECONNREFUSED,
    EHOSTDOWN,
    EHOSTUNREACH,
    EMSGSIZE,
    ENETUNREACH,
    ENONET,
    ENOPROTOOPT,
    EOPNOTSUPP,
    EPROTO,
)
from socket import IPPROTO_IP, IPPROTO_IPV6

from fixtures import (
    Outcome,
    Peer,
    Socket,
)
from netns import Packet

IP_RECVERR, IPV6_RECVERR = 11, 25  # See ip(7) and ipv6(7); Python knows neither.


@dataclass(frozen=True)
class Message:
    """An ICMP message, its errno, and whether it is a final one (``passing`` otherwise: it may pass)."""

    type: int
    code: int
    errno: int
    passing: bool = False
    info: int = 0

    def about(self, peer: Peer, packet: Packet) -> None:
        """Let the peer send the message about a packet."""
        peer.error(packet, (self.type, self.code), info=self.info)


# Those that have a clause each.
NAMED = {
    "net-unreachable": Message(3, 0, ENETUNREACH, passing=True),
    "host-unreachable": Message(3, 1, EHOSTUNREACH, passing=True),
    "prot-unreachable": Message(3, 2, ENOPROTOOPT),
    "net-prohibited": Message(3, 9, ENETUNREACH),
    "host-prohibited": Message(3, 10, EHOSTUNREACH),
    "admin-prohibited": Message(3, 13, EHOSTUNREACH),
}
FURTHER = {
    "port-unreachable": Message(3, 3, ECONNREFUSED),
    "source-route-failed": Message(3, 5, EOPNOTSUPP, passing=True),
    "net-unknown": Message(3, 6, ENETUNREACH),
    "host-unknown": Message(3, 7, EHOSTDOWN),
    "host-isolated": Message(3, 8, ENONET),
    "net-unreachable-for-tos": Message(3, 11, ENETUNREACH, passing=True),
    "host-unreachable-for-tos": Message(3, 12, EHOSTUNREACH, passing=True),
    "precedence-violation": Message(3, 14, EHOSTUNREACH),
    "precedence-cutoff": Message(3, 15, EHOSTUNREACH),
    "time-exceeded": Message(11, 0, EHOSTUNREACH, passing=True),
    "parameter-problem": Message(12, 0, EPROTO, info=9 << 24),
    "option-missing": Message(12, 1, EPROTO),
}
SIX = {
    "no-route": Message(1, 0, ENETUNREACH, passing=True),
    "prohibited": Message(1, 1, EACCES),
    "beyond-scope": Message(1, 2, EHOSTUNREACH, passing=True),
    "address-unreachable": Message(1, 3, EHOSTUNREACH, passing=True),
    "port-unreachable6": Message(1, 4, ECONNREFUSED),
    "policy-failed": Message(1, 5, EACCES),
    "reject-route": Message(1, 6, EACCES),
    "code-unknown": Message(1, 7, EPROTO),
    "hop-limit": Message(3, 0, EHOSTUNREACH, passing=True),
    "reassembly6": Message(3, 1, EHOSTUNREACH, passing=True),
    "header-erroneous": Message(4, 0, EPROTO),
    "header-unknown": Message(4, 1, EPROTO),
    "option-unknown": Message(4, 2, EPROTO),
    "type-unknown": Message(100, 0, EPROTO, passing=True),
}
# Path MTU discovery is nothing that ends an attempt; a datagram socket that does it is told.
TOO_BIG = {"fragmentation-needed": Message(3, 4, EMSGSIZE, info=1280)}
TOO_BIG6 = {"too-big": Message(2, 0, EMSGSIZE, info=1280)}
# What a host has to ignore, or makes nothing of.
IGNORED = {
    "source-quench": Message(4, 0, 0),
    "reassembly": Message(11, 1, 0),
    "beyond-the-table": Message(3, 16, 0),
    "type-unassigned": Message(7, 0, 0),
}

FOUR = NAMED | FURTHER
EVERY = FOUR | SIX
DATAGRAM4, DATAGRAM6 = FOUR | TOO_BIG, SIX | TOO_BIG6
DATAGRAM = DATAGRAM4 | DATAGRAM6
# Those that TCP has to take for errors which may pass: RFC 9293, 3.9.2.2.
SOFT4 = ["net-unreachable", "host-unreachable", "source-route-failed", "time-exceeded", "parameter-problem"]
SOFT6 = ["no-route", "address-unreachable", "hop-limit", "reassembly6"]
SOFT6 += ["header-erroneous", "header-unknown", "option-unknown"]


def final(table: dict[str, Message]) -> list[str]:
    """The lines of a table that are final."""
    return [name for name, message in table.items() if not message.passing]


def passing(table: dict[str, Message]) -> list[str]:
    """The lines of a table that may pass."""
    return [name for name, message in table.items() if message.passing]


def receive_errors(sock: Socket, family: str) -> Outcome:
    """Set IP_RECVERR, or IPV6_RECVERR."""
    if family == "inet6":
        return sock.setsockopt(IPPROTO_IPV6, IPV6_RECVERR, 1, name="IPV6_RECVERR", level_name="IPPROTO_IPV6")
    return sock.setsockopt(IPPROTO_IP, IP_RECVERR, 1, name="IP_RECVERR", level_name="IPPROTO_IP")

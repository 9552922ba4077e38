"""Firewall rules of a namespace, spoken to the kernel in nfnetlink's own words (nf_tables), without any tool.

Each rule has a table of its own, so that taking it away is taking the table away. Only what tests of one call need is
here: packets of one family and protocol to one port are dropped, or rejected in one of the kernel's ways.
"""

import itertools
import os
import socket
import struct
from dataclasses import dataclass

from netns.namespace import Namespace

# The messages of <linux/netfilter/nf_tables.h> and <linux/netfilter/nfnetlink.h>, as far as they are spoken here.
_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_TABLES = 10 << 8
_NEW_TABLE, _DEL_TABLE, _NEW_CHAIN, _NEW_RULE, _GET_RULE = (_TABLES | kind for kind in (0, 2, 3, 6, 7))
_REQUEST, _ACK, _DUMP, _CREATE = 0x1, 0x4, 0x300, 0x400
_ERROR, _DONE = 0x2, 0x3
_NESTED = 0x8000

_HOOKS = {"input": 1, "forward": 2, "output": 3}
_PROTOCOLS = {"tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP}
# The family of a table: that of one protocol, or both at once, which the kinds of reject that suit both need.
_OF_FAMILY = {socket.AF_INET: 2, socket.AF_INET6: 10}
_OF_BOTH = 1
_KEY_FAMILY, _KEY_PROTOCOL = 15, 16
_TRANSPORT, _NETWORK = 2, 1
_ADDRESS_AT = {socket.AF_INET: (16, 4), socket.AF_INET6: (24, 16)}  # Where a packet has its destination.

# How a rule can reject: the type that the kernel knows, and its code.
_ICMP, _RESET, _ICMPX = 0, 1, 2
REJECTS: dict[str, tuple[int, int]] = {
    "tcp-reset": (_RESET, 0),
    "icmp-net-unreachable": (_ICMP, 0),
    "icmp-host-unreachable": (_ICMP, 1),
    "icmp-prot-unreachable": (_ICMP, 2),
    "icmp-port-unreachable": (_ICMP, 3),
    "icmp-net-prohibited": (_ICMP, 9),
    "icmp-host-prohibited": (_ICMP, 10),
    "icmp-admin-prohibited": (_ICMP, 13),
    "icmpv6-no-route": (_ICMP, 0),
    "icmpv6-admin-prohibited": (_ICMP, 1),
    "icmpv6-addr-unreachable": (_ICMP, 3),
    "icmpv6-port-unreachable": (_ICMP, 4),
    "icmpv6-policy-fail": (_ICMP, 5),
    "icmpv6-reject-route": (_ICMP, 6),
    "icmpx-no-route": (_ICMPX, 0),
    "icmpx-port-unreachable": (_ICMPX, 1),
    "icmpx-host-unreachable": (_ICMPX, 2),
    "icmpx-admin-prohibited": (_ICMPX, 3),
}

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Match:
    """The packets that a rule is about: of one family and protocol, to one port, and to one address if it is given."""

    family: int
    protocol: str
    port: int
    address: str | None = None


class Rule:
    """A rule in force from its making until ``remove``, or until its namespace ends.

    Args:
        namespace: whose packets.
        hook: ``output`` (what leaves this host), ``input`` (what is for it) or ``forward``.
        match: which packets.
        reject: how they are answered, a key of ``REJECTS``; without it they are dropped without a word.

    Raises:
        OSError: when the kernel has no such tables, hooks or expressions.
    """

    def __init__(self, namespace: Namespace, hook: str, match: Match, reject: str | None = None) -> None:
        self._namespace = namespace
        self._both = reject is not None and REJECTS[reject][0] == _ICMPX
        self._family = _OF_BOTH if self._both else _OF_FAMILY[socket.AddressFamily(match.family)]
        self._table = f"kconform{next(_numbers)}"
        where = _nest(4, _number(1, _HOOKS[hook]) + _number(2, 0))
        chain = _text(1, self._table) + _text(3, hook) + where + _text(7, "filter")
        rule = _text(1, self._table) + _text(2, hook) + _nest(4, self._expressions(match, reject))
        self._batch(
            (_NEW_TABLE, _CREATE, _text(1, self._table)), (_NEW_CHAIN, _CREATE, chain), (_NEW_RULE, _CREATE, rule)
        )

    @property
    def packets(self) -> int:
        """The packets that the rule has stopped so far."""
        found = self._ask(_GET_RULE, _text(1, self._table))
        for expression in _walk(dict(_walk(found))[4]):
            parts = dict(_walk(expression[1]))
            if parts[1] == b"counter\0":
                return int.from_bytes(dict(_walk(parts[2]))[2], "big")
        raise LookupError(f"rule '{self._table}' has no counter")

    def remove(self) -> None:
        """Take the rule away; what it stopped before is stopped no more."""
        self._batch((_DEL_TABLE, 0, _text(1, self._table)))

    def _expressions(self, match: Match, reject: str | None) -> bytes:
        made = b""
        if self._both:
            wanted = _OF_FAMILY[socket.AddressFamily(match.family)]
            made += _expression("meta", _number(2, _KEY_FAMILY) + _number(1, 1)) + _equal(bytes([wanted]))
        made += _expression("meta", _number(2, _KEY_PROTOCOL) + _number(1, 1))
        made += _equal(bytes([_PROTOCOLS[match.protocol]]))
        made += _payload(_TRANSPORT, 2, 2) + _equal(struct.pack("!H", match.port))
        if match.address is not None:
            offset, size = _ADDRESS_AT[socket.AddressFamily(match.family)]
            made += _payload(_NETWORK, offset, size) + _equal(socket.inet_pton(match.family, match.address))
        made += _expression("counter", b"")
        if reject is not None:
            kind, code = REJECTS[reject]
            return made + _expression("reject", _number(1, kind) + _attribute(2, bytes([code])))
        verdict = _nest(2, _nest(2, _number(1, 0)))  # NF_DROP
        return made + _expression("immediate", _number(1, 0) + verdict)

    def _batch(self, *messages: tuple[int, int, bytes]) -> None:
        data = _message(_BATCH_BEGIN, 0, 0, 0, b"", resource=10)
        for number, (kind, flags, body) in enumerate(messages, 1):
            data += _message(kind, flags | _ACK, number, self._family, body)
        data += _message(_BATCH_END, 0, len(messages) + 1, 0, b"", resource=10)
        self._namespace.changed("nftables", data.hex())
        with self._namespace.inside(), _netlink() as netlink:
            netlink.send(data)
            answered = 0
            while answered < len(messages):
                for kind, body in _messages(netlink.recv(1 << 16)):
                    if kind == _ERROR:
                        _must(body)
                        answered += 1

    def _ask(self, kind: int, body: bytes) -> bytes:
        with self._namespace.inside(), _netlink() as netlink:
            netlink.send(_message(kind, _DUMP, 1, self._family, body))
            found = b""
            while True:
                for answer, data in _messages(netlink.recv(1 << 16)):
                    if answer == _DONE:
                        return found
                    if answer == _ERROR:
                        _must(data)
                    found = data[4:]


def _netlink() -> socket.socket:
    made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 12)  # NETLINK_NETFILTER
    made.settimeout(10)
    return made


def _must(body: bytes) -> None:
    code = -struct.unpack_from("=i", body)[0]
    if code:
        raise OSError(code, os.strerror(code), "nf_tables")


def _message(kind: int, flags: int, number: int, family: int, body: bytes, *, resource: int = 0) -> bytes:
    data = struct.pack("=BBH", family, 0, socket.htons(resource)) + body
    return struct.pack("=IHHII", 16 + len(data), kind, flags | _REQUEST, number, 0) + data


def _messages(data: bytes) -> list[tuple[int, bytes]]:
    found = []
    while len(data) >= 16:
        length, kind = struct.unpack_from("=IH", data)
        found.append((kind, data[16:length]))
        data = data[(length + 3) & ~3 :]
    return found


def _attribute(kind: int, data: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def _walk(data: bytes) -> list[tuple[int, bytes]]:
    found = []
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        found.append((kind & ~_NESTED, data[4:length]))
        data = data[(length + 3) & ~3 :]
    return found


def _nest(kind: int, data: bytes) -> bytes:
    return _attribute(kind | _NESTED, data)


def _number(kind: int, value: int) -> bytes:
    return _attribute(kind, struct.pack("!I", value))


def _text(kind: int, value: str) -> bytes:
    return _attribute(kind, value.encode("ascii") + b"\0")


def _expression(name: str, data: bytes) -> bytes:
    return _nest(1, _text(1, name) + _nest(2, data))


def _payload(base: int, offset: int, size: int) -> bytes:
    return _expression("payload", _number(1, 1) + _number(2, base) + _number(3, offset) + _number(4, size))


def _equal(value: bytes) -> bytes:
    return _expression("cmp", _number(1, 1) + _number(2, 0) + _nest(3, _attribute(1, value)))

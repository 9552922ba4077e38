"""The far end of a link where no kernel answers: packets are read there, and made, by whoever holds the ``Wire``.

The frames of the client go to a link address that the far end's own kernel does not have, so that it takes none of
them. Only this module imports Scapy, and late: it costs a quarter of a second.
"""

import os
import queue
import select
import socket
import struct
import threading
from collections import Counter
from dataclasses import dataclass
from functools import cache
from time import monotonic
from types import TracebackType
from typing import Any, Self

from netns.namespace import Namespace

LINK_ADDRESS = "02:00:00:00:00:02"  # Where the client sends what is for the scripted peer.
ECHO, ECHO6, ECHO_REPLY, ECHO_REPLY6 = 8, 128, 0, 129
_ETH_P_ALL, _OUTGOING = 3, 4
_ETHER: dict[int, int] = {socket.AF_INET: 0x0800, socket.AF_INET6: 0x86DD}
_FAMILIES = {number: family for family, number in _ETHER.items()}
_LARGEST = 65600
_HOUSEKEEPING = range(130, 144)  # The ICMPv6 messages about listeners, routers and neighbours.
_HOP_BY_HOP = "0"  # IPv6 reports its multicast groups behind this header.


@dataclass(frozen=True)
class Packet:
    """A packet that the client sent; ``flags`` are TCP's, in Scapy's letters (``S``, ``SA``, ``R``), else ``""``."""

    family: int
    protocol: str
    source: str
    destination: str
    at: float
    raw: bytes
    sport: int = 0
    dport: int = 0
    flags: str = ""
    seq: int = 0
    ack: int = 0
    window: int = 0
    options: tuple[tuple[int, bytes], ...] = ()
    icmp: tuple[int, int] = (-1, -1)
    payload: bytes = b""

    @property
    def option(self) -> dict[int, bytes]:
        """The TCP options by their numbers; each one's bytes without its number and length."""
        return dict(self.options)

    @property
    def next_seq(self) -> int:
        """The sequence number that acknowledges all of the segment."""
        return (self.seq + len(self.payload) + ("S" in self.flags) + ("F" in self.flags)) % 2**32

    def __str__(self) -> str:
        return f"{self.protocol} {self.flags or self.icmp} {self.sport} > {self.dport} seq {self.seq} {self.payload!r}"


class Closer:
    """Closes packet sockets on a thread of its own: the kernel takes ten milliseconds for each, most of it waiting."""

    def __init__(self) -> None:
        self._orders: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._leaving: Counter[int] = Counter()
        self._lock = threading.Lock()
        self.thread: int | None = None
        os.register_at_fork(after_in_child=self._begin_anew)

    @property
    def leaving(self) -> frozenset[int]:
        """The descriptors that are still on their way."""
        with self._lock:
            return frozenset(self._leaving)

    def close(self, fd: int) -> None:
        """Close a descriptor, soon."""
        with self._lock:
            self._leaving[fd] += 1
        if self.thread is None:
            thread = threading.Thread(target=self._serve, name="closer", daemon=True)
            thread.start()
            self.thread = thread.ident
        self._orders.put(fd)

    def _serve(self) -> None:
        while True:
            fd = self._orders.get()
            os.close(fd)
            with self._lock:
                self._leaving -= Counter([fd])

    def _begin_anew(self) -> None:
        """In a child there is no such thread; what was on its way in the parent stays open here, and harms nobody."""
        self._orders, self._leaving, self._lock = queue.SimpleQueue(), Counter(), threading.Lock()
        self.thread = None


closer = Closer()


class Wire:
    """Reads and writes whole packets at one end of a link.

    Args:
        namespace: the host that the end belongs to.
        link: the end's name.
        target: the link address of the other end.
    """

    def __init__(self, namespace: Namespace, link: str, target: str) -> None:
        load_scapy()
        self._target = target
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        try:
            with namespace.inside():
                self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            try:
                self._socket.bind((link, _ETH_P_ALL))
                self._socket.setblocking(False)  # noqa: FBT003  The standard library's word.
            except BaseException:
                self._socket.close()
                raise
        except BaseException:
            os.close(self._wake)
            raise

    def read(self) -> Packet | None:
        """Wait for the next packet of the client's; None when somebody called ``wake``."""
        waits = select.poll()
        for fd in (self._socket.fileno(), self._wake):
            waits.register(fd, select.POLLIN)
        while True:
            if self._socket.fileno() not in dict(waits.poll()):
                os.eventfd_read(self._wake)
                return None
            frame, source = self._socket.recvfrom(_LARGEST)
            family = _FAMILIES.get(int.from_bytes(frame[12:14], "big"))
            if family is None or source[2] == _OUTGOING:
                continue
            packet = parse(family, frame[14:])
            if family == socket.AF_INET or not (packet.protocol == _HOP_BY_HOP or packet.icmp[0] in _HOUSEKEEPING):
                return packet

    def wake(self) -> None:
        """Let ``read`` come back with nothing."""
        os.eventfd_write(self._wake, 1)

    def write(self, family: int, data: bytes) -> None:
        """Send a packet to the client as it is."""
        link_addresses = bytes.fromhex((self._target + LINK_ADDRESS).replace(":", ""))
        self._socket.send(link_addresses + struct.pack("!H", _ETHER[family]) + data)

    def close(self) -> None:
        """Leave the link."""
        closer.close(self._socket.detach())
        os.close(self._wake)

    def __enter__(self) -> Self:
        """Hold the wire for a block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the link."""
        self.close()


@cache
def load_scapy() -> None:
    """Import Scapy: worth it before a process forks many that each need it.

    It would make folders for settings and for a cache in the home of whoever runs this, who never asked for them; and
    where another user's cache lies there, it can't be imported at all. To do without costs a fifth of a second.
    """
    import logging

    logging.getLogger("scapy").setLevel(logging.ERROR)  # It says which addresses it misses; nobody asked.
    nowhere = dict.fromkeys(("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"), f"{os.devnull}/none")
    before = {name: os.environ.get(name) for name in nowhere}
    os.environ.update(nowhere)
    try:
        import scapy.layers.inet
        import scapy.layers.inet6  # noqa: F401
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def parse(family: int, data: bytes) -> Packet:
    """Read a packet."""
    load_scapy()
    from scapy.layers.inet import ICMP, IP, TCP, UDP
    from scapy.layers.inet6 import IPv6

    layer: Any = IP(data) if family == socket.AF_INET else IPv6(data)
    size = layer.len if family == socket.AF_INET else layer.plen + 40
    data = data[:size]  # A short frame ends in padding.
    number = layer.proto if family == socket.AF_INET else layer.nh
    fields: dict[str, Any] = {}
    name = str(number)
    if TCP in layer:
        tcp = layer[TCP]
        name = "tcp"
        header = data[layer.ihl * 4 if family == socket.AF_INET else 40 :]
        length = tcp.dataofs * 4
        fields = {
            "sport": tcp.sport,
            "dport": tcp.dport,
            "flags": str(tcp.flags),
            "seq": tcp.seq,
            "ack": tcp.ack,
            "window": tcp.window,
            "options": _options(header[20:length]),
            "payload": header[length:],
        }
    elif UDP in layer:
        udp = layer[UDP]
        name = "udp"
        fields = {"sport": udp.sport, "dport": udp.dport, "payload": bytes(udp.payload)}
    elif ICMP in layer or number == socket.IPPROTO_ICMPV6:
        name = "icmp"
        rest = data[layer.ihl * 4 :] if family == socket.AF_INET else data[40:]
        fields = {"icmp": (rest[0], rest[1]), "payload": rest[4:]}
    return Packet(family, name, layer.src, layer.dst, monotonic(), data, **fields)


def segment(
    packet: Packet, flags: str, *, seq: int, ack: int, window: int, payload: bytes, options: list[tuple[Any, Any]]
) -> bytes:
    """A TCP segment back to where a packet came from."""
    load_scapy()
    from scapy.layers.inet import TCP
    from scapy.packet import Raw

    tcp: Any = TCP(
        sport=packet.dport, dport=packet.sport, flags=flags, seq=seq, ack=ack, window=window, options=options
    )
    return bytes(_network(packet.family, packet.destination, packet.source) / tcp / Raw(payload))


def datagram(family: int, source: tuple[str, int], target: tuple[str, int], payload: bytes) -> bytes:
    """A UDP datagram."""
    load_scapy()
    from scapy.layers.inet import UDP
    from scapy.packet import Raw

    udp: Any = UDP(sport=source[1], dport=target[1])
    return bytes(_network(family, source[0], target[0]) / udp / Raw(payload))


def icmp(family: int, source: str, target: str, message: tuple[int, int], body: bytes) -> bytes:
    """An ICMP (or ICMPv6) message of a type and code; the body begins with the four bytes after the checksum."""
    load_scapy()
    from scapy.layers.inet6 import ICMPv6Unknown
    from scapy.packet import Raw
    from scapy.utils import checksum

    if family == socket.AF_INET6:
        made: Any = ICMPv6Unknown(type=message[0], code=message[1], msgbody=body)
        return bytes(_network(family, source, target) / made)
    head, rest = bytes(message), body
    packet: Any = _network(family, source, target)
    packet.proto = socket.IPPROTO_ICMP
    return bytes(packet / Raw(head + checksum(head + bytes(2) + rest).to_bytes(2, "big") + rest))


def altered(packet: Packet, **changes: Any) -> bytes:
    """A packet as it was sent, but for some of its fields: ``src``, ``dst``, ``sport``, ``dport``, ``seq``."""
    load_scapy()
    from scapy.layers.inet import IP, TCP, UDP
    from scapy.layers.inet6 import IPv6

    if not changes:
        return packet.raw
    layer: Any = IP(packet.raw) if packet.family == socket.AF_INET else IPv6(packet.raw)
    for name, value in changes.items():
        place = layer if name in ("src", "dst", "proto", "nh") else layer[TCP if packet.protocol == "tcp" else UDP]
        setattr(place, name, value)
    if packet.family == socket.AF_INET:
        del layer.chksum
    return bytes(layer)


def _network(family: int, source: str, target: str) -> Any:
    load_scapy()
    from scapy.layers.inet import IP
    from scapy.layers.inet6 import IPv6

    return IP(src=source, dst=target) if family == socket.AF_INET else IPv6(src=source, dst=target)


def _options(data: bytes) -> tuple[tuple[int, bytes], ...]:
    found: list[tuple[int, bytes]] = []
    while data and data[0] != 0:
        length = 1 if data[0] == 1 or len(data) < 2 else max(data[1], 2)
        if data[0] != 1:
            found.append((data[0], data[2:length]))
        data = data[length:]
    return tuple(found)

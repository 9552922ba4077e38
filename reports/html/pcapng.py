"""The packets of a pcapng file in words, for the report: when, where, and what each one was in a line.

Only what tests of connect(2) meet is told in detail: ARP, IPv4 and IPv6 with TCP, UDP and ICMP. The file itself stays
beside the report for whoever wants every bit. It may be a stranger's: whatever is odd in it ends the reading, not the
report.
"""

import struct
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

Told = tuple[int, str, str]  # Microseconds since the first packet; host, link and direction; what it was.

_LARGEST = 4 << 20  # Bytes of a file that is read.
_MOST = 300  # Packets that are told; a reader looks at no more.
_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_NAME, _RESOLUTION, _FLAGS = 2, 9, 2
_MAGIC = 0x1A2B3C4D
_ETHERNET = 1
_WAYS = {1: "in", 2: "out"}
_TCP = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR")
_UNREACHABLE = {
    0: "network unreachable",
    1: "host unreachable",
    2: "protocol unreachable",
    3: "port unreachable",
    4: "fragmentation needed",
    13: "administratively prohibited",
}
_ICMP = {0: "echo reply", 3: "unreachable", 5: "redirect", 8: "echo request", 11: "time exceeded", 12: "bad parameter"}
_UNREACHABLE6 = {0: "no route", 1: "administratively prohibited", 3: "address unreachable", 4: "port unreachable"}
_ICMP6 = {
    1: "unreachable",
    2: "packet too big",
    3: "time exceeded",
    4: "bad parameter",
    128: "echo request",
    129: "echo reply",
    133: "router solicitation",
    134: "router advertisement",
    135: "neighbour solicitation",
    136: "neighbour advertisement",
    143: "multicast listener report",
}


def tell(path: Path) -> list[Told]:
    """The packets of a file in words, the first few hundred; none where it can't be read."""
    told: list[Told] = []
    first: int | None = None
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST)
        for at, where, frame in _packets(data):
            first = at if first is None else first
            told.append((at - first, where, _frame(frame)))
            if len(told) == _MOST:
                break
    except (OSError, struct.error, IndexError, ValueError, OverflowError):
        pass  # The rest is in the file.
    return told


def _packets(data: bytes) -> Iterator[tuple[int, str, bytes]]:
    """The packets of a pcapng file: microseconds, where, and the frame."""
    order, place = "<", 0
    interfaces: list[tuple[str, int, int]] = []
    while place + 12 <= len(data):
        if struct.unpack_from("<I", data, place)[0] == _SECTION:
            order = "<" if struct.unpack_from("<I", data, place + 8)[0] == _MAGIC else ">"
            interfaces = []
        kind, length = struct.unpack_from(f"{order}II", data, place)
        if length < 12:
            return
        body = data[place + 8 : place + length - 4]
        place += length
        if kind == _INTERFACE:
            (link,) = struct.unpack_from(f"{order}H", body)
            options = _options(body[8:], order)
            ticks = options.get(_RESOLUTION, b"\x06")[0]
            rate = 2 ** (ticks & 0x7F) if ticks & 0x80 else 10**ticks
            interfaces.append((options.get(_NAME, b"?").decode("utf-8", "replace"), rate, link))
        elif kind == _PACKET:
            number, high, low, captured, _ = struct.unpack_from(f"{order}5I", body)
            name, rate, link = interfaces[number]
            flags = _options(body[20 + (captured + 3) // 4 * 4 :], order).get(_FLAGS, bytes(4))
            way = _WAYS.get(struct.unpack(f"{order}I", flags)[0] & 3, "")
            if link == _ETHERNET:
                yield ((high << 32 | low) * 1_000_000 // rate, f"{name} {way}".strip(), body[20 : 20 + captured])


def _options(data: bytes, order: str) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    place = 0
    while place + 4 <= len(data):
        code, length = struct.unpack_from(f"{order}HH", data, place)
        if code == 0:
            break
        found.setdefault(code, data[place + 4 : place + 4 + length])
        place += 4 + (length + 3) // 4 * 4
    return found


def _frame(data: bytes) -> str:
    (kind,) = struct.unpack_from(">H", data, 12)
    body = data[14:]
    if kind == 0x0806:
        operation = {1: "who has", 2: "reply"}.get(struct.unpack_from(">H", body, 6)[0], "?")
        return f"ARP {operation}: {IPv4Address(body[14:18])} > {IPv4Address(body[24:28])}"
    if kind == 0x0800:
        head = (body[0] & 0x0F) * 4
        source, target = str(IPv4Address(body[12:16])), str(IPv4Address(body[16:20]))
        whole = struct.unpack_from(">H", body, 2)[0]
        if struct.unpack_from(">H", body, 6)[0] & 0x1FFF:
            return f"{source} > {target} fragment"
        return _payload(body[9], source, target, body[head : max(whole, head)])
    if kind == 0x86DD:
        source, target = f"[{IPv6Address(body[8:24])}]", f"[{IPv6Address(body[24:40])}]"
        protocol, rest = body[6], body[40 : 40 + struct.unpack_from(">H", body, 4)[0]]
        if protocol == 0:  # Options for each hop, as those who join a group send them.
            protocol, rest = rest[0], rest[8 + rest[1] * 8 :]
        return _payload(protocol, source, target, rest)
    return f"frame of type 0x{kind:04x}"


def _payload(protocol: int, source: str, target: str, data: bytes) -> str:
    if protocol == 6:
        ports = struct.unpack_from(">HH", data)
        flags = ", ".join(name for bit, name in enumerate(_TCP) if data[13] >> bit & 1) or "no flag"
        size = len(data) - (data[12] >> 4) * 4
        more = f", {size} bytes" if size > 0 else ""
        return f"TCP {source}:{ports[0]} > {target}:{ports[1]} {flags}{more}"
    if protocol in (17, 136):
        ports = struct.unpack_from(">HH", data)
        return (
            f"{'UDP' if protocol == 17 else 'UDP-Lite'} {source}:{ports[0]} > {target}:{ports[1]} {len(data) - 8} bytes"
        )
    if protocol == 1:
        return f"ICMP {source} > {target} {_icmp(data, _ICMP, 3, _UNREACHABLE)}"
    if protocol == 58:
        return f"ICMPv6 {source} > {target} {_icmp(data, _ICMP6, 1, _UNREACHABLE6)}"
    return f"protocol {protocol} {source} > {target}"


def _icmp(data: bytes, names: dict[int, str], unreachable: int, codes: dict[int, str]) -> str:
    kind, code = data[0], data[1]
    if kind == unreachable and code in codes:
        return codes[code]
    name = names.get(kind, f"type {kind}")
    return f"{name}, code {code}" if code else name

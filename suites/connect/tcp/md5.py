"""TCP segments with MD5 signatures, as RFC 2385 has them: keys, and a peer's digests."""

import hashlib
import socket
import struct

from fixtures import (
    Address,
    Outcome,
    Peer,
    Socket,
)
from fixtures.probes import (
    TCP_MD5SIG,
    md5_key,
)
from netns import INET, Packet

MD5 = 19  # The number of the TCP option.
KEY, OTHER = b"a key of both", b"another key"
_FLAGS = {"F": 1, "S": 2, "R": 4, "A": 16}
_SIGNED_HEADER = 40  # Bytes: the header, and the option, filled up.


def set_key(sock: Socket, peer: Address, key: bytes) -> Outcome:
    """Sign what goes to the host of the address, and hear from it only what is signed."""
    value = md5_key(peer.pack(), key)
    return sock.setsockopt(socket.IPPROTO_TCP, TCP_MD5SIG, value, name="TCP_MD5SIG", level_name="IPPROTO_TCP")


def digest_of(packet: Packet, key: bytes) -> bytes:
    """The signature that a segment has to have."""
    start = (packet.raw[0] & 15) * 4 if packet.family == INET else 40
    segment = packet.raw[start:]
    ends = (packet.source, packet.destination)
    return _digest(packet.family, ends, segment[:20], len(segment), packet.payload + key)


def signed(to: Packet, flags: str, *, seq: int, key: bytes, window: int = 65535) -> list[tuple[int, bytes]]:
    """The options of the peer's answer to a segment, with these flags and this sequence number."""
    bits = sum(_FLAGS[flag] for flag in flags)
    header = struct.pack(
        "!HHIIBBHHH", to.dport, to.sport, seq, to.next_seq, _SIGNED_HEADER // 4 << 4, bits, window, 0, 0
    )
    return [(MD5, _digest(to.family, (to.destination, to.source), header, _SIGNED_HEADER, key))]


def says_signed(peer: Peer, to: Packet, flags: str, key: bytes) -> None:
    """Let the peer answer a segment with a signed one."""
    peer.says(to, flags, options=signed(to, flags, seq=peer.seq(to), key=key))


def _digest(family: int, ends: tuple[str, str], header: bytes, length: int, rest: bytes) -> bytes:
    addresses = b"".join(socket.inet_pton(family, each) for each in ends)
    layout = "!BBH" if family == INET else "!II"
    numbers = (0, socket.IPPROTO_TCP, length) if family == INET else (length, socket.IPPROTO_TCP)
    unsummed = header[:16] + bytes(2) + header[18:20]
    made = addresses + struct.pack(layout, *numbers) + unsummed + rest
    return hashlib.md5(made, usedforsecurity=False).digest()

"""Every packet that passes the links of some hosts, as a pcapng file whose interfaces bear the names of host and link.

The kernel keeps the packets in the buffer of a socket in each namespace until they are asked for, so that nothing has
to run beside what is watched. To close such a socket takes the kernel ten milliseconds: too long for every row.
"""

import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from netns.host import Host
from netns.wire import load_scapy

_ETH_P_ALL, _OUTGOING = 3, 4
_SO_RCVBUFFORCE, _SO_TIMESTAMPNS = 33, 35
_PACKET_STATISTICS = 6
_SOL_PACKET = 263
_ROOM = 16 << 20  # Bytes for the packets of one host; a row sends some kilobytes.
_LARGEST = 1 << 17
_TIMESPEC = struct.Struct("@ll")
_INBOUND, _OUTBOUND = 1, 2  # As pcapng has it.


@dataclass(frozen=True)
class Captured:
    """A packet at one end of a link; ``at`` is in nanoseconds since 1970, ``data`` begins with the link layer."""

    at: int
    interface: str
    outbound: bool
    data: bytes


class Capture:
    """Watches all links of some hosts from its making on.

    Args:
        hosts: the hosts.

    Raises:
        OSError: when the kernel gives no packet sockets here.
    """

    def __init__(self, hosts: Iterable[Host]) -> None:
        self.lost = 0
        self._sockets: list[tuple[str, socket.socket]] = []
        try:
            for host in hosts:
                with host.namespace.inside():
                    watching = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
                self._sockets.append((host.name, watching))
                _make_room(watching)
                watching.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
                watching.setblocking(False)  # noqa: FBT003  The standard library's word.
        except BaseException:
            self.close()
            raise

    def packets(self) -> list[Captured]:
        """What has passed since it was last asked, by time; ``lost`` counts what did not fit into the buffers."""
        found = [packet for host, watching in self._sockets for packet in _drained(host, watching)]
        for _, watching in self._sockets:
            self.lost += struct.unpack("=II", watching.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))[1]
        return sorted(found, key=lambda packet: packet.at)

    def close(self) -> None:
        """Stop watching."""
        while self._sockets:
            self._sockets.pop()[1].close()

    def __enter__(self) -> Self:
        """Watch for a block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop watching."""
        self.close()


def write_packets(path: Path, packets: Iterable[Captured]) -> None:
    """Write packets into a pcapng file, each with its interface and its direction."""
    load_scapy()
    from scapy.layers.l2 import Ether
    from scapy.utils import PcapNgWriter

    with PcapNgWriter(str(path)) as writer:
        for packet in packets:
            frame = Ether(packet.data)
            frame.time = packet.at / 1e9
            frame.sniffed_on = packet.interface
            frame.direction = _OUTBOUND if packet.outbound else _INBOUND
            writer.write(frame)


def _make_room(watching: socket.socket) -> None:
    try:
        watching.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _ROOM)
    except PermissionError:  # Up to the limit that the machine's owner has set.
        watching.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM)


def _drained(host: str, watching: socket.socket) -> Iterable[Captured]:
    while True:
        try:
            data, ancillary, _, source = watching.recvmsg(_LARGEST, 64)
        except BlockingIOError:
            return
        except OSError:  # The link has gone down; what it had passed before is still there.
            continue
        link, outbound = str(source[0]), source[2] == _OUTGOING
        if link == "lo" and outbound:  # It comes in as well.
            continue
        stamps = [_TIMESPEC.unpack(each) for _, kind, each in ancillary if kind == _SO_TIMESTAMPNS]
        seconds, nanoseconds = stamps[0] if stamps else (0, 0)
        yield Captured(seconds * 1_000_000_000 + nanoseconds, f"{host}:{link}", outbound, data)

"""Route netlink requests that change a namespace: links, addresses, routes, rules and neighbours.

pyroute2 makes the messages and reads the answers. A suite makes the same handful of changes thousands of times, so a
message is made once, kept, and sent again by a socket of its own: what is left is what the kernel needs for it.
See rtnetlink(7).
"""

import os
import socket
import struct
from functools import lru_cache
from typing import Any

_HEADER = struct.Struct("=IHHII")  # struct nlmsghdr: length, type, flags, sequence, port.
_NLMSG_ERROR = 2
_ANSWER = 65536
_SECONDS = 20.0  # Until a request counts as one that the kernel never answers.


class Requests:
    """A route netlink socket in the namespace of the thread that makes it."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        self._socket.settimeout(_SECONDS)
        self._sequence = 0

    def ask(self, kind: str, command: str, /, **what: Any) -> bytes:
        """Send one request and give the kernel's answer, empty where it only acknowledges.

        Args:
            kind: ``link``, ``addr``, ``route``, ``rule`` or ``neigh``.
            command: ``add``, ``del``, ``set``, ``replace`` or ``get``.
            what: as pyroute2's IPRoute takes it.

        Raises:
            OSError: with the errno that the kernel answered.
        """
        self._sequence += 1
        message = bytearray(_message(kind, command, _hashable(what)))
        length, number, flags, _, _ = _HEADER.unpack_from(message)
        _HEADER.pack_into(message, 0, length, number, flags, self._sequence, 0)
        self._socket.send(message)
        answer = b""
        while True:
            data = self._socket.recv(_ANSWER)
            _, number, _, sequence, _ = _HEADER.unpack_from(data)
            if sequence != self._sequence:
                continue
            if number != _NLMSG_ERROR:
                answer = data
                continue
            code = -struct.unpack_from("=i", data, _HEADER.size)[0]
            if code:
                words = " ".join(f"{key}={value}" for key, value in what.items())
                raise OSError(code, os.strerror(code), f"netlink: {kind} {command} {words}")
            return answer

    def link(self, index: int) -> dict[str, Any]:
        """What the kernel tells of a link, by pyroute2's names (``operstate``, ``qdisc``, ``address``)."""
        from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg

        told = ifinfmsg(self.ask("link", "get", index=index))
        told.decode()
        return {name.removeprefix("IFLA_").lower(): value for name, value in told["attrs"]}

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


@lru_cache(maxsize=4096)
def _message(kind: str, command: str, what: tuple[tuple[str, Any], ...]) -> bytes:
    # Imported late: pyroute2 costs a tenth of a second, which a listing or a bad option need not pay.
    from pyroute2 import IPBatch

    batch = IPBatch()
    getattr(batch, kind)(command, **_plain(what))
    made = bytes(batch.batch)
    batch.close()
    return made


def _hashable(what: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple((key, _hashable(value) if isinstance(value, dict) else value) for key, value in what.items())


def _plain(what: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    return {key: _plain(value) if isinstance(value, tuple) else value for key, value in what}

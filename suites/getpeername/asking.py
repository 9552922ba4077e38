"""getpeername with any pointers: the buffer, the number beside it, and what the kernel left in both."""

import ctypes
import struct

from fixtures import (
    Memory,
    Outcome,
    Socket,
)

ROOM = 256
"""Bytes of a buffer: more than any address has."""
UNTOUCHED = b"\xa5"


class Asked:
    """A buffer of ``ROOM`` bytes that hold nothing but ``UNTOUCHED``, of which the kernel is told ``length``."""

    def __init__(self, length: int) -> None:
        self._buffer = ctypes.create_string_buffer(UNTOUCHED * ROOM, ROOM)
        self._length = ctypes.c_int32(length)
        self.name, self.size = ctypes.addressof(self._buffer), ctypes.addressof(self._length)

    @property
    def length(self) -> int:
        """What the number is now."""
        return self._length.value

    @property
    def stored(self) -> bytes:
        """The bytes from the first to the last that is not what it was."""
        return self._buffer.raw.rstrip(UNTOUCHED)


def ask(sock: Socket, name: int, size: int) -> Outcome:
    """getpeername(2) with any two pointers; whoever passes an address keeps the buffer alive."""
    return sock.calls.make("getpeername", sock.fd, name, size, shown=[sock.shown, hex(name), hex(size)])


def number_at_edge(memory: Memory, value: int, readable: int = 4) -> int:
    """The address of an int behind whose first ``readable`` bytes there is no memory."""
    return memory.ending_at_edge(struct.pack("=i", value)[:readable])


def before_edge(memory: Memory, count: int) -> bytes:
    """The last ``count`` bytes that can be read."""
    return ctypes.string_at(memory.edge - count, count)

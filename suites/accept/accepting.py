"""accept(2) with any pointers, and a buffer for the peer's name that shows what was written to it."""

import ctypes
import struct

from fixtures import Outcome, Socket

ROOM = 256
"""Bytes of the buffer: more than any address has."""
UNTOUCHED = b"\xa5"


class Name:
    """A buffer of ``ROOM`` bytes that are all ``UNTOUCHED``, and the length that the kernel is given for it."""

    def __init__(self, listener: Socket, length: int) -> None:
        self.pointer = listener.calls.place(UNTOUCHED * ROOM)
        self.size = listener.calls.place(struct.pack("=i", length))

    @property
    def length(self) -> int:
        """The length as it is now."""
        return ctypes.c_int32.from_address(self.size).value

    @property
    def stored(self) -> bytes:
        """The bytes from the first to the last that was written."""
        return ctypes.string_at(self.pointer, ROOM).rstrip(UNTOUCHED)


def accept(listener: Socket, pointer: int = 0, size: int = 0) -> Outcome:
    """accept(2); the value is the accepted socket."""

    def accepted(fd: int) -> tuple[Socket, str]:
        listener.calls.opened(fd, "accepted")
        return Socket(listener.calls, fd, "accepted"), f"{fd}<accepted>"

    shown = [listener.shown, hex(pointer) if pointer else "NULL", hex(size) if size else "NULL"]
    return listener.calls.make("accept", listener.fd, pointer, size, shown=shown, finish=accepted)

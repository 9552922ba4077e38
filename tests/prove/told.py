"""One call of a row's and what it truly came to, what was true of the row's sockets before, and the row's memory.

Nothing here lies. Memory is read and written by the kernel's own calls for it, since a row tries what a kernel does
with bad pointers.
"""

import ctypes
import os
import socket
import struct
from dataclasses import dataclass, field

ADDRESS = {16: 7, 28: 23}
"""Lengths of the internet's addresses, and the place of the last byte of the host in each."""

_LONGEST, _MASK = 256, (1 << 64) - 1  # Bytes of the longest name, and the bits of a pointer.


class _Part(ctypes.Structure):
    _fields_ = (("start", ctypes.c_void_p), ("size", ctypes.c_size_t))


libc = ctypes.CDLL(None, use_errno=True)


def readable(pointer: int, size: int) -> bytes:
    """The bytes at a pointer that may be any: a row tries what a kernel does with bad ones."""
    size = min(size, _LONGEST)
    buffer = ctypes.create_string_buffer(_LONGEST)
    here, there = _Part(ctypes.addressof(buffer), size), _Part(pointer & _MASK, size)
    ends = (ctypes.byref(here), ctypes.c_ulong(1), ctypes.byref(there), ctypes.c_ulong(1), ctypes.c_ulong(0))
    got = libc.process_vm_readv(os.getpid(), *ends)
    return buffer.raw[: max(got, 0)]


def write(pointer: int, data: bytes) -> None:
    """Put bytes where a pointer leads, if anything can be put there."""
    buffer = ctypes.create_string_buffer(data, max(len(data), 1))
    here, there = _Part(ctypes.addressof(buffer), len(data)), _Part(pointer & _MASK, len(data))
    ends = (ctypes.byref(here), ctypes.c_ulong(1), ctypes.byref(there), ctypes.c_ulong(1), ctypes.c_ulong(0))
    libc.process_vm_writev(os.getpid(), *ends)


@dataclass
class Memory:
    """What was true of a row's sockets before, for lies about what should be gone by now."""

    errors: dict[int, int] = field(default_factory=dict)
    data: dict[int, bytes] = field(default_factory=dict)
    peers: dict[int, bytes] = field(default_factory=dict)
    asked: dict[int, int] = field(default_factory=dict)  # What a poller was told to look for.

    def note(self, told: "Told") -> None:
        """Learn from a call that has truly come back."""
        fd = told.arguments[0]
        if told.call == "close":
            for known in (self.errors, self.data, self.peers, self.asked):
                known.pop(fd, None)
        elif told.asks_for_error and told.well:
            self.errors[fd] = int_at(told.arguments[3]).value or self.errors.get(fd, 0)
        elif told.call == "recvfrom" and told.returned > 0:
            self.data[fd] = ctypes.string_at(told.arguments[1], told.returned)
        elif told.call == "getpeername" and told.well:
            self.peers[fd] = told.name
        elif told.call == "epoll_ctl" and told.well:
            self.asked[fd] = ctypes.c_uint32.from_address(told.arguments[3]).value


@dataclass
class Told:
    """One call and what it came to; ``arguments`` are pointers for as long as the call's caller holds them."""

    call: str
    arguments: tuple[int, ...]
    returned: int
    error: int
    seconds: float
    memory: Memory

    @property
    def well(self) -> bool:
        """Whether the call succeeded."""
        return self.returned >= 0

    @property
    def failed(self) -> bool:
        """Whether it failed as calls do, with an errno."""
        return self.returned == -1 and self.error != 0

    @property
    def asks_for_error(self) -> bool:
        """Whether it is getsockopt of SO_ERROR."""
        return self.call == "getsockopt" and self.arguments[1:3] == (socket.SOL_SOCKET, socket.SO_ERROR)

    @property
    def name(self) -> bytes:
        """The address that a call filled in, of getsockname and getpeername; empty where nothing can be read there."""
        return readable(self.arguments[1], int.from_bytes(readable(self.arguments[2], 4), "little"))

    @property
    def family(self) -> int:
        """The family of that address; -1 where there is none."""
        name = self.name if self.well else b""
        return struct.unpack_from("=H", name)[0] if len(name) >= 2 else -1

    @property
    def internet(self) -> bool:
        """Whether that address is one of the internet's."""
        return len(self.name) in ADDRESS and self.family in (socket.AF_INET, socket.AF_INET6)


def int_at(pointer: int) -> ctypes.c_int:
    return ctypes.c_int.from_address(pointer)


def put_name(pointer: int, size: int, name: bytes) -> None:
    """Give a name as the kernel would, or nothing where a row's pointers are bad."""
    room = int.from_bytes(readable(size, 4), "little", signed=True)
    if room > 0:
        write(pointer, name[:room])
        write(size, struct.pack("=I", len(name)))

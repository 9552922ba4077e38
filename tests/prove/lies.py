"""The lies: each says of one call something else than the kernel did, as a kernel with a bug would.

A lie looks at what a call truly came to (``fits``), and then gives another answer (``tell``), for which it may write
where the kernel would have. A lie that is told instead of the call (``instead``) has nothing happen at all. Nothing
here knows of rows or verdicts.
"""

import ctypes
import errno
import os
import select
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Answer = tuple[int, int]

ANOTHER = {
    errno.EACCES: errno.EPERM,
    errno.EADDRINUSE: errno.EADDRNOTAVAIL,
    errno.EADDRNOTAVAIL: errno.EADDRINUSE,
    errno.EAFNOSUPPORT: errno.EINVAL,
    errno.EAGAIN: errno.EINPROGRESS,
    errno.EALREADY: errno.EISCONN,
    errno.ECONNREFUSED: errno.EHOSTUNREACH,
    errno.ECONNRESET: errno.EPIPE,
    errno.EHOSTUNREACH: errno.ENETUNREACH,
    errno.EINPROGRESS: errno.EALREADY,
    errno.EINTR: errno.EINPROGRESS,
    errno.EINVAL: errno.EAFNOSUPPORT,
    errno.EISCONN: errno.EALREADY,
    errno.ENETUNREACH: errno.EHOSTUNREACH,
    errno.ENOENT: errno.ENOTDIR,
    errno.ENOTCONN: errno.EINVAL,
    errno.EPERM: errno.EACCES,
    errno.EPIPE: errno.ENOTCONN,
    errno.ETIMEDOUT: errno.EHOSTUNREACH,
}
"""For an errno another one that a kernel might well confuse it with; EIO for all that are not here."""

# What a call is said to have failed with that did not fail.
_FAILURE = {
    "connect": errno.ECONNREFUSED,
    "bind": errno.EADDRINUSE,
    "listen": errno.EADDRINUSE,
    "setsockopt": errno.ENOPROTOOPT,
    "getsockopt": errno.ENOPROTOOPT,
    "getpeername": errno.ENOTCONN,
    "getsockname": errno.ENOBUFS,
    "shutdown": errno.ENOTCONN,
    "sendto": errno.EPIPE,
    "recvfrom": errno.EAGAIN,
}
_PORT, _ADDRESS, _SCOPE = 3, {16: 7, 28: 23}, 24  # Places in addresses of the internet.
_PID = 4  # And in those of netlink.
_STRANGER = b"stranger"
_LONGEST, _MASK = 256, (1 << 64) - 1  # Bytes of the longest name, and the bits of a pointer.


class _Part(ctypes.Structure):
    _fields_ = (("start", ctypes.c_void_p), ("size", ctypes.c_size_t))


_libc = ctypes.CDLL(None, use_errno=True)


def _readable(pointer: int, size: int) -> bytes:
    """The bytes at a pointer that may be any: a row tries what a kernel does with bad ones."""
    size = min(size, _LONGEST)
    buffer = ctypes.create_string_buffer(_LONGEST)
    here, there = _Part(ctypes.addressof(buffer), size), _Part(pointer & _MASK, size)
    ends = (ctypes.byref(here), ctypes.c_ulong(1), ctypes.byref(there), ctypes.c_ulong(1), ctypes.c_ulong(0))
    got = _libc.process_vm_readv(os.getpid(), *ends)
    return buffer.raw[: max(got, 0)]


def _write(pointer: int, data: bytes) -> None:
    """Put bytes where a pointer leads, if anything can be put there."""
    buffer = ctypes.create_string_buffer(data, max(len(data), 1))
    here, there = _Part(ctypes.addressof(buffer), len(data)), _Part(pointer & _MASK, len(data))
    ends = (ctypes.byref(here), ctypes.c_ulong(1), ctypes.byref(there), ctypes.c_ulong(1), ctypes.c_ulong(0))
    _libc.process_vm_writev(os.getpid(), *ends)


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
            self.errors[fd] = _int(told.arguments[3]).value or self.errors.get(fd, 0)
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
        return _readable(self.arguments[1], int.from_bytes(_readable(self.arguments[2], 4), "little"))

    @property
    def family(self) -> int:
        """The family of that address; -1 where there is none."""
        name = self.name if self.well else b""
        return struct.unpack_from("=H", name)[0] if len(name) >= 2 else -1

    @property
    def internet(self) -> bool:
        """Whether that address is one of the internet's."""
        return len(self.name) in _ADDRESS and self.family in (socket.AF_INET, socket.AF_INET6)


@dataclass(frozen=True)
class Lie:
    """One lie about calls of some names. ``misses`` says what a row that believes it does not assert."""

    name: str
    calls: tuple[str, ...]
    misses: str
    fits: Callable[[Told], bool]
    tell: Callable[[Told], Answer | None]  # None: there is nothing to lie about after all.
    instead: bool = False
    at_once: bool = False  # The call is made, and does not wait.


def lies_for(told: Told) -> list[str]:
    """The names of the lies that can be told of a call which truly came to this."""
    return [lie.name for lie in LIES.values() if told.call in lie.calls and lie.fits(told)]


def _int(pointer: int) -> ctypes.c_int:
    return ctypes.c_int.from_address(pointer)


# Successes, failures and errnos.


def _succeeds(told: Told) -> Answer:
    if told.call == "sendto":
        return told.arguments[2], 0
    if told.call == "getpeername":
        _put_name(told.arguments[1], told.arguments[2], told.memory.peers.get(told.arguments[0], _SOMEBODY))
    return 0, 0


_SOMEBODY = struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", 7001, bytes((127, 0, 0, 1)))


def _put_name(pointer: int, size: int, name: bytes) -> None:
    """Give a name as the kernel would, or nothing where a row's pointers are bad."""
    room = int.from_bytes(_readable(size, 4), "little", signed=True)
    if room > 0:
        _write(pointer, name[:room])
        _write(size, struct.pack("=I", len(name)))


def _another_errno(told: Told) -> Answer:
    if told.asks_for_error:
        value = _int(told.arguments[3])
        value.value = ANOTHER.get(value.value, errno.EIO)
        return told.returned, told.error
    return -1, ANOTHER.get(told.error, errno.EIO)


def _odd_errno(told: Told) -> Answer:
    if told.asks_for_error:
        _int(told.arguments[3]).value = errno.EXDEV
        return told.returned, told.error
    return -1, errno.EXDEV


def _holds_error(told: Told) -> bool:
    return told.asks_for_error and told.well and _int(told.arguments[3]).value != 0


def _hang(_: Told) -> Answer:
    ctypes.CDLL(None).pause()
    return -1, errno.EINTR


# SO_ERROR and other options.


def _no_error(told: Told) -> Answer:
    _int(told.arguments[3]).value = 0
    return told.returned, told.error


def _kept_error(told: Told) -> Answer:
    _int(told.arguments[3]).value = told.memory.errors.get(told.arguments[0]) or errno.ECONNREFUSED
    return told.returned, told.error


def _other_value(told: Told) -> Answer:
    value = ctypes.c_ubyte.from_address(told.arguments[3])
    if told.arguments[1:3] == (socket.IPPROTO_TCP, socket.TCP_INFO):
        value.value = 2 if value.value == 1 else 1
    else:
        value.value ^= 1
    return told.returned, told.error


# Names.


def _other_port(told: Told) -> Answer:
    ctypes.c_ubyte.from_address(told.arguments[1] + _PORT).value ^= 1
    return told.returned, told.error


def _other_address(told: Told) -> Answer:
    at = _ADDRESS[len(told.name)] if told.internet else len(told.name) - 1
    if told.family == socket.AF_NETLINK:
        at = _PID
    elif told.family == socket.AF_UNIX and told.name[-1] == 0 and len(told.name) > 3:
        at -= 1  # A path ends with a null byte.
    ctypes.c_ubyte.from_address(told.arguments[1] + at).value ^= 1
    return told.returned, told.error


def _has_name(told: Told) -> bool:
    # Where a name of VSOCK is wrong, a row might connect to a context that is not its own.
    return told.well and len(told.name) > 2 and told.family != socket.AF_VSOCK


def _other_scope(told: Told) -> Answer:
    ctypes.c_uint32.from_address(told.arguments[1] + _SCOPE).value ^= 1
    return told.returned, told.error


def _no_name(told: Told) -> Answer:
    if told.internet:
        ctypes.memset(told.arguments[1] + 2, 0, len(told.name) - 2)
    else:
        ctypes.c_uint32.from_address(told.arguments[2]).value = 2
    return told.returned, told.error


def _a_name(told: Told) -> Answer:
    """A socket that has no name is given one."""
    if told.internet:
        struct.pack_into("!H", (ctypes.c_char * 8).from_address(told.arguments[1]), 2, 7009)
    else:
        ctypes.memmove(told.arguments[1] + 2, b"\0x", 2)
        ctypes.c_uint32.from_address(told.arguments[2]).value = 4
    return told.returned, told.error


def _is_nameless(told: Told) -> bool:
    if not told.well or told.call != "getsockname" or told.family == socket.AF_VSOCK:
        return False
    return told.name[2:4] == b"\0\0" if told.internet else len(told.name) == 2


# Data.


def _altered(told: Told) -> Answer:
    ctypes.c_ubyte.from_address(told.arguments[1] + told.returned - 1).value ^= 1
    return told.returned, told.error


def _stranger(told: Told) -> Answer:
    said = told.memory.data.get(told.arguments[0], _STRANGER)[: told.arguments[2]]
    ctypes.memmove(told.arguments[1], said, len(said))
    return len(said), 0


def _other_sender(told: Told) -> Answer:
    length = ctypes.c_uint32.from_address(told.arguments[5]).value
    ctypes.c_ubyte.from_address(told.arguments[4] + (_PORT if length in _ADDRESS else length - 1)).value ^= 1
    return told.returned, told.error


def _unconnected(_: Told) -> Answer:
    flags = socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
    return _libc.socket(socket.AF_INET, flags, 0), 0


# Readiness.

_ASKED = select.POLLIN | select.POLLOUT | select.POLLRDHUP
_WAITED = 0.002  # Seconds: a wait that took longer was for something that was not yet there.


def _polled(told: Told) -> tuple[int, int]:
    """What poll or epoll_wait was asked for, and what it reported."""
    if told.call == "poll":
        _, asked, reported = struct.unpack("=ihh", ctypes.string_at(told.arguments[0], 8))
        return asked, reported
    reported = ctypes.c_uint32.from_address(told.arguments[1]).value if told.returned > 0 else 0
    return told.memory.asked.get(told.arguments[0], _ASKED), reported


def _report(told: Told, events: int) -> Answer:
    if told.call == "poll":
        ctypes.c_int16.from_address(told.arguments[0] + 6).value = events
    elif events:
        ctypes.c_uint32.from_address(told.arguments[1]).value = events
    return int(events != 0), 0


def _selected(told: Told) -> list[bool]:
    """Which of the sets that select was given hold the descriptor afterwards."""
    at, bit = divmod(told.arguments[0] - 1, 8)
    return [bool(ctypes.c_ubyte.from_address(each + at).value & 1 << bit) for each in told.arguments[1:4] if each]


def _select(told: Told, ready: list[bool]) -> Answer:
    at, bit = divmod(told.arguments[0] - 1, 8)
    for pointer, is_in in zip([each for each in told.arguments[1:4] if each], ready, strict=True):
        ctypes.c_ubyte.from_address(pointer + at).value = is_in << bit
    return sum(ready), 0


def _is_ready(told: Told) -> bool:
    return told.returned > 0 and (any(_selected(told)) if told.call == "select" else _polled(told)[1] != 0)


def _never(told: Told) -> Answer:
    return _select(told, [False for each in told.arguments[1:4] if each]) if told.call == "select" else _report(told, 0)


def in_no_time(call: str, arguments: tuple[int, ...]) -> tuple[int, ...]:
    """The arguments of a call that waits with a limit of no time at all."""
    if call == "select":
        if arguments[4]:
            ctypes.memset(arguments[4], 0, 16)
        return arguments
    at = {"poll": 2, "epoll_wait": 3}[call]
    return (*arguments[:at], 0, *arguments[at + 1 :])


def _could_be_early(told: Told) -> bool:
    return told.well and (_is_early(told) or told.seconds > _WAITED)


def _is_early(told: Told) -> bool:
    if told.call == "select":
        return not all(_selected(told))
    asked, reported = _polled(told)
    return asked & ~reported != 0


def _early(told: Told) -> Answer:
    if told.call == "select":
        return _select(told, [True for each in told.arguments[1:4] if each])
    return _report(told, _polled(told)[0])


def _with_error(told: Told) -> Answer:
    return _report(told, _polled(told)[1] | select.POLLERR | select.POLLHUP)


def _events(told: Told) -> list[int]:
    return [1 << at for at in range(15) if _polled(told)[1] & 1 << at]


def _less(told: Told) -> Answer:
    if told.call == "select":
        ready = _selected(told)
        ready[ready.index(True)] = False
        return _select(told, ready)
    return _report(told, _polled(told)[1] & ~_events(told)[-1])


def _less_again(told: Told) -> Answer:
    return _report(told, _polled(told)[1] & ~_events(told)[0])


def _several(told: Told) -> bool:
    if told.call != "select" and _polled(told)[0] == select.POLLIN:
        return False  # A wait for data.
    return told.returned > 0 and (sum(_selected(told)) if told.call == "select" else len(_events(told))) > 1


def _well(told: Told) -> bool:
    return told.well


def _failed(told: Told) -> bool:
    return told.failed


def _same(told: Told) -> Any:
    return told.returned, told.error


_NAMES = ("getsockname", "getpeername")
_POLLS = ("poll", "epoll_wait")
_CHANGES = ("bind", "listen", "setsockopt", "shutdown")
_OUTCOME = "what {call}() came to"
_EFFECT = "that {call}() had its effect"

_ALL = [
    Lie(
        "success-for-failure",
        ("connect", *_CHANGES, "getpeername", "sendto"),
        _OUTCOME,
        _failed,
        _succeeds,
    ),
    Lie(
        "another-errno",
        ("connect", *_CHANGES, "getpeername", "getsockname", "sendto", "recvfrom", "getsockopt"),
        "which errno {call}() gave",
        lambda told: told.failed or _holds_error(told),
        _another_errno,
    ),
    Lie(
        "odd-errno",
        ("connect", "getsockopt"),
        "which errno {call}() gave",
        lambda told: (told.call == "connect" and told.failed) or _holds_error(told),
        _odd_errno,
    ),
    Lie("positive-errno", ("connect",), "that {call}() returned -1", _failed, lambda told: (told.error, 0)),
    Lie(
        "failure-for-success",
        ("connect", "getpeername", "getsockname", "sendto"),
        _OUTCOME,
        _well,
        lambda told: (-1, _FAILURE[told.call]),
    ),
    Lie(
        "pending-for-success",
        ("connect",),
        _OUTCOME,
        _well,
        lambda _: (-1, errno.EINPROGRESS),
    ),
    Lie("refused", _CHANGES, _OUTCOME, _well, lambda told: (-1, _FAILURE[told.call]), instead=True),
    Lie("nothing-happens", ("connect", *_CHANGES, "close", "sendto"), _EFFECT, _well, _succeeds, instead=True),
    Lie(
        "nothing-begins",
        ("connect",),
        _EFFECT,
        lambda told: told.failed and told.error == errno.EINPROGRESS,
        lambda _: (-1, errno.EINPROGRESS),
        instead=True,
    ),
    Lie("hang", ("connect",), "that {call}() returns", lambda _: True, _hang, instead=True),
    Lie("no-error", ("getsockopt",), "which error SO_ERROR holds", _holds_error, _no_error),
    Lie(
        "kept-error",
        ("getsockopt",),
        "that SO_ERROR holds no error",
        lambda told: told.asks_for_error and told.well and not _holds_error(told),
        _kept_error,
    ),
    Lie(
        "other-value",
        ("getsockopt",),
        "what the option holds",
        lambda told: (
            told.well and not told.asks_for_error and ctypes.c_uint32.from_address(told.arguments[4]).value > 0
        ),
        _other_value,
    ),
    Lie("other-port", _NAMES, "the port of {call}()", lambda told: _has_name(told) and told.internet, _other_port),
    Lie("other-address", _NAMES, "the address of {call}()", _has_name, _other_address),
    Lie(
        "other-scope",
        _NAMES,
        "the scope of {call}()",
        lambda told: told.well and told.family == socket.AF_INET6 and told.internet,
        _other_scope,
    ),
    Lie(
        "no-name",
        ("getsockname",),
        "what {call}() gave",
        lambda told: _has_name(told) and any(told.name[2:]),
        _no_name,
    ),
    Lie("a-name", ("getsockname",), "that the socket has no name", _is_nameless, _a_name),
    Lie(
        "data-lost",
        ("recvfrom",),
        "what was received",
        _well,
        lambda _: (-1, errno.EAGAIN),
    ),
    Lie("data-altered", ("recvfrom",), "what was received", lambda told: told.returned > 0, _altered),
    Lie(
        "data-cut",
        ("recvfrom",),
        "what was received",
        lambda told: told.returned > 0,
        lambda told: (told.returned - 1, 0),
    ),
    Lie(
        "data-of-a-stranger",
        ("recvfrom",),
        "that nothing was received",
        lambda told: told.failed or told.returned == 0,
        _stranger,
    ),
    Lie("end-of-data", ("recvfrom",), "that the stream goes on", _failed, lambda _: (0, 0)),
    Lie(
        "other-sender",
        ("recvfrom",),
        "who sent it",
        lambda told: told.well and told.arguments[4] != 0 and ctypes.c_uint32.from_address(told.arguments[5]).value > 3,
        _other_sender,
    ),
    Lie(
        "sent-short",
        ("sendto",),
        "how much was sent",
        lambda told: told.returned > 1,
        lambda told: (told.returned - 1, 0),
    ),
    Lie("connection-of-nobody", ("accept4",), "whose connection it is", lambda _: True, _unconnected, instead=True),
    Lie("never-ready", (*_POLLS, "select"), "that the socket is ready", _is_ready, _never, instead=True),
    Lie(
        "early-ready",
        (*_POLLS, "select"),
        "that the socket is not ready yet",
        _could_be_early,
        lambda told: _early(told) if _is_early(told) else None,
        at_once=True,
    ),
    Lie(
        "ready-with-error",
        _POLLS,
        "that nothing else is reported",
        # A wait for data asks for nothing else.
        lambda told: told.well and _polled(told)[0] != select.POLLIN and not _polled(told)[1] & select.POLLERR,
        _with_error,
    ),
    Lie("less-ready", (*_POLLS, "select"), "all that is reported", _several, _less),
    Lie(
        "less-ready-still",
        _POLLS,
        "all that is reported",
        _several,
        _less_again,
    ),
]
LIES = {lie.name: lie for lie in _ALL}

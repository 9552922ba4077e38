"""What lies say: for a call that truly came to something else, an answer that a kernel with a bug would have given.

Each function takes what is told (``Told``) and gives the answer, for which it may write where the kernel would have; or
says whether there is anything to lie about. Which lies there are stands in ``tests.prove.lies``.
"""

import ctypes
import errno
import select
import socket
import struct
from typing import Any

from tests.prove.told import ADDRESS, Told, int_at, libc, put_name

Answer = tuple[int, int]
"""What a call returned, and its errno."""

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

FAILURE = {
    "connect": errno.ECONNREFUSED,
    "accept": errno.ECONNABORTED,
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
"""What a call is said to have failed with that did not fail."""

_PORT, _SCOPE = 3, 24  # Places in addresses of the internet.
_PID = 4  # And in those of netlink.
_STRANGER = b"stranger"


# Successes, failures and errnos.


def succeeds(told: Told) -> Answer:
    if told.call == "sendto":
        return told.arguments[2], 0
    if told.call == "getpeername":
        put_name(told.arguments[1], told.arguments[2], told.memory.peers.get(told.arguments[0], _SOMEBODY))
    return 0, 0


_SOMEBODY = struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", 7001, bytes((127, 0, 0, 1)))


def another_errno(told: Told) -> Answer:
    if told.asks_for_error:
        value = int_at(told.arguments[3])
        value.value = ANOTHER.get(value.value, errno.EIO)
        return told.returned, told.error
    return -1, ANOTHER.get(told.error, errno.EIO)


def odd_errno(told: Told) -> Answer:
    if told.asks_for_error:
        int_at(told.arguments[3]).value = errno.EXDEV
        return told.returned, told.error
    return -1, errno.EXDEV


def holds_error(told: Told) -> bool:
    return told.asks_for_error and told.well and int_at(told.arguments[3]).value != 0


def hang(_: Told) -> Answer:
    ctypes.CDLL(None).pause()
    return -1, errno.EINTR


# SO_ERROR and other options.


def no_error(told: Told) -> Answer:
    int_at(told.arguments[3]).value = 0
    return told.returned, told.error


def kept_error(told: Told) -> Answer:
    int_at(told.arguments[3]).value = told.memory.errors.get(told.arguments[0]) or errno.ECONNREFUSED
    return told.returned, told.error


def other_value(told: Told) -> Answer:
    value = ctypes.c_ubyte.from_address(told.arguments[3])
    if told.arguments[1:3] == (socket.IPPROTO_TCP, socket.TCP_INFO):
        value.value = 2 if value.value == 1 else 1
    else:
        value.value ^= 1
    return told.returned, told.error


# Names.


def other_port(told: Told) -> Answer:
    ctypes.c_ubyte.from_address(told.arguments[1] + _PORT).value ^= 1
    return told.returned, told.error


def other_address(told: Told) -> Answer:
    at = ADDRESS[len(told.name)] if told.internet else len(told.name) - 1
    if told.family == socket.AF_NETLINK:
        at = _PID
    elif told.family == socket.AF_UNIX and told.name[-1] == 0 and len(told.name) > 3:
        at -= 1  # A path ends with a null byte.
    ctypes.c_ubyte.from_address(told.arguments[1] + at).value ^= 1
    return told.returned, told.error


def has_name(told: Told) -> bool:
    # Where a name of VSOCK is wrong, a row might connect to a context that is not its own.
    return told.well and len(told.name) > 2 and told.family != socket.AF_VSOCK


def other_scope(told: Told) -> Answer:
    ctypes.c_uint32.from_address(told.arguments[1] + _SCOPE).value ^= 1
    return told.returned, told.error


def no_name(told: Told) -> Answer:
    if told.internet:
        ctypes.memset(told.arguments[1] + 2, 0, len(told.name) - 2)
    else:
        ctypes.c_uint32.from_address(told.arguments[2]).value = 2
    return told.returned, told.error


def a_name(told: Told) -> Answer:
    """A socket that has no name is given one."""
    if told.internet:
        struct.pack_into("!H", (ctypes.c_char * 8).from_address(told.arguments[1]), 2, 7009)
    else:
        ctypes.memmove(told.arguments[1] + 2, b"\0x", 2)
        ctypes.c_uint32.from_address(told.arguments[2]).value = 4
    return told.returned, told.error


def is_nameless(told: Told) -> bool:
    if not told.well or told.call != "getsockname" or told.family == socket.AF_VSOCK:
        return False
    return told.name[2:4] == b"\0\0" if told.internet else len(told.name) == 2


# Data.


def altered(told: Told) -> Answer:
    ctypes.c_ubyte.from_address(told.arguments[1] + told.returned - 1).value ^= 1
    return told.returned, told.error


def stranger(told: Told) -> Answer:
    said = told.memory.data.get(told.arguments[0], _STRANGER)[: told.arguments[2]]
    ctypes.memmove(told.arguments[1], said, len(said))
    return len(said), 0


def other_sender(told: Told) -> Answer:
    length = ctypes.c_uint32.from_address(told.arguments[5]).value
    ctypes.c_ubyte.from_address(told.arguments[4] + (_PORT if length in ADDRESS else length - 1)).value ^= 1
    return told.returned, told.error


def unconnected(_: Told) -> Answer:
    flags = socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
    return libc.socket(socket.AF_INET, flags, 0), 0


# Readiness.

_ASKED = select.POLLIN | select.POLLOUT | select.POLLRDHUP
_WAITED = 0.002  # Seconds: a wait that took longer was for something that was not yet there.


def polled(told: Told) -> tuple[int, int]:
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


def is_ready(told: Told) -> bool:
    return told.returned > 0 and (any(_selected(told)) if told.call == "select" else polled(told)[1] != 0)


def never(told: Told) -> Answer:
    return _select(told, [False for each in told.arguments[1:4] if each]) if told.call == "select" else _report(told, 0)


def in_no_time(call: str, arguments: tuple[int, ...]) -> tuple[int, ...]:
    """The arguments of a call that waits with a limit of no time at all."""
    if call == "select":
        if arguments[4]:
            ctypes.memset(arguments[4], 0, 16)
        return arguments
    at = {"poll": 2, "epoll_wait": 3}[call]
    return (*arguments[:at], 0, *arguments[at + 1 :])


def could_be_early(told: Told) -> bool:
    return told.well and (is_early(told) or told.seconds > _WAITED)


def is_early(told: Told) -> bool:
    if told.call == "select":
        return not all(_selected(told))
    asked, reported = polled(told)
    return asked & ~reported != 0


def early(told: Told) -> Answer:
    if told.call == "select":
        return _select(told, [True for each in told.arguments[1:4] if each])
    return _report(told, polled(told)[0])


def with_error(told: Told) -> Answer:
    return _report(told, polled(told)[1] | select.POLLERR | select.POLLHUP)


def _events(told: Told) -> list[int]:
    return [1 << at for at in range(15) if polled(told)[1] & 1 << at]


def less(told: Told) -> Answer:
    if told.call == "select":
        ready = _selected(told)
        ready[ready.index(True)] = False
        return _select(told, ready)
    return _report(told, polled(told)[1] & ~_events(told)[-1])


def less_again(told: Told) -> Answer:
    return _report(told, polled(told)[1] & ~_events(told)[0])


def several(told: Told) -> bool:
    if told.call != "select" and polled(told)[0] == select.POLLIN:
        return False  # A wait for data.
    return told.returned > 0 and (sum(_selected(told)) if told.call == "select" else len(_events(told))) > 1


def well(told: Told) -> bool:
    return told.well


def failed(told: Told) -> bool:
    return told.failed


def _same(told: Told) -> Any:
    return told.returned, told.error

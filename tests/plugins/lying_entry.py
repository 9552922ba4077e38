"""Entry points that lie, each in one way, about what the kernel answered, as a broken kernel would.

A pytest plugin (``-p tests.plugins.lying_entry``): it makes the native entry point tell the lie that
``KCONFORM_TEST_LIE`` names.
"""

import ctypes
import errno
import os
import signal
import socket
import threading
from collections.abc import Callable
from typing import Any

Answer = tuple[int, int]
Truth = Callable[..., Answer]


def wrong_errno(truth: Truth, call: str, *arguments: int) -> Answer:
    """A refusal is reported as an unreachable host."""
    returned, error = truth(call, *arguments)
    return (-1, errno.EHOSTUNREACH) if call == "connect" and error == errno.ECONNREFUSED else (returned, error)


def positive_errno(truth: Truth, call: str, *arguments: int) -> Answer:
    """A failure of connect comes back as a positive number in place of -1."""
    returned, error = truth(call, *arguments)
    return (error, 0) if call == "connect" and error else (returned, error)


def success_for_failure(truth: Truth, call: str, *arguments: int) -> Answer:
    """Every connect succeeds."""
    answer = truth(call, *arguments)
    return (0, 0) if call == "connect" else answer


def nothing_happens(truth: Truth, call: str, *arguments: int) -> Answer:
    """Every connect claims to succeed, and nothing was done."""
    return (0, 0) if call == "connect" else truth(call, *arguments)


def wrong_peer(truth: Truth, call: str, *arguments: int) -> Answer:
    """getpeername gives an address or a path with another last byte."""
    answer = truth(call, *arguments)
    if call == "getpeername" and answer[0] == 0:
        length = ctypes.c_uint32.from_address(arguments[2]).value
        place = {16: 7, 28: 23}.get(length, length - 2)
        ctypes.c_ubyte.from_address(arguments[1] + place).value ^= 1
    return answer


def error_told_twice(truth: Truth, call: str, *arguments: int) -> Answer:
    """SO_ERROR is not cleared by reading it."""
    answer = truth(call, *arguments)
    if call == "getsockopt" and arguments[1:3] == (socket.SOL_SOCKET, socket.SO_ERROR):
        value = ctypes.c_int.from_address(arguments[3])
        _told[arguments[0]] = value.value = value.value or _told.get(arguments[0], 0)
    if call == "close":
        _told.pop(arguments[0], None)
    return answer


_told: dict[int, int] = {}


def deaf_filter(truth: Truth, call: str, *arguments: int) -> Answer:
    """connect on a datagram socket gives it a name and forgets to filter: the association is gone at once."""
    answer = truth(call, *arguments)
    if call == "connect" and answer[0] == 0 and _is_datagram(truth, arguments[0]):
        name, length = ctypes.create_string_buffer(128), ctypes.c_uint32(128)
        truth("getsockname", arguments[0], ctypes.addressof(name), ctypes.addressof(length))
        truth("connect", arguments[0], ctypes.addressof(_UNSPEC), len(_UNSPEC))
        truth("bind", arguments[0], ctypes.addressof(name), length.value)
    return answer


_UNSPEC = ctypes.create_string_buffer(2)


def _is_datagram(truth: Truth, fd: int) -> bool:
    kind, length = ctypes.c_int(), ctypes.c_uint32(4)
    truth("getsockopt", fd, socket.SOL_SOCKET, socket.SO_TYPE, ctypes.addressof(kind), ctypes.addressof(length))
    return kind.value == socket.SOCK_DGRAM


def never_ready(truth: Truth, call: str, *arguments: int) -> Answer:
    """select never reports anything."""
    if call != "select":
        return truth(call, *arguments)
    for pointer in arguments[1:4]:
        if pointer:
            ctypes.memset(pointer, 0, 128)
    return 0, 0


def always_ready(truth: Truth, call: str, *arguments: int) -> Answer:
    """select reports at once whatever it was asked for."""
    return (1, 0) if call == "select" else truth(call, *arguments)


def hang(truth: Truth, call: str, *arguments: int) -> Answer:
    """connect does not return until a signal comes."""
    if call != "connect":
        return truth(call, *arguments)
    ctypes.CDLL(None).pause()
    return -1, errno.EINTR


def stuck(truth: Truth, call: str, *arguments: int) -> Answer:
    """connect does not return at all, signal or not."""
    if call != "connect":
        return truth(call, *arguments)
    threading.Event().wait()
    raise AssertionError("nobody sets the event")


def death(truth: Truth, call: str, *arguments: int) -> Answer:
    """connect kills the process."""
    if call == "connect":
        os.kill(os.getpid(), signal.SIGKILL)
    return truth(call, *arguments)


LIES = {
    lie.__name__: lie
    for lie in (
        wrong_errno,
        positive_errno,
        success_for_failure,
        nothing_happens,
        wrong_peer,
        error_told_twice,
        deaf_filter,
        never_ready,
        always_ready,
        hang,
        stuck,
        death,
    )
}


def pytest_configure() -> None:
    """Make the native entry point lie."""
    if not os.environ.get("KCONFORM_TEST_LIE"):
        return
    # Not before the conftest of the project has been loaded: pytest has to rewrite these modules first.
    from fixtures.syscalls.entry_points import LibcEntry, NativeEntry

    for entry in (NativeEntry, LibcEntry):
        _make_lie(entry)


def _make_lie(entry: Any) -> None:
    truth = entry.invoke

    def lying(self: Any, call: str, *arguments: int) -> Answer:
        return LIES[os.environ["KCONFORM_TEST_LIE"]](lambda *truly: truth(self, *truly), call, *arguments)

    entry.invoke = lying

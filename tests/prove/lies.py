"""The lies: each says of one call something else than the kernel did, as a kernel with a bug would.

A lie looks at what a call truly came to (``fits``), and then gives another answer (``tell``). A lie that is told
instead of the call (``instead``) has nothing happen at all. Nothing here knows of rows or verdicts.
"""

import ctypes
import errno
import select
import socket
from collections.abc import Callable
from dataclasses import dataclass

from tests.prove import tellings
from tests.prove.tellings import Answer
from tests.prove.told import Told


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


_NAMES = ("getsockname", "getpeername")
_WAITING = ("connect", "accept")  # accept4() is what peers are accepted by; what a suite tries is accept().
_POLLS = ("poll", "epoll_wait")
_CHANGES = ("bind", "listen", "setsockopt", "shutdown")
_OUTCOME = "what {call}() came to"
_EFFECT = "that {call}() had its effect"

_ALL = [
    Lie(
        "success-for-failure",
        ("connect", *_CHANGES, "getpeername", "sendto"),
        _OUTCOME,
        tellings.failed,
        tellings.succeeds,
    ),
    Lie(
        "another-errno",
        (*_WAITING, *_CHANGES, *_NAMES, "sendto", "recvfrom", "getsockopt"),
        "which errno {call}() gave",
        lambda told: told.failed or tellings.holds_error(told),
        tellings.another_errno,
    ),
    Lie(
        "odd-errno",
        (*_WAITING, "getsockopt"),
        "which errno {call}() gave",
        lambda told: (told.call in _WAITING and told.failed) or tellings.holds_error(told),
        tellings.odd_errno,
    ),
    Lie("positive-errno", ("connect",), "that {call}() returned -1", tellings.failed, lambda told: (told.error, 0)),
    Lie(
        "failure-for-success",
        (*_WAITING, *_NAMES, "sendto"),
        _OUTCOME,
        tellings.well,
        lambda told: (-1, tellings.FAILURE[told.call]),
    ),
    Lie(
        "pending-for-success",
        ("connect",),
        _OUTCOME,
        tellings.well,
        lambda _: (-1, errno.EINPROGRESS),
    ),
    Lie("refused", _CHANGES, _OUTCOME, tellings.well, lambda told: (-1, tellings.FAILURE[told.call]), instead=True),
    Lie(
        "nothing-happens",
        ("connect", *_CHANGES, "close", "sendto"),
        _EFFECT,
        tellings.well,
        tellings.succeeds,
        instead=True,
    ),
    Lie(
        "nothing-begins",
        ("connect",),
        _EFFECT,
        lambda told: told.failed and told.error == errno.EINPROGRESS,
        lambda _: (-1, errno.EINPROGRESS),
        instead=True,
    ),
    Lie("hang", _WAITING, "that {call}() returns", lambda _: True, tellings.hang, instead=True),
    Lie("no-error", ("getsockopt",), "which error SO_ERROR holds", tellings.holds_error, tellings.no_error),
    Lie(
        "kept-error",
        ("getsockopt",),
        "that SO_ERROR holds no error",
        lambda told: told.asks_for_error and told.well and not tellings.holds_error(told),
        tellings.kept_error,
    ),
    Lie(
        "other-value",
        ("getsockopt",),
        "what the option holds",
        lambda told: (
            told.well and not told.asks_for_error and ctypes.c_uint32.from_address(told.arguments[4]).value > 0
        ),
        tellings.other_value,
    ),
    Lie(
        "other-port",
        _NAMES,
        "the port of {call}()",
        lambda told: tellings.has_name(told) and told.internet,
        tellings.other_port,
    ),
    Lie("other-address", _NAMES, "the address of {call}()", tellings.has_name, tellings.other_address),
    Lie(
        "other-scope",
        _NAMES,
        "the scope of {call}()",
        lambda told: told.well and told.family == socket.AF_INET6 and told.internet,
        tellings.other_scope,
    ),
    Lie(
        "no-name",
        ("getsockname",),
        "what {call}() gave",
        lambda told: tellings.has_name(told) and any(told.name[2:]),
        tellings.no_name,
    ),
    Lie("a-name", ("getsockname",), "that the socket has no name", tellings.is_nameless, tellings.a_name),
    Lie(
        "data-lost",
        ("recvfrom",),
        "what was received",
        tellings.well,
        lambda _: (-1, errno.EAGAIN),
    ),
    Lie("data-altered", ("recvfrom",), "what was received", lambda told: told.returned > 0, tellings.altered),
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
        tellings.stranger,
    ),
    Lie("end-of-data", ("recvfrom",), "that the stream goes on", tellings.failed, lambda _: (0, 0)),
    Lie(
        "other-sender",
        ("recvfrom",),
        "who sent it",
        lambda told: told.well and told.arguments[4] != 0 and ctypes.c_uint32.from_address(told.arguments[5]).value > 3,
        tellings.other_sender,
    ),
    Lie(
        "sent-short",
        ("sendto",),
        "how much was sent",
        lambda told: told.returned > 1,
        lambda told: (told.returned - 1, 0),
    ),
    Lie(
        "connection-of-nobody",
        ("accept", "accept4"),
        "whose connection it is",
        lambda _: True,
        tellings.unconnected,
        instead=True,
    ),
    Lie(
        "never-ready", (*_POLLS, "select"), "that the socket is ready", tellings.is_ready, tellings.never, instead=True
    ),
    Lie(
        "early-ready",
        (*_POLLS, "select"),
        "that the socket is not ready yet",
        tellings.could_be_early,
        lambda told: tellings.early(told) if tellings.is_early(told) else None,
        at_once=True,
    ),
    Lie(
        "ready-with-error",
        _POLLS,
        "that nothing else is reported",
        # A wait for data asks for nothing else.
        lambda told: (
            told.well and tellings.polled(told)[0] != select.POLLIN and not tellings.polled(told)[1] & select.POLLERR
        ),
        tellings.with_error,
    ),
    Lie("less-ready", (*_POLLS, "select"), "all that is reported", tellings.several, tellings.less),
    Lie(
        "less-ready-still",
        _POLLS,
        "all that is reported",
        tellings.several,
        tellings.less_again,
    ),
]
LIES = {lie.name: lie for lie in _ALL}

"""A poll(2) that sleeps in the kernel while a test does something to its socket."""

import ctypes
import struct

from fixtures import (
    Calls,
    Socket,
    address_of,
    until_asleep,
)
from suites.connect.times import LATE


class SleepingPoll:
    """A poll(2) of ten seconds on one socket, on a thread of its own; it is asleep once this is made.

    Args:
        calls: makes the call.
        sock: the socket.
        events: what to wait for, such as ``select.POLLIN``.
    """

    def __init__(self, calls: Calls, sock: Socket, events: int) -> None:
        self._expected = (sock.fd, events, events)
        self._entry = ctypes.create_string_buffer(struct.pack("=ihh", sock.fd, events, 0))
        self._call = calls.start(
            "poll",
            address_of(self._entry),
            1,
            10_000,
            finish=lambda count: (f"{count} ready", None),
            complete=bool,
            known={0: 8},
        )
        until_asleep(self._call.native_id)

    def assert_woken(self) -> None:
        """The poll found its socket ready, and returned before its ten seconds were over."""
        woken = self._call.result(20)
        assert woken == "1 ready"
        assert woken.seconds < LATE

    def assert_woken_for_all(self) -> None:
        """The poll was woken, and reports what it waited for and nothing else."""
        self.assert_woken()
        assert struct.unpack("=ihh", self._entry.raw[:8]) == self._expected

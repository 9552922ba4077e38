"""The native entry point with an ear and a mouth: it hears every call that a row makes, and lies about one of them.

Calls are counted by name and line, so that the same call of the same row is found again. Only what a row does by
``Calls`` is heard: what the harness closes behind a row is its own affair. This replaces parts of the harness for as
long as the process lives; it belongs into processes that do nothing else.
"""

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from fixtures.sockets import assertions, servers
from fixtures.syscalls.call_threads import CallThreads
from fixtures.syscalls.calls import Calls
from fixtures.syscalls.entry_points import EntryPoint, LibcEntry, NativeEntry
from tests.prove.lies import LIES, Lie, lies_for
from tests.prove.tellings import Answer, in_no_time
from tests.prove.told import Memory, Told

ROOT = Path(__file__).parents[2]
# Whose lines are where a call stands: those of suites, and those that assert, or open servers, for them.
_HELPERS = (assertions.__file__, servers.__file__)

Place = tuple[str, str]
"""The site of a call, which is the same wherever a lie about it would meet the same assertions, and its line."""


@dataclass(frozen=True)
class Order:
    """A lie that is to be told: of the ``nth`` call of that name at that site, from 1 on."""

    call: str
    site: str
    nth: int
    lie: str


@dataclass
class Ear:
    """What is heard of one row, and the lie that is told in it."""

    order: Order | None = None
    heard: list[dict[str, Any]] = field(default_factory=list)
    told: bool = False
    memory: Memory = field(default_factory=Memory)
    counts: dict[Place, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def invoke(self, truth: Callable[..., Answer], call: str, arguments: tuple[int, ...]) -> Answer:
        """Make one call, or lie about it."""
        site, place = _here.place
        with self.lock:
            nth = self.counts[call, site] = self.counts.get((call, site), 0) + 1
        order = self.order
        mine = order is not None and (order.call, order.site, order.nth) == (call, site, nth)
        lie = LIES[order.lie] if order is not None and mine else None
        if lie is not None and lie.instead:
            return self._tell(lie, Told(call, arguments, 0, 0, 0.0, self.memory)) or (0, 0)
        began = time.monotonic()
        returned, error = truth(call, *(in_no_time(call, arguments) if lie is not None and lie.at_once else arguments))
        told = Told(call, arguments, returned, error if returned == -1 else 0, time.monotonic() - began, self.memory)
        if order is None:
            self.heard.append({"call": call, "nth": nth, "site": site, "place": place, "lies": lies_for(told)})
        elif lie is not None and (lie.at_once or lie.fits(told)):
            answer = self._tell(lie, told)
            if answer is not None:
                return answer
        self.memory.note(told)
        return returned, error

    def _tell(self, lie: Lie, told: Told) -> Answer | None:
        answer = lie.tell(told)
        self.told = answer is not None
        return answer


class _Here(threading.local):
    """What the calling thread does: whether it makes a call of the row's, and where that stands."""

    is_heard = False
    place: Place = ("", "")


class _Now:
    ear = Ear()
    root = ""


_here = _Here()


def listen(order: Order | None = None) -> Ear:
    """Hear what is done from now on, and tell the lie if there is one."""
    _Now.ear = Ear(order)
    return _Now.ear


def install(root: Path) -> None:
    """Take the place of the native entry point, for the rest of this process; ``root`` has the folder ``suites``."""
    _Now.root = f"{root}/"
    make, invoke, start = Calls.make, Calls._invoke, CallThreads.start  # noqa: SLF001  All calls pass here.

    def made(self: Calls, name: str, *arguments: int, **named: Any) -> Any:
        _here.place = _place(sys._getframe(1))  # noqa: SLF001  Only the interpreter knows where a call stands.
        return make(self, name, *arguments, **named)

    def started(self: CallThreads, work: Callable[[], Any]) -> Any:
        place = _place(sys._getframe(1))  # noqa: SLF001  As above.

        def placed() -> Any:
            _here.place = place
            return work()

        return start(self, placed)

    def invoked(self: Calls, *request: Any) -> Any:
        _here.is_heard = True
        try:
            return invoke(self, *request)
        finally:
            _here.is_heard = False

    def lying(truth: Callable[..., Answer]) -> Callable[..., Answer]:
        def invoke(self: EntryPoint, call: str, *arguments: int) -> Answer:
            if not _here.is_heard:
                return truth(self, call, *arguments)
            return _Now.ear.invoke(lambda *truly: truth(self, *truly), call, arguments)

        return invoke

    Calls.make, Calls._invoke, CallThreads.start = made, invoked, started  # type: ignore[assignment,method-assign]  # noqa: SLF001
    for entry in (NativeEntry, LibcEntry):
        entry.invoke = lying(entry.invoke)  # type: ignore[method-assign]


def _place(frame: FrameType | None) -> Place:
    """Where a call stands, from the frame of whoever makes it outwards."""
    lines: list[str] = []
    helper = ""
    while frame is not None:
        name = frame.f_code.co_filename
        line = f"{name.removeprefix(_Now.root).removeprefix(f'{ROOT}/')}:{frame.f_lineno}"
        if name.startswith(f"{_Now.root}suites/"):
            lines.append(line)
        elif name in _HELPERS and not lines and not helper:
            helper = line
        elif lines and frame.f_code.co_name == "pytest_pyfunc_call":
            break
        frame = frame.f_back
    if helper:
        # What such a helper asserts it asserts wherever it is used.
        return f"{lines[-1].partition(':')[0] if lines else ''} {helper}", helper
    return " ".join(lines), lines[0] if lines else ""

"""Small parts on their own: outcomes, addresses, transcripts, signals."""

import errno
import signal

import pytest

from fixtures.marks import RowPlan
from fixtures.sockets.address import Bytes, Inet, Inet6, Unix, parse, show
from fixtures.syscalls.call_threads import CallThreads, NotReturned, caught
from fixtures.syscalls.memory import Memory
from fixtures.syscalls.outcome import Outcome, describe
from fixtures.syscalls.transcript import Transcript
from results.ids import Variant
from results.records import Call


def outcome(returned: int, error: int = 0, value: object = None, *, succeeded: bool | None = None) -> Outcome:
    call = Call("connect", [], 0.0, "main")
    good = returned == 0 if succeeded is None else succeeded
    return Outcome(call, returned=returned, error=error, succeeded=good, value=value)


def test_an_outcome_equals_what_it_came_to_and_nothing_else() -> None:
    refused = outcome(-1, errno.ECONNREFUSED)
    assert refused == errno.ECONNREFUSED
    assert refused != errno.EISCONN
    assert refused != 0
    assert refused in (errno.EISCONN, errno.ECONNREFUSED)
    assert outcome(0) == 0
    assert outcome(0) != errno.ECONNREFUSED
    assert outcome(0, value=b"x") == b"x"
    assert outcome(0, value=b"x") != b"y"
    assert repr(refused) == "ECONNREFUSED"


@pytest.mark.parametrize("returned", [1, -2, -errno.ECONNREFUSED, errno.ECONNREFUSED])
def test_a_return_value_that_no_document_allows_equals_nothing(returned: int) -> None:
    odd = outcome(returned, 0, succeeded=False)
    for value in (0, errno.ECONNREFUSED, abs(returned), returned):
        assert odd != value
    assert repr(odd) == f"returned {returned}"


def test_what_was_asked_is_noted() -> None:
    refused = outcome(-1, errno.ECONNREFUSED)
    assert refused in (errno.EISCONN, errno.ECONNREFUSED)
    assert refused.call.asked == "EISCONN or ECONNREFUSED"
    assert refused.call.met
    assert describe((errno.EPERM, 0), beside=refused) == "EPERM or 0"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (Inet("192.0.2.1", 7001), "{AF_INET, 192.0.2.1:7001}"),
        (Inet6("2001:db8::1", 7001, 1, 2), "{AF_INET6, [2001:db8::1%2]:7001}"),
        (Unix(b"/tmp/x"), "{AF_UNIX, /tmp/x}"),
        (Unix(b"\0abstract\0"), "{AF_UNIX, @abstract\0}"),
        (Unix(), "{AF_UNIX, unnamed}"),
    ],
)
def test_addresses_come_back_as_they_went(address: Inet | Inet6 | Unix, shown: str) -> None:
    assert parse(address.pack()) == address
    assert show(address.pack()) == shown


@pytest.mark.parametrize(
    "data", [b"", b"\x02", Inet("192.0.2.1", 1).pack()[:15], Inet("192.0.2.1", 1).pack()[:15] + b"\1", bytes(16)]
)
def test_bytes_that_are_no_address_equal_none(data: bytes) -> None:
    assert parse(data) == Bytes(data)


def test_row_ids_can_be_read_back() -> None:
    variant = Variant("inet6", "stream", "nonblocking", "io_uring", "a-b.c")
    plan = RowPlan.parse(f"suites/x/test_y.py::test_z[x.y/{variant}]")
    assert plan == RowPlan(f"x.y/{variant}", "x.y", variant)
    assert RowPlan.parse("tests/test_x.py::test_y[1-a]") is None


def test_a_transcript_forgets_only_its_own_threads_calls() -> None:
    transcript, guard = Transcript(), CallThreads()
    mark = transcript.mark()
    guard.run(lambda: transcript.begin("connect", []))
    transcript.begin("getsockopt", [])
    transcript.forget_since(mark)
    assert [call.call for call in transcript.calls] == ["connect"]
    assert guard.close() == []


def test_a_call_that_does_not_return_is_given_up() -> None:
    guard = CallThreads()
    with pytest.raises(NotReturned) as late:
        guard.run(signal.pause, deadline=0.05)
    assert late.value.ended
    assert guard.run(lambda: 7) == 7
    assert guard.close() == []


def test_an_exception_comes_to_whoever_waits() -> None:
    guard = CallThreads()
    with pytest.raises(ZeroDivisionError):
        guard.run(lambda: 1 // 0)
    assert guard.close() == []


def test_a_signal_is_seen_while_it_is_caught_and_kills_nobody_afterwards() -> None:
    with caught(signal.SIGUSR1, restart=True) as seen:
        signal.raise_signal(signal.SIGUSR1)
    signal.raise_signal(signal.SIGUSR1)
    assert len(seen) == 1


def test_memory_has_an_edge() -> None:
    memory = Memory()
    assert memory.ending_at_edge(b"abc") == memory.edge - 3
    memory.close()

"""Calls that are disturbed: by signals, by a send timeout, by a stop, and by other threads at the same socket."""

import os
import signal
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from errno import EALREADY, ECONNREFUSED, EINPROGRESS, EINTR, EISCONN
from pathlib import Path
from signal import SIGUSR1

from fixtures import (
    CALLS,
    INTERNET,
    POLLERR,
    POLLIN,
    POLLOUT,
    Address,
    Context,
    Elsewhere,
    FullServer,
    Outcome,
    Server,
    Servers,
    Socket,
    UnderWay,
    assert_connected,
    cases,
    caught,
    clause,
    until,
    until_asleep,
    variants,
    waits,
)
from suites.connect.signals.callers import begun
from suites.connect.states import state_of
from suites.connect.times import LATE, RETRANSMISSION

SHORT = 0.2
_LONGEST = 30


def limit(sock: Socket, option: int, seconds: float) -> None:
    """Set SO_SNDTIMEO or SO_RCVTIMEO."""
    value = struct.pack("@ll", int(seconds), int(seconds % 1 * 1_000_000))
    assert sock.setsockopt(socket.SOL_SOCKET, option, value, name="timeout") == 0


def complete(busy: FullServer) -> None:
    """Let the pending attempt complete."""
    busy.make_room()


def refuse(busy: FullServer) -> None:
    """Let the pending attempt be refused."""
    assert busy.server.socket.close() == 0


@clause("connect.SNDTIMEO.tcp")
@waits(RETRANSMISSION)
@variants(families=INTERNET, entries=CALLS)
def test_send_timeout(sock: Socket, servers: Servers) -> None:
    """The call comes back after the timeout, not sooner, and the attempt goes on."""
    busy = servers.full()
    limit(sock, socket.SO_SNDTIMEO, SHORT)
    outcome = sock.connect(busy.address)
    assert outcome == EINPROGRESS
    assert outcome.seconds > SHORT - 0.02
    assert sock.tcp_state() == "SYN_SENT"
    assert sock.so_error() == 0
    busy.make_room()
    sock.wait_writable()
    assert_connected(sock, busy.server)


@clause("connect.SNDTIMEO.tcp", case="unharmed")
@cases({"enough": 10.0, "none": 0.0})
@waits(RETRANSMISSION)
@variants(families=INTERNET)
def test_send_timeout_that_is_not_reached(sock: Socket, servers: Servers, case: float) -> None:
    """A timeout that is longer than the handshake, or of 0, changes nothing."""
    busy = servers.full()
    limit(sock, socket.SO_SNDTIMEO, case)
    attempt = begun(sock, busy.address)
    busy.make_room()
    assert attempt.result() == 0
    assert_connected(sock, busy.server)


def assert_waits_in_vain(sock: Socket, address: Address) -> None:
    """One more call waits as long as a send may, 0.1 s, and fails with EALREADY."""
    again = sock.connect(address)
    assert again == EALREADY
    assert again.seconds > 0.08


@clause("connect.SNDTIMEO.tcp.second-call")
@waits(RETRANSMISSION)
@variants(families=INTERNET, entries=CALLS)
def test_send_timeout_again(sock: Socket, server: Server, servers: Servers) -> None:
    """Each further call waits as long again, whatever its address, and the last one joins the attempt."""
    busy = servers.full()
    limit(sock, socket.SO_SNDTIMEO, 0.1)
    assert sock.connect(busy.address) == EINPROGRESS
    for address in (busy.address, server.address):
        assert_waits_in_vain(sock, address)
    busy.make_room()
    limit(sock, socket.SO_SNDTIMEO, 10)
    assert sock.connect(busy.address) == 0
    assert sock.connect(busy.address) == EISCONN
    assert_connected(sock, busy.server)


@clause("connect.RCVTIMEO.no-effect")
@waits(RETRANSMISSION)
@variants(families=INTERNET, entries=CALLS)
def test_receive_timeout(sock: Socket, servers: Servers) -> None:
    """A receive timeout neither bounds the call nor keeps it from being restarted."""
    busy = servers.full()
    limit(sock, socket.SO_RCVTIMEO, 0.05)
    with caught(SIGUSR1, restart=True) as signals:
        attempt = begun(sock, busy.address)
        attempt.assert_waits(0.2)
        attempt.signal(SIGUSR1)
        until(lambda: signals != [], "the handler runs")
        busy.make_room()
        assert attempt.result() == 0
    assert_connected(sock, busy.server)


@clause("connect.EINTR.tcp.rcvtimeo-no-restart")
@waits(RETRANSMISSION)
@variants(families=INTERNET)
def test_receive_timeout_and_signal(sock: Socket, servers: Servers) -> None:
    """With a receive timeout the call is not restarted."""
    busy = servers.full()
    limit(sock, socket.SO_RCVTIMEO, 10)
    with caught(SIGUSR1, restart=True) as signals:
        attempt = begun(sock, busy.address)
        attempt.signal(SIGUSR1)
        until(lambda: signals != [], "the handler runs")
        busy.make_room()
        assert attempt.result() == EINTR


@clause("connect.EINTR.tcp.async-completion")
@cases({"established": (complete, {POLLOUT}, 0), "refused": (refuse, None, ECONNREFUSED)})
@waits(RETRANSMISSION)
@variants(families=INTERNET, entries=CALLS)
def test_interrupted_attempt_goes_on(
    sock: Socket, servers: Servers, case: tuple[Callable[[FullServer], None], set[str] | None, int]
) -> None:
    """After EINTR the attempt is under way, is announced when it is over, and has its result in SO_ERROR."""
    busy = servers.full()
    with caught(SIGUSR1, restart=False):
        assert begun(sock, busy.address).interrupt(SIGUSR1) == EINTR
    assert sock.poll() == set()
    assert sock.so_error() == 0
    case[0](busy)
    woken = sock.poll(10)
    assert woken.seconds < LATE
    assert woken == (case[1] or woken.value | {POLLIN, POLLERR})
    assert sock.so_error() == case[2]


def assert_already_under_way(sock: Socket, address: Address) -> None:
    """A call that may not wait fails with EALREADY; the socket blocks again afterwards."""
    sock.set_blocking(False)
    assert sock.connect(address) == EALREADY
    sock.set_blocking(True)


@clause("connect.EINTR.tcp.repeat-blocking")
@waits(RETRANSMISSION)
@variants(families=INTERNET, entries=CALLS)
def test_repeated(sock: Socket, servers: Servers) -> None:
    """After EINTR a call that may not wait fails with EALREADY, and one that may wait joins the attempt."""
    busy = servers.full()
    with caught(SIGUSR1, restart=False):
        assert begun(sock, busy.address).interrupt(SIGUSR1) == EINTR
        assert begun(sock, busy.address).interrupt(SIGUSR1) == EINTR
    assert_already_under_way(sock, busy.address)
    attempt = begun(sock, busy.address)
    busy.make_room()
    assert attempt.result() == 0
    assert sock.connect(busy.address) == EISCONN
    assert_connected(sock, busy.server)


@clause("connect.EINTR.tcp.repeat-blocking.posix")
@waits(RETRANSMISSION)
@variants(families=INTERNET)
def test_repeated_by_posix(sock: Socket, servers: Servers) -> None:
    """After EINTR the standard has any further call fail."""
    busy = servers.full()
    with caught(SIGUSR1, restart=False):
        assert begun(sock, busy.address).interrupt(SIGUSR1) == EINTR
    attempt = sock.start_connect(busy.address)
    busy.make_room()
    assert attempt.result() == EALREADY


@clause("connect.SA_RESTART.tcp")
@cases({"established": (complete, 0), "refused": (refuse, ECONNREFUSED)})
@waits(RETRANSMISSION)
@variants(families=INTERNET, entries=CALLS)
def test_restarted(sock: Socket, servers: Servers, case: tuple[Callable[[FullServer], None], int]) -> None:
    """A handler with SA_RESTART runs, as often as it is called, and the call goes on to its own result."""
    busy = servers.full()
    with caught(SIGUSR1, restart=True) as signals:
        attempt = begun(sock, busy.address)
        for count in (1, 2):
            attempt.signal(SIGUSR1)
            until(lambda count=count: len(signals) >= count, "the handler runs")  # type: ignore[misc]
            until_asleep(attempt.native_id)
        attempt.assert_waits()
        case[0](busy)
        assert attempt.result() == case[1]


@clause("connect.EINTR.tcp.sndtimeo-no-restart")
@waits(RETRANSMISSION)
@variants(families=INTERNET, entries=CALLS)
def test_not_restarted(sock: Socket, servers: Servers) -> None:
    """With a send timeout a handler ends the call even with SA_RESTART; the attempt goes on."""
    busy = servers.full()
    limit(sock, socket.SO_SNDTIMEO, 120)  # Longer than any machine takes to come to the signal.
    with caught(SIGUSR1, restart=True) as signals:
        assert begun(sock, busy.address).interrupt(SIGUSR1) == EINTR
    assert signals
    assert sock.tcp_state() == "SYN_SENT"
    busy.make_room()
    sock.wait_writable()
    assert_connected(sock, busy.server)


def ignored() -> None:
    """Ignore the signal."""
    signal.signal(SIGUSR1, signal.SIG_IGN)


@contextmanager
def blocked() -> Iterator[None]:
    """Block the signal in the calling thread."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {SIGUSR1})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {SIGUSR1})


BLOCKED = Context("with SIGUSR1 blocked", blocked)


def signal_three_times(attempt: UnderWay, number: int) -> None:
    """Send the signal to the thread that makes the call, three times."""
    for _ in range(3):
        attempt.signal(number)


@clause("connect.signal.ignored-no-effect")
@cases({"ignored": SIGUSR1, "by-default": signal.SIGURG, "blocked": None})
@waits(RETRANSMISSION)
@variants(families=INTERNET)
def test_not_caught(sock: Socket, servers: Servers, case: int | None) -> None:
    """Signals that are ignored or blocked do not disturb the call."""
    busy = servers.full()
    with caught(SIGUSR1, restart=False), sock.context(BLOCKED) if case is None else nullcontext():
        if case is not None:
            ignored()
        attempt = begun(sock, busy.address)
        signal_three_times(attempt, case or SIGUSR1)
        attempt.assert_waits(0.05)
        busy.make_room()
        assert attempt.result() == 0
    assert_connected(sock, busy.server)


@contextmanager
def child_that_connects(sock: Socket, address: Address) -> Iterator[tuple[int, Elsewhere]]:
    """A child that connects the socket and exits with the errno: its process id and its call. It is gone afterwards."""
    call = sock.connect_elsewhere(address, "in a child process")
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(_LONGEST)
        status = 255
        try:
            status = sock.calls.entry.invoke("connect", *call.arguments)[1]
        finally:
            os._exit(status)
    try:
        yield pid, call
    finally:
        with suppress(ChildProcessError):  # The test has waited for it.
            if os.waitpid(pid, os.WNOHANG)[0] == 0:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


def sleeps(pid: int) -> bool:
    """Whether the process sleeps."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "S"


def stop_and_continue(child: int, sock: Socket) -> None:
    """Stop the child once it waits in connect(), and let it go on."""
    until(lambda: state_of(sock) == "SYN_SENT" and sleeps(child), "the child waits")
    os.kill(child, signal.SIGSTOP)
    os.waitpid(child, os.WUNTRACED)
    os.kill(child, signal.SIGCONT)


def connect_without_waiting(sock: Socket, address: Address) -> Outcome:
    """Let the socket not block any more, and connect it."""
    sock.set_blocking(False)
    return sock.connect(address)


@clause("connect.EINTR.stop-cont")
@cases({"send-timeout": (20.0, EINTR), "no-timeout": (0.0, 0)})
@waits(RETRANSMISSION)
@variants(families=INTERNET)
def test_stopped_and_continued(sock: Socket, servers: Servers, case: tuple[float, int]) -> None:
    """A stop ends the call only where there is a send timeout; the attempt goes on in any case."""
    busy = servers.full()
    limit(sock, socket.SO_SNDTIMEO, case[0])
    with child_that_connects(sock, busy.address) as (child, call):
        stop_and_continue(child, sock)
        if not case[0]:
            until(lambda: sleeps(child), "the child waits again")
            busy.make_room()
        assert call.ended(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])) == case[1]
    assert sock.tcp_state() == ("SYN_SENT" if case[0] else "ESTABLISHED")
    assert connect_without_waiting(sock, busy.address) == (EALREADY if case[0] else EISCONN)

"""UNIX sockets in states of all kinds: listening, failed before, shut down, waiting, timed out, interrupted."""

import socket
import struct
from errno import EAGAIN, ECONNREFUSED, ECONNRESET, EINPROGRESS, EINTR, EINVAL, ENOENT, EOPNOTSUPP, EPIPE, EPROTOTYPE
from pathlib import Path
from signal import SIGUSR1

from fixtures import (
    ALL,
    BOTH,
    CALLS,
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLOUT,
    POLLRDHUP,
    Address,
    Bytes,
    Deviation,
    Server,
    Servers,
    Socket,
    SocketMaker,
    UnderWay,
    Unix,
    assert_connected,
    assert_no_connection,
    assert_not_connected,
    assert_talk,
    assert_usable,
    cases,
    caught,
    clause,
    until,
    variants,
    waits,
)

STREAMS = ["stream", "seqpacket"]
UNSPEC = {"2-bytes": bytes(2), "16-bytes": bytes(16), "110-bytes": bytes(110)}
SHORT = 0.4  # Seconds of SO_SNDTIMEO.


@clause("connect.UNSPEC.unix.{type}")
@cases(UNSPEC)
@variants(families=["unix"], types=STREAMS, modes=BOTH, entries=ALL)
def test_unspec_on_a_connection(sock: Socket, server: Server, case: bytes) -> None:
    """AF_UNSPEC is invalid, before a connection and on one, and does it no harm."""
    assert sock.connect(Bytes(case)) == EINVAL
    assert_not_connected(sock)
    assert sock.connect(server.address) == 0
    assert sock.connect(Bytes(case)) == EINVAL
    assert_connected(sock, server)


@clause("connect.EINVAL.unix.{type}.listener")
@variants(families=["unix"], types=STREAMS, modes=BOTH, entries=ALL)
def test_listener(server: Server, servers: Servers, new_socket: SocketMaker) -> None:
    """A listener cannot connect, to another or to itself, and goes on to listen."""
    other = servers.make("other")
    assert server.socket.connect(other.address) == EINVAL
    assert server.socket.connect(server.address) == EINVAL
    assert_no_connection(other)
    assert_usable(new_socket("client"), server)


@clause("connect.EOPNOTSUPP.unix.listener")
@variants(families=["unix"], types=STREAMS)
def test_listener_as_posix_has_it(sock: Socket, servers: Servers) -> None:
    """A listener can't connect."""
    assert sock.bind(servers.free_address()) == 0
    assert sock.listen() == 0
    assert sock.connect(servers.make("other").address) == EOPNOTSUPP


@clause("connect.unix.poll-unconnected")
@variants(families=["unix"], types=STREAMS, modes=BOTH, entries=ALL)
def test_readiness(sock: Socket, server: Server, servers: Servers) -> None:
    """Without a connection the socket is writable and hung up, after a failure, too; with one it is writable."""
    before = sock.poll()
    assert sock.connect(servers.closed()) == ECONNREFUSED
    assert before == {POLLOUT, POLLHUP}
    assert sock.poll() == {POLLOUT, POLLHUP}
    assert sock.connect(server.address) == 0
    assert sock.poll() == {POLLOUT}
    assert sock.epoll() == {POLLOUT}


@clause("connect.unix.retry-after-failure")
@variants(families=["unix"], types=STREAMS, modes=BOTH, entries=ALL)
def test_failures_in_a_row(sock: Socket, server: Server, servers: Servers, folder: Path) -> None:
    """After failures of every kind the socket connects."""
    assert sock.connect(servers.closed()) == ECONNREFUSED
    assert sock.connect(Unix(bytes(folder / "none"))) == ENOENT
    assert sock.connect(servers.make("datagrams", kind="dgram").address) == EPROTOTYPE
    assert sock.connect(Bytes(b"\1")) == EINVAL
    assert_not_connected(sock)
    assert_usable(sock, server)


@clause("connect.ECONNREFUSED.unix.shutdown-listener")
@variants(families=["unix"], types=STREAMS, modes=BOTH, entries=ALL)
def test_listener_that_was_shut_down(sock: Socket, server: Server, new_socket: SocketMaker) -> None:
    """After shutdown(SHUT_RD) the listener refuses; who was queued before is still there."""
    early = new_socket("early")
    assert early.connect(server.address) == 0
    assert server.socket.shutdown(socket.SHUT_RD) == 0
    assert sock.connect(server.address) == ECONNREFUSED
    assert_not_connected(sock)
    assert_connected(early, server)


@clause("connect.unix.backlog-count")
@cases({"0": 0, "1": 1, "2": 2, "5": 5})
@variants(families=["unix"], types=STREAMS, modes=["nonblocking"], entries=CALLS)
def test_length_of_the_queue(new_socket: SocketMaker, servers: Servers, case: int) -> None:
    """A backlog of n holds n + 1 connections; each accept makes room for one more."""
    server = servers.make(backlog=case)
    for number in range(case + 1):
        assert new_socket(f"client{number}").connect(server.address) == 0
    late = new_socket("late")
    assert late.connect(server.address) == EAGAIN
    server.accepted()
    assert late.connect(server.address) == 0
    assert new_socket("last").connect(server.address) == EAGAIN


@clause("connect.ECONNRESET.unix.unaccepted")
@variants(families=["unix"], types=STREAMS, modes=BOTH, entries=ALL)
def test_listener_that_closes_with_a_queue(sock: Socket, server: Server) -> None:
    """Who was not accepted sees a reset when the listener closes, once, and then the end."""
    assert sock.connect(server.address) == 0
    assert server.socket.close() == 0
    assert sock.poll() == {POLLIN, POLLOUT, POLLERR, POLLHUP, POLLRDHUP}
    assert sock.recv_now() == ECONNRESET
    assert sock.recv_now() == b""
    assert sock.send(b"anybody?") == EPIPE
    assert sock.poll() == {POLLIN, POLLOUT, POLLHUP, POLLRDHUP}


def waiting(sock: Socket, server: Server) -> UnderWay:
    """A connect that waits in the kernel for room in the server's queue."""
    attempt = sock.start_connect(server.address)
    until(lambda: attempt.returned() or attempt.waits_in_kernel(), "the connect waits")
    if attempt.returned():
        seen = repr(attempt.result())
        raise Deviation("connect() did not wait for room", allowed="connect() waits", observed=seen)
    return attempt


def limit(sock: Socket, seconds: float) -> None:
    """Set SO_SNDTIMEO."""
    value = struct.pack("=qq", int(seconds), int(seconds % 1 * 1_000_000))
    assert sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, value, name="SO_SNDTIMEO") == 0


@clause("connect.unix.blocking-waits")
@variants(families=["unix"], types=STREAMS)
def test_waits_for_room(sock: Socket, servers: Servers) -> None:
    """A blocking connect waits for room, and then connects."""
    busy = servers.full()
    attempt = waiting(sock, busy.server)
    attempt.assert_waits()
    busy.make_room()
    assert attempt.result() == 0
    assert_connected(sock, busy.server)


def assert_have_peer(peer: Address, *sockets: Socket) -> None:
    """Each of the sockets has the peer, by name."""
    for each in sockets:
        assert each.getpeername() == peer


@clause("connect.unix.blocking-waits", case="two")
@variants(families=["unix"], types=STREAMS)
def test_two_wait_for_room(sock: Socket, new_socket: SocketMaker, servers: Servers) -> None:
    """Of two that wait each gets the room that is made for it, and both are connected in the end."""
    busy, other = servers.full(), new_socket("other")
    first, second = waiting(sock, busy.server), waiting(other, busy.server)
    busy.make_room()
    one = busy.server.accepted()
    assert first.result() == 0
    assert second.result() == 0
    two = busy.server.accepted()
    assert_have_peer(Unix(), one, two)
    assert_have_peer(busy.address, sock, other)


@clause("connect.unix.blocking-waits", case="longer")
@variants(families=["unix"], types=STREAMS)
def test_longer_queue(sock: Socket, servers: Servers) -> None:
    """Room that another listen(2) makes, with a longer backlog, is for who waits, too."""
    busy = servers.full()
    attempt = waiting(sock, busy.server)
    assert busy.server.socket.listen(8) == 0
    assert attempt.result() == 0
    assert sock.getpeername() == busy.address


@clause("connect.unix.listener-closed-while-waiting")
@variants(families=["unix"], types=STREAMS)
def test_listener_closes(sock: Socket, server: Server, servers: Servers) -> None:
    """Who waits for room is refused when the listener closes."""
    busy = servers.full()
    attempt = waiting(sock, busy.server)
    assert busy.server.socket.close() == 0
    assert attempt.result() == ECONNREFUSED
    assert_not_connected(sock)
    assert_usable(sock, server)


@clause("connect.unix.listener-shutdown-while-waiting")
@waits(1.0)
@variants(families=["unix"], types=STREAMS)
def test_listener_is_shut_down(sock: Socket, servers: Servers) -> None:
    """Who waits for room hears of a shutdown only when it wakes for another reason."""
    busy = servers.full()
    limit(sock, 1.0)
    attempt = waiting(sock, busy.server)
    assert busy.server.socket.shutdown(socket.SHUT_RD) == 0
    outcome = attempt.result()
    assert outcome == ECONNREFUSED
    assert outcome.seconds >= 0.9
    assert_not_connected(sock)


@clause("connect.SNDTIMEO.unix")
@waits(SHORT)
@variants(families=["unix"], types=STREAMS, entries=CALLS)
def test_timeout(sock: Socket, servers: Servers) -> None:
    """After SO_SNDTIMEO the call says EAGAIN, not sooner, and nothing is queued; with room the socket connects."""
    busy = servers.full()
    limit(sock, SHORT)
    outcome = sock.connect(busy.address)
    assert outcome == EAGAIN
    assert outcome.seconds >= SHORT - 0.05
    assert_not_connected(sock)
    busy.make_room()
    assert_no_connection(busy.server)
    assert_usable(sock, busy.server)


@clause("connect.SNDTIMEO.unix.documented")
@waits(SHORT)
@variants(families=["unix"], types=STREAMS)
def test_timeout_as_documented(sock: Socket, servers: Servers) -> None:
    """After SO_SNDTIMEO the call says EINPROGRESS."""
    busy = servers.full()
    limit(sock, SHORT)
    assert sock.connect(busy.address) == EINPROGRESS


@clause("connect.SA_RESTART.unix")
@variants(families=["unix"], types=STREAMS)
def test_restarted(sock: Socket, servers: Servers) -> None:
    """After a handler with SA_RESTART the call goes on to wait, and connects when there is room."""
    busy = servers.full()
    with caught(SIGUSR1, restart=True) as signals:
        attempt = waiting(sock, busy.server)
        attempt.signal(SIGUSR1)
        until(lambda: bool(signals), "the handler has run")
        until(attempt.waits_in_kernel, "the connect waits again")
        attempt.assert_waits()
        busy.make_room()
        assert attempt.result() == 0
    assert_talk(sock, busy.server.accepted())


@clause("connect.SA_RESTART.unix", case="timeout")
@variants(families=["unix"], types=STREAMS, entries=CALLS)
def test_not_restarted_with_a_timeout(sock: Socket, servers: Servers) -> None:
    """With SO_SNDTIMEO a handler ends the call although it was installed with SA_RESTART."""
    busy = servers.full()
    limit(sock, 120.0)  # Longer than any machine takes to come to the signal.
    with caught(SIGUSR1, restart=True):
        attempt = sock.start_connect(busy.address)
        assert attempt.interrupt(SIGUSR1) == EINTR
    assert_not_connected(sock)
    busy.make_room()
    assert_no_connection(busy.server)

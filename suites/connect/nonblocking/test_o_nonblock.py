"""Sockets that do not wait: every way to O_NONBLOCK, readiness in every state, and errors that are told only once."""

import array
import fcntl
import os
import socket
import termios
from collections.abc import Callable
from errno import EAGAIN, EALREADY, ECONNABORTED, ECONNREFUSED, EINPROGRESS, EINVAL, EISCONN, EPIPE, ETIMEDOUT

import pytest

from fixtures import (
    CALLS,
    INTERNET,
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLOUT,
    POLLRDHUP,
    Outcome,
    Server,
    Servers,
    Socket,
    UnderWay,
    assert_connected,
    assert_no_connection,
    assert_not_connected,
    assert_usable,
    cases,
    clause,
    until,
    variants,
    waits,
)
from suites.connect.times import ONE_RETRY, RETRANSMISSION

EVERYTHING = {POLLIN, POLLOUT, POLLERR, POLLHUP, POLLRDHUP}
usefixtures = pytest.mark.usefixtures


def by_fcntl(sock: Socket) -> None:
    """Set the status flag."""
    fcntl.fcntl(sock.fd, fcntl.F_SETFL, fcntl.fcntl(sock.fd, fcntl.F_GETFL) | os.O_NONBLOCK)


def by_ioctl(sock: Socket) -> None:
    """Set the flag with FIONBIO."""
    fcntl.ioctl(sock.fd, termios.FIONBIO, array.array("i", [1]))


def by_duplicate(sock: Socket) -> None:
    """Set the flag on a duplicate of the descriptor, which shares it."""
    other = os.dup(sock.fd)
    os.set_blocking(other, False)
    os.close(other)


ROUTES = {"fcntl": by_fcntl, "FIONBIO": by_ioctl, "duplicate": by_duplicate}


@clause("connect.EINPROGRESS.fcntl-vs-socknonblock")
@cases(ROUTES)
@variants(families=INTERNET, entries=CALLS)
def test_routes(sock: Socket, servers: Servers, case: Callable[[Socket], None]) -> None:
    """However the flag was set, an attempt is begun and not waited for, and is under way afterwards."""
    busy = servers.full()
    case(sock)
    assert sock.connect(busy.address) == EINPROGRESS
    assert sock.connect(busy.address) == EALREADY
    assert sock.poll() == set()
    assert sock.tcp_state() == "SYN_SENT"


@clause("connect.EINPROGRESS.fcntl-vs-socknonblock", case="unix")
@cases(ROUTES)
@variants(families=["unix"], types=["stream", "seqpacket"])
def test_routes_of_unix(sock: Socket, servers: Servers, case: Callable[[Socket], None]) -> None:
    """So it is with UNIX sockets: none waits for room."""
    busy = servers.full()
    case(sock)
    assert sock.connect(busy.address) == EAGAIN
    assert_not_connected(sock)


@clause("connect.EINPROGRESS.fcntl-vs-socknonblock", case="cleared")
@variants(families=INTERNET, modes=["nonblocking"], entries=CALLS)
def test_cleared(sock: Socket, server: Server) -> None:
    """A socket that was made with SOCK_NONBLOCK waits once the flag has been cleared."""
    sock.set_blocking(True)
    assert sock.connect(server.address) == 0
    assert_connected(sock, server)


@clause("connect.EINPROGRESS.continues")
@waits(RETRANSMISSION)
@variants(families=INTERNET, modes=["nonblocking"], entries=CALLS)
def test_goes_on(sock: Socket, servers: Servers) -> None:
    """The attempt goes on without a further call of the client's: the listener gets its connection."""
    busy = servers.full()
    assert sock.connect(busy.address) == EINPROGRESS
    busy.make_room()
    accepted = busy.server.accepted()
    assert accepted.getpeername() == sock.getsockname().value
    assert sock.getpeername() == busy.address
    assert sock.so_error() == 0


@clause("connect.SO_ERROR.get-and-clear")
@variants(families=INTERNET, modes=["nonblocking"], entries=CALLS)
def test_told_once(sock: Socket, server: Server, servers: Servers) -> None:
    """The error is told once, in every attempt anew, and never after a success."""
    for _ in range(2):
        assert sock.connect(servers.closed()) == EINPROGRESS
        assert sock.poll(10) == EVERYTHING
        assert sock.so_error() == ECONNREFUSED
        assert sock.so_error() == 0
        assert sock.connect(server.address) == ECONNABORTED
    assert_usable(sock, server)


@clause("connect.SO_ERROR.pending-is-zero")
@variants(families=INTERNET, modes=["nonblocking"], entries=CALLS)
def test_zero_while_pending(sock: Socket, servers: Servers) -> None:
    """While the attempt is under way the error is 0 each time, and reading it disturbs nothing."""
    busy = servers.full()
    assert sock.connect(busy.address) == EINPROGRESS
    assert sock.so_error() == 0
    assert sock.so_error() == 0
    assert sock.connect(busy.address) == EALREADY
    assert sock.so_error() == 0
    assert sock.poll() == set()
    assert sock.tcp_state() == "SYN_SENT"


def by_send(sock: Socket) -> Outcome:
    """Send."""
    return sock.send(b"x")


READERS = {"SO_ERROR": Socket.so_error, "recv": Socket.recv_now, "send": by_send}


@clause("connect.recv.reports-connect-error")
@cases({"recv": Socket.recv_now, "send": by_send})
@variants(families=INTERNET, modes=["nonblocking"])
def test_reading_and_writing_tell(sock: Socket, servers: Servers, case: Callable[[Socket], Outcome]) -> None:
    """The first to read or write is told of the failure; then there is nothing to read and nowhere to write to."""
    assert sock.connect(servers.closed()) == EINPROGRESS
    sock.wait_writable()
    assert case(sock) == ECONNREFUSED
    assert sock.recv_now() == b""
    assert sock.send(b"x") == EPIPE
    assert_not_connected(sock)
    assert sock.poll() == EVERYTHING - {POLLERR}


@clause("connect.send.while-connecting")
@variants(families=INTERNET, modes=["nonblocking"])
def test_input_and_output_while_pending(sock: Socket, servers: Servers) -> None:
    """While the attempt is under way nothing can be read or written, and trying it does no harm."""
    assert sock.connect(servers.full().address) == EINPROGRESS
    assert sock.send(b"x") == EAGAIN
    assert sock.recv_now() == EAGAIN
    assert sock.so_error() == 0
    assert sock.tcp_state() == "SYN_SENT"


def start_send(sock: Socket, data: "array.array[int]") -> UnderWay:
    """sendto(2) without an address, which may wait, on a thread of its own; the caller keeps the data alive."""
    pointer, size = data.buffer_info()
    return sock.calls.start(
        "sendto", sock.fd, pointer, size, socket.MSG_NOSIGNAL, 0, 0, complete=lambda sent: sent == size
    )


@clause("connect.send.while-connecting", case="blocking")
@waits(RETRANSMISSION)
@variants(families=INTERNET, modes=["nonblocking"])
def test_send_that_waits(sock: Socket, servers: Servers) -> None:
    """A send that may wait does so until the connection is established, and then sends."""
    busy, data = servers.full(), array.array("b", b"data")
    assert sock.connect(busy.address) == EINPROGRESS
    sock.set_blocking(True)
    sending = start_send(sock, data)
    sending.assert_waits(0.05)
    busy.make_room()
    assert sending.result() == 0
    assert busy.server.accepted().recv() == b"data"


@clause("connect.bind-listen.while-connecting")
@waits(RETRANSMISSION)
@variants(families=INTERNET, modes=["nonblocking"])
def test_bind_and_listen_while_pending(sock: Socket, servers: Servers) -> None:
    """A socket that connects can neither be bound nor listen, and its attempt is unharmed."""
    busy = servers.full()
    assert sock.connect(busy.address) == EINPROGRESS
    name = sock.getsockname().value
    assert sock.bind(servers.free_address()) == EINVAL
    assert sock.listen() == EINVAL
    assert sock.getsockname() == name
    assert sock.tcp_state() == "SYN_SENT"
    busy.make_room()
    sock.wait_writable()
    assert_connected(sock, busy.server)


@clause("connect.getsockname.while-connecting")
@waits(RETRANSMISSION)
@variants(families=INTERNET, modes=["nonblocking"], entries=CALLS)
def test_name_while_pending(sock: Socket, servers: Servers) -> None:
    """The name is whole from the beginning: the address of the route and a port, and the connection keeps it."""
    busy = servers.full()
    assert sock.connect(busy.address) == EINPROGRESS
    name = sock.getsockname().value
    assert name.host == busy.queued.getsockname().value.host
    assert name.port not in (0, busy.queued.getsockname().value.port)
    busy.make_room()
    sock.wait_writable()
    assert sock.getsockname() == name
    assert_connected(sock, busy.server)


@clause("connect.async.connect-returns-pending-error")
@cases({"nonblocking": False, "blocking": True})
@variants(families=INTERNET, modes=["nonblocking"], entries=CALLS)
def test_next_connect_tells(sock: Socket, server: Server, servers: Servers, case: bool) -> None:
    """The next connect tells of the failure and tries nothing; the one after that tries."""
    assert sock.connect(servers.closed()) == EINPROGRESS
    sock.wait_writable()
    sock.set_blocking(case)
    assert sock.connect(server.address) == ECONNREFUSED
    assert_not_connected(sock)
    assert_no_connection(server)
    assert sock.connect(server.address) == (0 if case else EINPROGRESS)
    sock.wait_writable()
    assert_connected(sock, server)


@clause("connect.async.connect-returns-pending-error", case="timeout")
@waits(ONE_RETRY)
@usefixtures("hurried")
@variants(families=INTERNET, modes=["nonblocking"])
def test_next_connect_tells_of_a_timeout(sock: Socket, server: Server, servers: Servers) -> None:
    """So it is when the attempt was given up."""
    assert sock.connect(servers.full().address) == EINPROGRESS
    sock.wait_writable()
    until(lambda: POLLHUP in sock.poll(ask=()).value, "the attempt is over")
    assert sock.connect(server.address) == ETIMEDOUT
    assert_no_connection(server)
    assert_usable(sock, server)


@clause("connect.ECONNABORTED.after-error-consumed")
@cases(READERS)
@variants(families=INTERNET, modes=["nonblocking"], entries=CALLS, lines=["SO_ERROR"])
@variants(families=INTERNET, modes=["nonblocking"], lines=["recv", "send"])
def test_error_that_was_told(sock: Socket, server: Server, servers: Servers, case: Callable[[Socket], Outcome]) -> None:
    """The next connect has no errno left for the failure, tries nothing, and frees the socket for the one after it."""
    assert sock.connect(servers.closed()) == EINPROGRESS
    sock.wait_writable()
    assert case(sock) == ECONNREFUSED
    assert sock.connect(server.address) == ECONNABORTED
    assert_not_connected(sock)
    assert_no_connection(server)
    assert sock.connect_and_wait(server.address) == 0
    assert_connected(sock, server)
    assert sock.connect(server.address) == 0
    assert sock.connect(server.address) == EISCONN

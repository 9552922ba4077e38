"""What is special of a connect by io_uring: how it is completed, that it waits, and what a timeout does to it."""

from collections.abc import Callable
from errno import (
    EAGAIN,
    EALREADY,
    EBADF,
    ECANCELED,
    ECONNREFUSED,
    EFAULT,
    EINVAL,
    EISCONN,
    ENOTCONN,
    ENOTSOCK,
)

from fixtures import (
    BOTH,
    INTERNET,
    POLLOUT,
    Address,
    Server,
    Servers,
    Socket,
    UnderWay,
    UringEntry,
    assert_connected,
    assert_connects_once,
    assert_no_connection,
    assert_not_connected,
    assert_usable,
    clause,
    needs,
    until,
    variants,
    waits,
)
from suites.connect.states import state_of
from suites.connect.times import RETRANSMISSION

RING = ["io_uring"]
SOON, LATE = 0.1, 60.0


@clause("connect.io_uring.connect")
@variants(families=INTERNET, modes=BOTH, entries=RING)
@variants(families=["unix"], types=["stream", "seqpacket"], entries=RING)
def test_completions(sock: Socket, server: Server, servers: Servers, no_socket: Callable[[str], int]) -> None:
    """Each outcome of the call is a completion, and the socket is as after the call."""
    assert Socket(sock.calls, no_socket("device"), "device").connect(server.address) == ENOTSOCK
    assert Socket(sock.calls, -1, "nothing").connect(server.address) == EBADF
    assert sock.connect_raw(8, len(server.address.pack())) == EFAULT
    assert sock.connect(server.address, 1) == EINVAL
    assert sock.connect(servers.closed()) == ECONNREFUSED
    assert_not_connected(sock)
    assert_no_connection(server)
    assert_connects_once(sock, server.address)
    assert_connected(sock, server)
    assert_no_connection(server)


@clause("connect.io_uring.nonblocking-socket", case="at-once")
@variants(families=INTERNET, modes=["nonblocking"], entries=RING)
def test_decided_at_once(sock: Socket, server: Server, servers: Servers) -> None:
    """A refusal and a success are the request's own, and nothing is left of them to be told again."""
    assert sock.connect(servers.closed()) == ECONNREFUSED
    assert sock.so_error() == 0
    assert sock.getpeername() == ENOTCONN
    assert sock.connect(servers.closed()) == ECONNREFUSED
    assert sock.connect(server.address) == 0
    assert sock.tcp_state() == "ESTABLISHED"
    assert sock.through("syscall").connect(server.address) == EISCONN
    assert_connected(sock, server)


def under_way(sock: Socket, address: Address) -> UnderWay:
    """A request to connect whose attempt has sent its SYN."""
    request = sock.start_connect(address)
    until(lambda: state_of(sock) == "SYN_SENT", "the attempt is under way")
    return request


@clause("connect.io_uring.nonblocking-socket", case="pending")
@waits(RETRANSMISSION)
@variants(families=INTERNET, modes=["nonblocking", "blocking"], entries=RING)
def test_decided_later(sock: Socket, servers: Servers) -> None:
    """While the attempt is pending the request is, too; when it succeeds the request is completed."""
    busy = servers.full()
    waiting = under_way(sock, busy.address)
    assert waiting.returned(SOON) is False
    assert sock.poll() == set()
    assert sock.connect(busy.address) == EALREADY
    busy.make_room()
    assert waiting.result() == 0
    assert sock.poll() == {POLLOUT}
    assert sock.connect(busy.address) == EISCONN
    assert_connected(sock, busy.server)


@clause("connect.io_uring.nonblocking-socket", case="refused-later")
@waits(RETRANSMISSION)
@variants(families=INTERNET, modes=["nonblocking", "blocking"], entries=RING)
def test_refused_later(sock: Socket, server: Server, servers: Servers) -> None:
    """When it fails the request is completed with the error, and the socket can connect."""
    busy = servers.full()
    waiting = sock.start_connect(busy.address)
    until(lambda: state_of(sock) == "SYN_SENT", "the attempt is under way")
    assert busy.server.socket.close() == 0
    assert waiting.result() == ECONNREFUSED
    assert sock.so_error() == 0
    assert sock.getpeername() == ENOTCONN
    assert_usable(sock, server)


@clause("connect.io_uring.nonblocking-socket", case="unix-waits")
@variants(families=["unix"], types=["stream", "seqpacket"], entries=RING)
def test_unix_that_waits(sock: Socket, servers: Servers) -> None:
    """On a UNIX socket whose listener has no room a request waits for it."""
    busy = servers.full()
    waiting = sock.start_connect(busy.address)
    assert waiting.returned(SOON) is False
    busy.make_room()
    assert waiting.result() == 0
    assert_connected(sock, busy.server)


@clause("connect.io_uring.nonblocking-socket", case="unix")
@variants(families=["unix"], types=["stream", "seqpacket"], modes=["nonblocking"], entries=RING)
def test_unix_that_does_not_wait(sock: Socket, servers: Servers) -> None:
    """With O_NONBLOCK it does not."""
    busy = servers.full()
    assert sock.connect(busy.address) == EAGAIN
    assert sock.connect(busy.address) == EAGAIN
    assert_not_connected(sock)
    busy.make_room()
    assert sock.connect(busy.address) == 0
    assert_connected(sock, busy.server)


def assert_cancelled(sock: Socket, address: Address) -> None:
    """The request to connect is cancelled after its timeout, and not before."""
    cancelled = sock.connect(address)
    assert cancelled == ECANCELED
    assert cancelled.seconds >= SOON - 0.01


@clause("connect.io_uring.linked-timeout")
@needs("ring-linked-timeout")
@waits(RETRANSMISSION)
@variants(families=INTERNET, modes=BOTH, entries=RING)
def test_timeout(sock: Socket, servers: Servers) -> None:
    """A request that takes longer is cancelled after that time, and the attempt goes on."""
    busy = servers.full()
    sock = sock.through(UringEntry(within=SOON))
    assert_cancelled(sock, busy.address)
    assert sock.tcp_state() == "SYN_SENT"
    assert sock.so_error() == 0
    assert sock.connect(busy.address) == EALREADY
    busy.make_room()
    until(lambda: state_of(sock) == "ESTABLISHED", "the attempt completes")
    assert_connected(sock, busy.server)


@clause("connect.io_uring.linked-timeout", case="in-time")
@needs("ring-linked-timeout")
@variants(families=INTERNET, entries=RING)
def test_in_time(sock: Socket, server: Server, servers: Servers) -> None:
    """A timeout that does not run out changes nothing."""
    sock = sock.through(UringEntry(within=LATE))
    assert sock.connect(servers.closed()) == ECONNREFUSED
    assert sock.connect(server.address) == 0
    assert sock.connect(server.address) == EISCONN
    assert_connected(sock, server)

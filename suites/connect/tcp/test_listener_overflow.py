"""A listener that cannot keep up: tcp_abort_on_overflow and SYN cookies on its host."""

from errno import ECONNRESET, EINPROGRESS, ENOTCONN, ETIMEDOUT

import pytest

from fixtures import (
    FAMILIES,
    INTERNET,
    POLLHUP,
    POLLIN,
    POLLOUT,
    POLLRDHUP,
    Server,
    Servers,
    Socket,
    SocketMaker,
    Variant,
    assert_connected,
    assert_no_connection,
    assert_not_connected,
    assert_so_error_once,
    assert_usable,
    cases,
    clause,
    needs,
    topology,
    until,
    variants,
    waits,
)
from netns import Topology
from suites.connect.states import state_of
from suites.connect.tcp.proc_net import counter, until_state
from suites.connect.times import ONE_RETRY, RETRANSMISSION

ABORT, COOKIES = "net.ipv4.tcp_abort_on_overflow", "net.ipv4.tcp_syncookies"


class Overflow:
    """A listener that has heard the SYN of ``sock`` and whose answer gets lost, while others fill its queue."""

    def __init__(
        self, sock: Socket, new_socket: SocketMaker, servers: Servers, topology: Topology, family: str
    ) -> None:
        self.server = servers.make("busy", backlog=1)
        self._sock = sock
        self._topology = topology
        self._client = topology.client.address(FAMILIES[family])
        host = topology.server.address(FAMILIES[family])
        # Who is sent astray cannot tell its link address either; so it is known before.
        topology.client.add_neighbour("to-server", host, topology.server.link_address("to-client"))
        topology.server.add_wrong_neighbour("to-client", self._client)
        self._family = family
        self._others = [new_socket(label, host=topology.server) for label in ("first", "second")]

    def begin(self) -> None:
        """Connect ``sock``, whose SYN arrives and whose answer is lost; then others fill the queue."""
        assert self._sock.connect(self.server.address) == EINPROGRESS
        until_state(self._topology.server, self._family, self.server.address, "SYN_RECV")
        for other in self._others:
            assert other.connect_and_wait(self.server.address) == 0

    def answers(self) -> None:
        """Let the answer arrive when it is sent again."""
        self._topology.server.delete_neighbour("to-client", self._client)

    def accept_others(self) -> None:
        """Make room: accept those who filled the queue, whom nothing has befallen."""
        for other in self._others:
            accepted = self.server.accepted()
            assert accepted.getpeername() == other.getsockname().value
            assert accepted.poll() == {POLLOUT}


@pytest.fixture
def overflow(sock: Socket, new_socket: SocketMaker, servers: Servers, topology: Topology, variant: Variant) -> Overflow:
    """The listener, before ``sock`` has connected to it."""
    return Overflow(sock, new_socket, servers, topology, variant.family)


@clause("connect.tcp.abort_on_overflow")
@needs("tcp_abort_on_overflow")
@topology("pair")
@waits(RETRANSMISSION)
@variants(families=INTERNET, modes=["nonblocking"])
def test_an_overflow_resets(sock: Socket, overflow: Overflow, topology: Topology) -> None:
    """The end of the handshake meets a full queue: the connection is reset, with one error; others are unharmed."""
    overflow.begin()
    topology.server.set_sysctl(ABORT, 1)
    assert sock.poll() == set()
    overflow.answers()
    until(lambda: state_of(sock) == "CLOSE", "the connection was reset")
    assert_so_error_once(sock, ECONNRESET)
    assert sock.poll() == {POLLIN, POLLOUT, POLLHUP, POLLRDHUP}
    assert sock.getpeername() == ENOTCONN
    overflow.accept_others()
    assert_no_connection(overflow.server)


@clause("connect.tcp.abort_on_overflow", case="off")
@needs("tcp_abort_on_overflow")
@topology("pair")
@waits(RETRANSMISSION)
@variants(families=INTERNET, modes=["nonblocking"])
def test_an_overflow_waits(sock: Socket, overflow: Overflow) -> None:
    """Without the setting the client is connected before there is room, and what it sends arrives when there is."""
    overflow.begin()
    overflow.answers()
    until(lambda: state_of(sock) == "ESTABLISHED", "the client is connected")
    assert sock.poll() == {POLLOUT}
    assert sock.so_error() == 0
    overflow.accept_others()
    assert sock.send(b"early") == 0
    accepted = overflow.server.accepted()
    assert accepted.getpeername() == sock.getsockname().value
    assert accepted.recv() == b"early"


@clause("connect.tcp.abort_on_overflow", case="syn")
@needs("tcp_abort_on_overflow")
@waits(RETRANSMISSION)
@variants(families=INTERNET, modes=["nonblocking"])
def test_a_full_queue_ignores(sock: Socket, servers: Servers, topology: Topology) -> None:
    """With the setting, too, a SYN that meets a full queue is ignored, and sent again."""
    topology.server.set_sysctl(ABORT, 1)
    busy = servers.full()
    assert sock.connect(busy.address) == EINPROGRESS
    assert sock.tcp_state() == "SYN_SENT"
    assert sock.poll() == set()
    busy.make_room()
    sock.wait_writable()
    assert sock.so_error() == 0
    assert_connected(sock, busy.server)


@clause("connect.tcp.syncookies")
@needs("tcp_syncookies")
@topology("pair")
@cases({"2": (2, 1), "0": (0, 0)})
@variants(families=INTERNET)
def test_a_cookie(sock: Socket, server: Server, topology: Topology, case: tuple[int, int]) -> None:
    """The client does not see whether the server's answer was a cookie."""
    setting, cookies = case
    topology.server.set_sysctl(COOKIES, setting)
    assert sock.connect_and_wait(server.address) == 0
    assert_connected(sock, server)
    assert counter(topology.server, "SyncookiesSent") == cookies
    assert counter(topology.server, "SyncookiesRecv") == cookies


@clause("connect.ETIMEDOUT.syncookies")
@needs("tcp_syncookies")
@waits(ONE_RETRY)
@variants(families=INTERNET)
def test_no_cookie_for_a_full_queue(sock: Socket, server: Server, servers: Servers, hurried: Topology) -> None:
    """A full queue sends no cookie: the attempt ends when the client gives up, not sooner."""
    hurried.server.set_sysctl(COOKIES, 2)
    busy = servers.full()
    sent = counter(hurried.server, "SyncookiesSent")
    outcome = sock.connect(busy.address)
    assert outcome == ETIMEDOUT
    assert outcome.seconds > 2.8
    assert counter(hurried.server, "SyncookiesSent") == sent
    assert_not_connected(sock)
    assert_usable(sock, server)


@clause("connect.ETIMEDOUT.syncookies", case="room")
@needs("tcp_syncookies")
@waits(RETRANSMISSION)
@variants(families=INTERNET, modes=["nonblocking"])
def test_a_cookie_when_there_is_room(sock: Socket, servers: Servers, topology: Topology) -> None:
    """The SYN that is sent again gets a cookie once there is room, and the attempt succeeds."""
    topology.server.set_sysctl(COOKIES, 2)
    busy = servers.full()
    assert sock.connect(busy.address) == EINPROGRESS
    assert sock.poll() == set()
    busy.make_room()
    sock.wait_writable()
    assert sock.so_error() == 0
    assert_connected(sock, busy.server)

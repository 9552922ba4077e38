"""TCP attempts that fail: what they leave, what may be tried again, and how long they take by which setting."""

import socket
from errno import (
    EADDRNOTAVAIL,
    ECONNREFUSED,
    EINPROGRESS,
    EINVAL,
    ENOTCONN,
    ETIMEDOUT,
)

import pytest

from fixtures import (
    ALL,
    BOTH,
    CALLS,
    INTERNET,
    POLLHUP,
    POLLOUT,
    Peer,
    Server,
    Servers,
    Socket,
    SocketMaker,
    Variant,
    assert_connected,
    assert_not_connected,
    assert_usable,
    cases,
    clause,
    needs,
    topology,
    variants,
    waits,
    with_port,
)
from netns import Topology
from suites.connect.names import NULL

TCP_SYNCNT, TCP_USER_TIMEOUT = 7, 18
usefixtures = pytest.mark.usefixtures


def set_tcp(sock: Socket, option: int, value: int, name: str) -> object:
    """Set an option of TCP."""
    return sock.setsockopt(socket.IPPROTO_TCP, option, value, name=name, level_name="IPPROTO_TCP")


@clause("connect.tcp.shutdown-before-connect")
@cases({"SHUT_RD": socket.SHUT_RD, "SHUT_WR": socket.SHUT_WR, "SHUT_RDWR": socket.SHUT_RDWR})
@variants(families=INTERNET, modes=BOTH, entries=ALL)
def test_shutdown_before_a_connection(sock: Socket, server: Server, case: int) -> None:
    """There is no connection to shut down, and the socket still makes one."""
    assert sock.shutdown(case) == ENOTCONN
    assert sock.connect_and_wait(server.address) == 0
    assert sock.getpeername() == server.address
    assert sock.tcp_state() == "ESTABLISHED"
    assert server.accepted().getpeername() == sock.getsockname().value


@clause("connect.tcp.retry-after-refused")
@variants(families=INTERNET, entries=ALL)
def test_another_attempt(sock: Socket, server: Server, servers: Servers) -> None:
    """After three refusals the socket connects, once."""
    for _ in range(3):
        assert sock.connect(servers.closed()) == ECONNREFUSED
        assert sock.tcp_state() == "CLOSE"
    assert_usable(sock, server)


@clause("connect.tcp.failed-name-stale-port")
@variants(families=INTERNET, entries=CALLS)
@variants(families=["mapped"])
def test_name_after_a_refusal(sock: Socket, servers: Servers, variant: Variant) -> None:
    """After a refusal the socket has no address any more."""
    assert sock.connect(servers.closed()) == ECONNREFUSED
    assert sock.getsockname().value.host == NULL[variant.family]
    assert sock.getpeername() == ENOTCONN


@clause("connect.tcp.failed-name-stale-port", case="bound")
@variants(families=INTERNET, modes=BOTH)
@variants(families=["mapped"])
def test_bound_name_after_a_refusal(sock: Socket, servers: Servers) -> None:
    """The neighbouring case: a socket that was bound keeps its address and port."""
    name = servers.free_address("name")
    assert sock.bind(name) == 0
    assert sock.connect_and_wait(servers.closed()) == ECONNREFUSED
    assert sock.getsockname() == name


@clause("connect.tcp.blocking-error-consumed")
@variants(families=INTERNET, entries=CALLS)
def test_error_is_told_once(sock: Socket, servers: Servers) -> None:
    """What the call told SO_ERROR does not tell again."""
    assert sock.connect(servers.closed()) == ECONNREFUSED
    assert sock.so_error() == 0
    assert sock.poll() == {POLLOUT, POLLHUP}


@clause("connect.ECONNREFUSED.tcp.port0")
@variants(families=INTERNET, modes=BOTH, entries=ALL)
def test_port_zero(sock: Socket, server: Server) -> None:
    """Port 0 refuses."""
    assert sock.connect_and_wait(with_port(server.address, 0)) == ECONNREFUSED
    assert_not_connected(sock)


@clause("connect.ECONNREFUSED.tcp.bound-not-listening")
@variants(families=INTERNET, entries=ALL)
def test_bound_and_not_listening(sock: Socket, servers: Servers, new_socket: SocketMaker) -> None:
    """Who is bound and does not listen refuses, until it listens."""
    idle, address = new_socket("idle", nonblocking=True), servers.free_address()
    assert idle.bind(address) == 0
    assert sock.connect(address) == ECONNREFUSED
    assert idle.listen() == 0
    assert sock.connect(address) == 0
    assert idle.accept().getpeername() == sock.getsockname().value


@clause("connect.ETIMEDOUT.tcp.syn_retries-sysctl")
@cases({"1": (1, 2.8), "2": (2, 6.8)})
@waits(7.1)
@usefixtures("hurried")
@variants(families=INTERNET)
def test_retries_by_sysctl(sock: Socket, servers: Servers, topology: Topology, case: tuple[int, float]) -> None:
    """The attempt ends after so many retransmissions, not sooner."""
    retries, least = case
    topology.client.set_sysctl("net.ipv4.tcp_syn_retries", retries)
    outcome = sock.connect(servers.full().address)
    assert outcome == ETIMEDOUT
    assert outcome.seconds > least


@clause("connect.tcp.syn_retries-limit")
@cases(
    {"0": (0, EINVAL), "1": (1, 0), "127": (127, 0), "128": (128, EINVAL), "255": (255, EINVAL), "256": (256, EINVAL)}
)
@variants(families=INTERNET)
def test_limit_of_syncnt(sock: Socket, server: Server, case: tuple[int, int]) -> None:
    """TCP_SYNCNT takes 1 to 127."""
    value, outcome = case
    taken = set_tcp(sock, TCP_SYNCNT, value, "TCP_SYNCNT")
    assert_usable(sock, server)
    assert taken == outcome


@clause("connect.tcp.syn_retries-limit.documented")
@variants(families=INTERNET)
def test_limit_of_syncnt_as_documented(sock: Socket, server: Server) -> None:
    """TCP_SYNCNT takes 255."""
    taken = set_tcp(sock, TCP_SYNCNT, 255, "TCP_SYNCNT")
    assert sock.connect(server.address) == 0
    assert taken == 0


@clause("connect.ETIMEDOUT.TCP_SYNCNT")
@waits(3.1)
@variants(families=INTERNET)
def test_retries_by_option(sock: Socket, servers: Servers, hurried: Topology) -> None:
    """TCP_SYNCNT holds for its socket where the sysctl says more."""
    hurried.client.set_sysctl("net.ipv4.tcp_syn_retries", 6)
    assert set_tcp(sock, TCP_SYNCNT, 1, "TCP_SYNCNT") == 0
    outcome = sock.connect(servers.full().address)
    assert outcome == ETIMEDOUT
    assert outcome.seconds > 2.8


@clause("connect.ETIMEDOUT.TCP_SYNCNT", case="counted")
@waits(3.1)
@topology("scripted")
@variants(families=INTERNET, modes=["nonblocking"])
def test_segments_of_an_attempt(sock: Socket, peer: Peer, hurried: Topology) -> None:
    """The peer hears the SYN and as many copies as were asked for, and no more."""
    hurried.client.set_sysctl("net.ipv4.tcp_syn_retries", 6)
    assert set_tcp(sock, TCP_SYNCNT, 1, "TCP_SYNCNT") == 0
    assert sock.connect(peer.address) == EINPROGRESS
    sock.wait_writable()
    assert sock.so_error() == ETIMEDOUT
    assert peer.count("S") == 2


@clause("connect.ETIMEDOUT.TCP_USER_TIMEOUT")
@waits(1.5)
@variants(families=INTERNET, entries=ALL)
def test_user_timeout(sock: Socket, server: Server, servers: Servers) -> None:
    """TCP_USER_TIMEOUT ends the attempt, not sooner than it says, and the socket connects elsewhere."""
    assert set_tcp(sock, TCP_USER_TIMEOUT, 1500, "TCP_USER_TIMEOUT") == 0
    outcome = sock.connect(servers.full().address)
    assert outcome == ETIMEDOUT
    assert outcome.seconds > 1.4
    assert_not_connected(sock)
    assert_usable(sock, server)


@clause("connect.ETIMEDOUT.TCP_USER_TIMEOUT", case="background")
@waits(1.5)
@variants(families=INTERNET, modes=["nonblocking"], entries=CALLS)
def test_user_timeout_in_the_background(sock: Socket, servers: Servers) -> None:
    """So it does in the background, and SO_ERROR tells."""
    assert set_tcp(sock, TCP_USER_TIMEOUT, 1500, "TCP_USER_TIMEOUT") == 0
    assert sock.connect(servers.full().address) == EINPROGRESS
    sock.wait_writable()
    assert sock.so_error() == ETIMEDOUT
    assert sock.so_error() == 0
    assert_not_connected(sock)


@clause("connect.ETIMEDOUT.tcp.backlog-full")
@waits(3.1)
@usefixtures("hurried")
@variants(families=INTERNET)
def test_full_queue(sock: Socket, new_socket: SocketMaker, servers: Servers) -> None:
    """A backlog of 1 holds two connections; the third attempt times out and leaves those unharmed."""
    server = servers.make(backlog=1)
    first, second = new_socket("first"), new_socket("second")
    assert first.connect(server.address) == 0
    assert second.connect(server.address) == 0
    assert sock.connect(server.address) == ETIMEDOUT
    assert_connected(first, server)
    assert_connected(second, server)


@clause("connect.tcp.backlog-drains")
@waits(1.0)
@variants(families=INTERNET, entries=ALL)
@variants(families=["mapped"], entries=["io_uring"])
def test_queue_that_drains(sock: Socket, servers: Servers) -> None:
    """A blocking attempt that waits for room gets it with its next SYN."""
    busy = servers.full()
    attempt = sock.start_connect(busy.address)
    attempt.assert_waits(0.2)
    busy.make_room()
    assert attempt.result() == 0
    assert_connected(sock, busy.server)


@clause("connect.EADDRNOTAVAIL.remote-not-available")
@needs("disable_ipv6")
@variants(families=["inet6"], types=["stream", "dgram"], modes=BOTH)
def test_no_address_of_ones_own(sock: Socket, server: Server, topology: Topology) -> None:
    """Without any IPv6 address there is none to connect from."""
    target = server.address
    server.socket.close()
    topology.client.set_sysctl("net.ipv6.conf.all.disable_ipv6", 1)
    assert sock.connect(target) == EADDRNOTAVAIL
    assert sock.connect(target) == EADDRNOTAVAIL
    assert sock.getpeername() == ENOTCONN

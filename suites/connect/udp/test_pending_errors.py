"""Errors that come later: which call of a connected datagram socket reports an earlier datagram's, and how often.

What each ICMP message becomes is in ``suites/connect/icmp``; here the kernel itself refuses, for lack of a listener.
"""

from errno import EAFNOSUPPORT, EAGAIN, ECONNREFUSED, ENOTCONN

from fixtures import (
    ALL,
    BOTH,
    INTERNET,
    POLLOUT,
    Bytes,
    Server,
    Servers,
    Socket,
    SocketMaker,
    Variant,
    assert_peer,
    assert_usable,
    cases,
    clause,
    until_asleep,
    variants,
)
from suites.connect.icmp_messages import receive_errors
from suites.connect.names import UNSPEC
from suites.connect.udp.refusals import be_refused

UNKNOWN = Bytes(b"\x4d\x4d".ljust(28, b"\0"))


def let_it_come(witness: Socket, servers: Servers) -> None:
    """Wait for a refusal at another socket: an earlier one has arrived by then, too."""
    assert witness.connect(servers.closed()) == 0
    be_refused(witness)


def assert_send_fails_once(sock: Socket) -> None:
    """After a refusal the next send fails with ECONNREFUSED, and the socket is writable again."""
    be_refused(sock)
    assert sock.send(b"never sent") == ECONNREFUSED
    assert sock.poll() == {POLLOUT}


def assert_receive_fails_once(sock: Socket) -> None:
    """After a refusal the next receive fails with ECONNREFUSED, and the one after that finds nothing."""
    be_refused(sock)
    assert sock.recv_now() == ECONNREFUSED
    assert sock.recv_now() == EAGAIN


def assert_no_error(sock: Socket) -> None:
    """Neither poll, nor a receive, nor SO_ERROR reports an error."""
    assert sock.poll() == {POLLOUT}
    assert sock.recv_now() == EAGAIN
    assert sock.so_error() == 0


@clause("connect.ECONNREFUSED.udp.async")
@variants(families=INTERNET, types=["dgram"], modes=BOTH, entries=ALL)
def test_refusal(sock: Socket, server: Server, servers: Servers) -> None:
    """The next send, the next receive, or SO_ERROR reports the refusal of a datagram, once; the peer stays."""
    assert sock.connect(servers.closed()) == 0
    assert sock.poll() == {POLLOUT}
    assert_send_fails_once(sock)
    assert_receive_fails_once(sock)
    be_refused(sock)
    assert sock.so_error() == ECONNREFUSED
    assert_peer(sock, servers.closed())
    assert_usable(sock, server)


@clause("connect.ECONNREFUSED.udp.async", case="waiter")
@variants(families=INTERNET, types=["dgram"])
@variants(families=["mapped"], types=["dgram"])
def test_refusal_wakes(sock: Socket, servers: Servers) -> None:
    """A thread that waits for a datagram is woken by the refusal, and is the one that is told."""
    assert sock.connect(servers.closed()) == 0
    waiting = sock.start_recv()
    until_asleep(waiting.native_id)
    assert sock.send(b"anybody?") == 0
    assert waiting.result() == ECONNREFUSED
    assert sock.so_error() == 0
    assert sock.recv_now() == EAGAIN


@clause("connect.ECONNREFUSED.udp.async", case="neighbour")
@variants(families=INTERNET, types=["dgram"])
def test_refusal_of_a_neighbour(sock: Socket, new_socket: SocketMaker, servers: Servers) -> None:
    """Of two sockets with one peer only that is told whose datagram was refused; the rest is as it was."""
    other = new_socket("other")
    for each in (sock, other):
        assert each.connect(servers.closed()) == 0
    be_refused(sock)
    assert other.poll() == {POLLOUT}
    assert other.so_error() == 0
    assert sock.so_error() == ECONNREFUSED


@clause("connect.ECONNREFUSED.udp.async", case="closed-later")
@variants(families=INTERNET, types=["dgram"])
def test_peer_that_goes(sock: Socket, server: Server, servers: Servers) -> None:
    """A peer that closes is noticed by the datagram after; one that comes back there is the peer again."""
    address = server.address
    assert_usable(sock, server)
    assert server.socket.close() == 0
    assert sock.poll() == {POLLOUT}
    be_refused(sock)
    assert sock.recv_now() == ECONNREFUSED
    assert_usable(sock, servers.at(address))


@clause("connect.udp.pending-error-survives-connect")
@cases({"other": "other", "same": "same", "unspec": "unspec", "invalid": "invalid"})
@variants(families=["inet"], types=["dgram"], entries=ALL, lines=["other", "unspec"])
@variants(families=["inet6"], types=["dgram"], modes=["nonblocking"], lines=["other", "unspec"])
@variants(families=INTERNET, types=["dgram"], lines=["same", "invalid"])
@variants(families=["mapped"], types=["dgram"], lines=["other"])
def test_error_over_a_connect(sock: Socket, server: Server, servers: Servers, case: str) -> None:
    """connect does not tell the error that waits, whatever it is asked for, and does not take it away."""
    targets = {"other": server.address, "same": servers.closed(), "unspec": UNSPEC, "invalid": UNKNOWN}
    peers = {"other": server.address, "same": servers.closed(), "unspec": ENOTCONN, "invalid": servers.closed()}
    assert sock.connect(servers.closed()) == 0
    be_refused(sock)
    for _ in range(2):
        assert sock.connect(targets[case]) == (EAFNOSUPPORT if case == "invalid" else 0)
    assert sock.getpeername() == peers[case]
    assert sock.so_error() == ECONNREFUSED
    assert sock.so_error() == 0
    assert_usable(sock, server)


@clause("connect.udp.pending-error-survives-connect", case="send")
@variants(families=INTERNET, types=["dgram"])
def test_error_of_the_former_peer(sock: Socket, server: Server, servers: Servers) -> None:
    """The first send to a new peer is told of the old one's refusal, and sends nothing; the second does."""
    assert sock.connect(servers.closed()) == 0
    be_refused(sock)
    assert sock.connect(server.address) == 0
    assert sock.send(b"never sent") == ECONNREFUSED
    assert sock.send(b"sent") == 0
    assert server.socket.recv() == b"sent"
    assert server.socket.recv_now() == EAGAIN


@clause("connect.udp.unconnected-error")
@variants(families=INTERNET, types=["dgram"])
def test_error_without_a_peer_as_udp_7_has_it(sock: Socket, new_socket: SocketMaker, servers: Servers) -> None:
    """A socket without a peer is told of the refusal, too."""
    assert sock.connect(UNSPEC) == 0
    assert sock.send(b"anybody?", to=servers.closed()) == 0
    let_it_come(new_socket("witness"), servers)
    assert sock.so_error() == ECONNREFUSED


@clause("connect.udp.unconnected-no-error")
@variants(families=INTERNET, types=["dgram"])
@variants(families=["mapped"], types=["dgram"])
def test_no_error_without_a_peer(sock: Socket, new_socket: SocketMaker, servers: Servers, variant: Variant) -> None:
    """A socket that never had a peer gets no error, unless it has IP_RECVERR; with a peer it gets one."""
    assert sock.send(b"anybody?", to=servers.closed()) == 0
    let_it_come(new_socket("witness"), servers)
    assert_no_error(sock)
    assert sock.connect(servers.closed()) == 0
    be_refused(sock)
    assert sock.so_error() == ECONNREFUSED
    assert sock.connect(UNSPEC) == 0
    assert receive_errors(sock, variant.family) == 0
    be_refused(sock, servers.closed())
    assert sock.so_error() == ECONNREFUSED

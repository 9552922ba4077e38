"""UNIX datagram sockets: how an association ends, who may be a peer, and what becomes of what was sent."""

import select
from collections.abc import Callable
from errno import (
    EAGAIN,
    ECONNREFUSED,
    ECONNRESET,
    EDESTADDRREQ,
    EISCONN,
    ENOENT,
    ENOTCONN,
    EPERM,
    EPROTOTYPE,
)

from fixtures import (
    ALL,
    BOTH,
    POLLOUT,
    Address,
    Bytes,
    Server,
    Servers,
    Socket,
    Unix,
    assert_no_connection,
    assert_not_connected,
    assert_peer,
    assert_receives_from,
    assert_usable,
    cases,
    clause,
    needs,
    open_pair,
    variants,
)
from netns import Topology
from suites.connect.sleeping_poll import SleepingPoll

DGRAM = variants(families=["unix"], types=["dgram"], modes=BOTH, entries=ALL)
NATIVE = variants(families=["unix"], types=["dgram"], modes=BOTH)


@clause("connect.UNSPEC.unix.dgram")
@cases({"2-bytes": bytes(2), "16-bytes": bytes(16), "110-bytes": bytes(110)})
@DGRAM
def test_unspec_dissolves(sock: Socket, server: Server, servers: Servers, case: bytes) -> None:
    """AF_UNSPEC dissolves the association: no peer, no filter; the name stays, and a new peer can be had."""
    name, stranger = servers.free_address("name"), servers.make("stranger")
    assert sock.bind(name) == 0
    assert sock.connect(server.address) == 0
    assert stranger.socket.send(b"stranger", to=name) == EPERM
    assert sock.connect(Bytes(case)) == 0
    assert sock.getpeername() == ENOTCONN
    assert sock.getsockname() == name
    assert sock.send(b"nobody") == ENOTCONN
    assert_receives_from(sock, name, stranger)
    assert_usable(sock, server)


@clause("connect.UNSPEC.unix.dgram", case="unconnected")
@DGRAM
def test_unspec_without_an_association(sock: Socket, server: Server) -> None:
    """Without an association AF_UNSPEC changes nothing, as often as one likes."""
    assert sock.connect(Bytes(bytes(2))) == 0
    assert sock.connect(Bytes(bytes(2))) == 0
    assert_not_connected(sock)
    assert_usable(sock, server)


@clause("connect.UNSPEC.unix.dgram.documented")
@variants(families=["unix"], types=["dgram"])
def test_sending_without_a_peer_as_documented(sock: Socket, server: Server) -> None:
    """Without a peer a destination is required."""
    assert sock.connect(server.address) == 0
    assert sock.connect(Bytes(bytes(2))) == 0
    assert sock.send(b"nobody") == EDESTADDRREQ


@clause("connect.EPERM.unix.dgram")
@DGRAM
def test_peer_of_somebody_else(sock: Socket, server: Server, servers: Servers) -> None:
    """A socket that is connected to a third is no peer; after it has dissolved that it is."""
    third = servers.make("third")
    assert server.socket.connect(third.address) == 0
    assert sock.connect(server.address) == EPERM
    assert_not_connected(sock)
    assert third.socket.connect(server.address) == 0
    assert_peer(third.socket, server.address)
    assert server.socket.connect(Bytes(bytes(2))) == 0
    assert_usable(sock, server)


@clause("connect.ECONNRESET.unix.dgram")
@DGRAM
def test_peer_turns_away(sock: Socket, server: Server, servers: Servers) -> None:
    """When a peer connects elsewhere what was sent to it is dropped, and the sender is told, once."""
    name, other = servers.free_address("name"), servers.make("other")
    assert sock.bind(name) == 0
    assert sock.connect(server.address) == 0
    assert server.socket.connect(name) == 0
    assert server.socket.send(b"dropped") == 0
    assert sock.connect(other.address) == 0
    assert server.socket.so_error() == ECONNRESET
    assert server.socket.so_error() == 0
    assert sock.recv_now() == EAGAIN
    assert_peer(sock, other.address)


@clause("connect.ECONNRESET.unix.dgram", case="nothing-queued")
@NATIVE
def test_peer_turns_away_with_nothing_queued(sock: Socket, server: Server, servers: Servers) -> None:
    """The neighbouring case: where nothing was under way the former peer hears nothing."""
    name, other = servers.free_address("name"), servers.make("other")
    assert sock.bind(name) == 0
    assert sock.connect(server.address) == 0
    assert_peer(sock, server.address)
    assert server.socket.connect(name) == 0
    assert sock.connect(other.address) == 0
    assert server.socket.so_error() == 0
    assert server.socket.send(b"too late") == EPERM


def missing(servers: Servers) -> Address:
    """Where nothing is."""
    return servers.free_address("missing")


def stale(servers: Servers) -> Address:
    """A socket file whose owner is gone."""
    gone = servers.make("gone")
    address = gone.address
    gone.socket.close()
    return address


def stream(servers: Servers) -> Address:
    """A listener of another type."""
    return servers.make("stream", kind="stream").address


def taken(servers: Servers) -> Address:
    """A socket that belongs to somebody else."""
    one, third = servers.make("one"), servers.make("third")
    assert one.socket.connect(third.address) == 0
    return one.address


@clause("connect.unix.dgram.fail-keeps-peer")
@cases(
    {
        "ENOENT": (missing, ENOENT),
        "ECONNREFUSED": (stale, ECONNREFUSED),
        "EPROTOTYPE": (stream, EPROTOTYPE),
        "EPERM": (taken, EPERM),
    }
)
@DGRAM
def test_failure_keeps_the_peer(
    sock: Socket, server: Server, servers: Servers, case: tuple[Callable[[Servers], Address], int]
) -> None:
    """A connect that fails, for whatever reason, leaves the association in force, on both sides."""
    place, error = case
    name = servers.free_address("name")
    assert sock.bind(name) == 0
    assert sock.connect(server.address) == 0
    assert sock.connect(place(servers)) == error
    assert_peer(sock, server.address)
    assert sock.send(b"still here") == 0
    assert server.socket.recv() == b"still here"
    assert servers.make("stranger").socket.send(b"stranger", to=name) == EPERM


@clause("connect.unix.dgram.self")
@DGRAM
def test_connected_to_itself(sock: Socket, servers: Servers) -> None:
    """A socket that is connected to itself receives what it sends, and nobody else's."""
    name = servers.free_address("name")
    assert sock.bind(name) == 0
    assert sock.connect(name) == 0
    assert_peer(sock, name)
    assert sock.send(b"echo") == 0
    assert sock.recv() == b"echo"
    assert servers.make("stranger").socket.send(b"stranger", to=name) == EPERM


@clause("connect.unix.dgram.sendto-other")
@DGRAM
def test_sending_elsewhere(sock: Socket, server: Server, servers: Servers) -> None:
    """A connected socket may send elsewhere, and stays connected."""
    other = servers.make("other")
    assert sock.connect(server.address) == 0
    assert sock.send(b"elsewhere", to=other.address) == 0
    assert other.socket.recv() == b"elsewhere"
    assert_no_connection(server)
    assert_peer(sock, server.address)
    assert sock.send(b"here") == 0
    assert server.socket.recv() == b"here"


@clause("connect.EISCONN.unix.dgram.sendto")
@variants(families=["unix"], types=["dgram"])
def test_sending_elsewhere_as_documented(sock: Socket, server: Server, servers: Servers) -> None:
    """A target address on a connected socket is an error."""
    other = servers.make("other")
    assert sock.connect(server.address) == 0
    assert sock.send(b"elsewhere", to=other.address) == EISCONN


def fill_queue(server: Server, servers: Servers, topology: Topology) -> None:
    """Let the server's queue be as short as it can be, and fill it."""
    topology.server.set_sysctl("net.unix.max_dgram_qlen", 1)
    filler = servers.make("filler")
    while filler.socket.send(b"full", to=server.address) == 0:
        pass


@clause("connect.unix.dgram.connect-full")
@needs("max_dgram_qlen")
@DGRAM
def test_peer_with_a_full_queue(sock: Socket, server: Server, servers: Servers, topology: Topology) -> None:
    """A full queue does not keep anybody from connecting; the socket becomes writable when there is room."""
    fill_queue(server, servers, topology)
    assert sock.connect(server.address) == 0
    assert sock.poll() == set()
    assert sock.send(b"no room") == EAGAIN
    while server.socket.recv_now().succeeded:
        pass
    assert sock.poll(10, ask=(POLLOUT,)) == {POLLOUT}
    assert sock.send(b"room") == 0
    assert server.socket.recv() == b"room"


@clause("connect.unix.dgram.connect-full", case="waiter")
@needs("max_dgram_qlen")
@cases({"other": False, "unspec": True})
@NATIVE
def test_change_wakes(sock: Socket, server: Server, servers: Servers, topology: Topology, case: bool) -> None:
    """A poll that waits for room in the peer's queue is woken when the socket gets a peer with room, or none."""
    fill_queue(server, servers, topology)
    other = servers.make("other")
    assert sock.connect(server.address) == 0
    writable = SleepingPoll(sock.calls, sock, select.POLLOUT)
    assert sock.connect(Bytes(bytes(2)) if case else other.address) == 0
    writable.assert_woken_for_all()


@clause("connect.unix.socketpair.dgram")
@variants(families=["unix"], types=["dgram"], entries=ALL)
def test_end_of_a_pair_connects_elsewhere(sock: Socket, server: Server) -> None:
    """An end may turn to somebody else; the other end cannot send to it any more."""
    one, other = open_pair(sock.calls, "dgram")
    assert one.connect(server.address) == 0
    assert_peer(one, server.address)
    assert one.send(b"hello") == 0
    assert server.socket.recv() == b"hello"
    assert other.send(b"who?") == EPERM
    assert one.poll() == {POLLOUT}


@clause("connect.unix.socketpair.dgram", case="dissolved")
@variants(families=["unix"], types=["dgram"], entries=ALL)
def test_end_of_a_pair_dissolves(sock: Socket) -> None:
    """An end may have no peer any more; what the other end sends still arrives."""
    one, other = open_pair(sock.calls, "dgram")
    assert one.connect(Bytes(bytes(2))) == 0
    assert one.getpeername() == ENOTCONN
    assert one.send(b"nobody") == ENOTCONN
    assert other.getpeername() == Unix()
    assert other.send(b"still") == 0
    assert one.recv() == b"still"

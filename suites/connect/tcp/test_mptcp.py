"""Multipath TCP: it connects, falls back to TCP, and has TCP's outcomes, one by one."""

import socket
import struct
from errno import (
    EAFNOSUPPORT,
    EALREADY,
    ECONNABORTED,
    ECONNREFUSED,
    ECONNRESET,
    EINPROGRESS,
    EINVAL,
    EISCONN,
    ENETUNREACH,
    ENOTCONN,
)

from fixtures import (
    ALL,
    BOTH,
    FAMILIES,
    INTERNET,
    POLLERR,
    POLLHUP,
    POLLOUT,
    READFDS,
    WRITEFDS,
    Address,
    Bytes,
    Peer,
    Server,
    Servers,
    Socket,
    SocketMaker,
    Variant,
    assert_attempt_ends,
    assert_connected,
    assert_connects_once,
    assert_no_connection,
    assert_not_connected,
    assert_talk,
    assert_usable,
    cases,
    clause,
    internet,
    topology,
    until,
    variants,
    waits,
)
from suites.connect.names import UNSPEC
from suites.connect.times import RETRANSMISSION

SOL_MPTCP, MPTCP_INFO = 284, 1
MP_CAPABLE_OPTION = 30
SNDTIMEO = struct.pack("=qq", 0, 100_000)


def is_multipath(sock: Socket) -> bool:
    """Tell whether a connection is one of MPTCP: one that fell back has nothing to tell of it."""
    return sock.getsockopt(SOL_MPTCP, MPTCP_INFO, size=64, name="MPTCP_INFO", level_name="SOL_MPTCP").succeeded


@clause("connect.mptcp.success")
@variants(families=INTERNET, types=["mptcp"], modes=BOTH, entries=ALL)
@variants(families=["mapped"], types=["mptcp"])
def test_both_sides(sock: Socket, server: Server) -> None:
    """Between two sides that do MPTCP the connection is one of MPTCP, from the address that it names."""
    assert sock.connect_and_wait(server.address) == 0
    accepted = assert_connected(sock, server)
    assert (is_multipath(sock), is_multipath(accepted)) == (True, True)


@clause("connect.mptcp.fallback")
@variants(families=INTERNET, types=["mptcp"], modes=BOTH, entries=ALL)
@variants(families=["mapped"], types=["mptcp"])
def test_listener_of_tcp(sock: Socket, servers: Servers) -> None:
    """To a listener of TCP it is a connection of TCP, and a connection all the same."""
    plain, other = servers.make("plain", kind="stream"), servers.make("other", kind="stream")
    assert sock.connect_and_wait(plain.address) == 0
    assert is_multipath(sock) is False
    accepted = assert_connected(sock, plain)
    assert sock.connect(other.address) in (EISCONN, 0)
    assert sock.connect(other.address) == EISCONN
    assert_talk(sock, accepted)
    assert_no_connection(other)


@clause("connect.mptcp.fallback", case="client")
@variants(families=INTERNET, types=["mptcp"])
def test_client_of_tcp(new_socket: SocketMaker, server: Server) -> None:
    """So is a client of TCP that connects to a listener of MPTCP."""
    sock = new_socket(kind="stream")
    assert sock.connect(server.address) == 0
    assert is_multipath(assert_connected(sock, server)) is False


def assert_plain_exchange(sock: Socket, peer: Peer) -> None:
    """Data flows both ways, and the client's segment has no option of MPTCP."""
    assert sock.send(b"hello") == 0
    data = peer.hears("PA")
    assert (data.payload, MP_CAPABLE_OPTION in data.option) == (b"hello", False)
    peer.says(data, "PA", payload=b"topology")
    assert sock.recv() == b"topology"


@clause("connect.mptcp.fallback", case="segments")
@topology("scripted")
@variants(families=INTERNET, types=["mptcp"], modes=["nonblocking"])
def test_segments_of_a_fallback(sock: Socket, peer: Peer) -> None:
    """The SYN offers MPTCP; when the answer has no option of it, no later segment has one."""
    assert sock.connect(peer.address) == EINPROGRESS
    syn = peer.hears("S")
    assert syn.option[MP_CAPABLE_OPTION][0] == 0x01
    ack = peer.establishes(syn)
    assert MP_CAPABLE_OPTION not in ack.option
    assert_attempt_ends(sock, 0)
    assert sock.getpeername() == peer.address
    assert_plain_exchange(sock, peer)


@clause("connect.mptcp.errors", case="refused")
@variants(families=INTERNET, types=["mptcp"], entries=ALL)
def test_refused(sock: Socket, server: Server, servers: Servers) -> None:
    """Where nobody listens it is refused, as often as it is tried, and can connect to who listens, by MPTCP."""
    for _ in range(2):
        assert sock.connect(servers.closed()) == ECONNREFUSED
        assert_not_connected(sock)
    assert sock.connect(server.address) == 0
    assert is_multipath(sock) is True
    assert_connected(sock, server)


@clause("connect.mptcp.errors", case="refused")
@variants(families=INTERNET, types=["mptcp"], modes=["nonblocking"])
def test_refused_in_the_background(sock: Socket, server: Server, servers: Servers) -> None:
    """In the background the refusal is in SO_ERROR, once, and the next connect is told of it once more."""
    assert sock.connect(servers.closed()) == EINPROGRESS
    sock.wait_writable()
    assert sock.select() == {READFDS, WRITEFDS}
    assert sock.poll().value >= {POLLERR, POLLHUP, POLLOUT}
    assert sock.so_error() == ECONNREFUSED
    assert_not_connected(sock)
    assert sock.connect(server.address) == ECONNABORTED
    assert_no_connection(server)
    assert_usable(sock, server)


def assert_pending(sock: Socket) -> None:
    """The attempt goes on: select reports nothing, and there is no peer and no error."""
    assert sock.select() == set()
    assert_not_connected(sock)


@clause("connect.mptcp.errors", case="pending")
@waits(RETRANSMISSION)
@variants(families=INTERNET, types=["mptcp"], modes=["nonblocking"])
def test_pending(sock: Socket, server: Server, servers: Servers) -> None:
    """While an attempt is under way others fail with EALREADY, whatever their address; it completes, once."""
    busy = servers.full()
    assert sock.connect(busy.address) == EINPROGRESS
    for address in (busy.address, server.address, servers.closed(), Bytes(b"\2\0"), busy.address):
        assert sock.connect(address) == EALREADY
    assert_pending(sock)
    busy.make_room()
    assert_attempt_ends(sock, 0)
    assert_connects_once(sock, busy.address)
    assert_connected(sock, busy.server)
    assert_no_connection(server)


def assert_waits_in_vain(sock: Socket, address: Address) -> None:
    """connect() waits as long as a send may, 0.1 s, and fails with EINPROGRESS."""
    waited = sock.connect(address)
    assert waited == EINPROGRESS
    assert waited.seconds >= 0.09


@clause("connect.mptcp.errors", case="pending-blocking")
@waits(RETRANSMISSION)
@variants(families=INTERNET, types=["mptcp"])
def test_send_timeout(sock: Socket, servers: Servers) -> None:
    """A blocking call waits as long as a send may, and the next one joins the attempt, which goes on."""
    busy = servers.full()
    assert sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, SNDTIMEO, name="SO_SNDTIMEO") == 0
    assert_waits_in_vain(sock, busy.address)
    assert sock.getpeername() == ENOTCONN
    assert sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, bytes(16), name="SO_SNDTIMEO") == 0
    joined = sock.start_connect(busy.address)
    busy.make_room()
    assert joined.result() == 0
    assert sock.connect(busy.address) == EISCONN
    assert_connected(sock, busy.server)


@clause("connect.mptcp.errors", case="refused-late")
@topology("scripted")
@variants(families=INTERNET, types=["mptcp"], modes=["nonblocking"])
def test_refused_later(sock: Socket, peer: Peer) -> None:
    """Who waits for an attempt is woken by its refusal."""
    assert sock.connect(peer.address) == EINPROGRESS
    syn = peer.hears("S")
    assert sock.poll() == set()
    peer.says(syn, "RA")
    sock.wait_writable()
    assert sock.so_error() == ECONNREFUSED
    assert sock.so_error() == 0
    assert sock.getpeername() == ENOTCONN


@clause("connect.mptcp.errors", case="connected")
@variants(families=INTERNET, types=["mptcp"], entries=ALL)
def test_connected(sock: Socket, server: Server, servers: Servers) -> None:
    """A connected socket, its peer and a listener are told that they are connected; nobody else hears of it."""
    other = servers.make("other")
    assert sock.connect(server.address) == 0
    accepted = assert_connected(sock, server)
    for connected in (sock, accepted, server.socket):
        for address in (server.address, other.address, servers.closed(), Bytes(b"\2\0")):
            assert connected.connect(address) == EISCONN
    assert sock.getpeername() == server.address
    assert_talk(sock, accepted)
    assert_no_connection(server)
    assert_no_connection(other)


BAD = {
    "nothing": EINVAL,
    "short": EINVAL,
    "family": EAFNOSUPPORT,
    "no-route": ENETUNREACH,
    "multicast": ENETUNREACH,
}


@clause("connect.mptcp.errors", case="address")
@cases({name: (name, code) for name, code in BAD.items()})
@variants(families=INTERNET, types=["mptcp"])
def test_bad_address(sock: Socket, server: Server, variant: Variant, case: tuple[str, int]) -> None:
    """A bad address is refused as by TCP, each time, and the socket can connect."""
    name, code = case
    four = variant.family == "inet"
    hosts = {"no-route": "192.0.2.77" if four else "2001:db8:77::77", "multicast": "224.0.0.77" if four else "ff05::77"}
    made = internet(FAMILIES[variant.family], hosts.get(name, "127.0.0.1" if four else "::1"), 7001).pack()
    data = {"nothing": b"", "short": made[:8], "family": struct.pack("=H", 77) + made[2:]}.get(name, made)
    for _ in range(2):
        assert sock.connect(Bytes(data)) == code
        assert_not_connected(sock)
    assert_usable(sock, server)


def assert_connects(sock: Socket, server: Server) -> Socket:
    """The socket connects to the server; returns the server's side."""
    assert sock.connect(server.address) == 0
    return assert_connected(sock, server)


def assert_connects_by_mptcp(sock: Socket, server: Server) -> Socket:
    """The socket connects to the server, and not by TCP; returns the server's side."""
    assert sock.connect(server.address) == 0
    assert is_multipath(sock) is True
    return assert_connected(sock, server)


def assert_ended(sock: Socket, accepted: Socket) -> None:
    """The socket has no peer, and the other side of its connection was reset."""
    assert_not_connected(sock)
    assert accepted.recv() == ECONNRESET


def assert_shuts_down(sock: Socket, accepted: Socket) -> None:
    """The socket shuts down for writing, and the other side receives the end of the stream."""
    assert sock.shutdown(socket.SHUT_WR) == 0
    assert accepted.recv() == b""


@clause("connect.mptcp.errors", case="unspec")
@variants(families=INTERNET, types=["mptcp"], entries=ALL)
def test_unspec(sock: Socket, server: Server, servers: Servers) -> None:
    """AF_UNSPEC ends a connection, on both sides; the socket can connect elsewhere, by MPTCP."""
    other = servers.make("other")
    assert sock.connect(UNSPEC) == 0
    accepted = assert_connects(sock, server)
    assert sock.connect(UNSPEC) == 0
    assert_ended(sock, accepted)
    accepted = assert_connects_by_mptcp(sock, other)
    assert_no_connection(server)
    assert_shuts_down(sock, accepted)
    assert sock.connect(UNSPEC) == 0
    assert_usable(sock, server)


def assert_reset(peer: Peer) -> None:
    """The client answers what came last by resets, and sends nothing else."""
    peer.settles()
    assert {packet.flags for packet in peer.heard[1:]} in ({"R"}, {"R", "RA"})
    peer.has_heard_nothing_more()


@clause("connect.mptcp.errors", case="unspec-pending")
@topology("scripted")
@variants(families=INTERNET, types=["mptcp"], modes=["nonblocking"])
def test_unspec_while_pending(sock: Socket, peer: Peer) -> None:
    """It ends an attempt; what then comes for it finds nobody, and the next attempt is a new one."""
    assert sock.connect(peer.address) == EINPROGRESS
    first = peer.hears("S")
    assert sock.connect(UNSPEC) == 0
    assert_not_connected(sock)
    peer.says(first, "SA")
    assert_reset(peer)
    assert sock.connect(peer.address) == EINPROGRESS
    peer.establishes(peer.hears("S"))
    until(lambda: sock.getpeername() == peer.address, "the second attempt completes")

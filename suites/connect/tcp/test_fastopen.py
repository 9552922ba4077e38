"""TCP Fast Open: a connect that leaves its SYN to the first write, one that finds no cookie, a send that connects."""

import socket
import struct
from errno import (
    EAFNOSUPPORT,
    EAGAIN,
    EALREADY,
    ECONNABORTED,
    ECONNREFUSED,
    ECONNRESET,
    EINPROGRESS,
    EINVAL,
    EISCONN,
    ENOTCONN,
    EOPNOTSUPP,
    EPIPE,
)

import pytest

from fixtures import (
    ALL,
    BOTH,
    INTERNET,
    POLLOUT,
    Peer,
    Server,
    Servers,
    Socket,
    SocketMaker,
    assert_connected,
    assert_connects_once,
    assert_no_connection,
    assert_not_connected,
    assert_talk,
    cases,
    clause,
    needs,
    topology,
    until,
    variants,
)
from netns import Packet, Topology
from suites.connect.names import UNSPEC
from suites.connect.tcp.fastopen import (
    CLIENT,
    COOKIE_OPTION,
    EVERY_LISTENER,
    SERVER,
    WITHOUT_COOKIE,
    allow,
    defer,
    write,
)

COOKIE = b"cookie12"
SNDTIMEO = struct.pack("=qq", 0, 100_000)


@pytest.fixture
def cookieless(topology: Topology) -> None:
    """Both sides do Fast Open without cookies, for every socket."""
    allow(topology.client, CLIENT, WITHOUT_COOKIE, SERVER, EVERY_LISTENER)


def assert_deferred(sock: Socket) -> None:
    """The socket waits for its first write: no peer, no error, writable."""
    assert sock.tcp_state() == "SYN_SENT"
    assert sock.getpeername() == ENOTCONN
    assert sock.poll() == {POLLOUT}
    assert sock.so_error() == 0


def assert_early_data(sock: Socket, server: Server) -> Socket:
    """The server accepts the socket's connection and receives the data of its first write; returns its side."""
    accepted = server.accepted()
    assert accepted.recv() == b"early"
    assert accepted.getpeername() == sock.getsockname().value
    return accepted


def assert_first_write_connects(sock: Socket, server: Server) -> None:
    """The socket waits for its first write, and the data of that reaches the server."""
    assert_deferred(sock)
    assert write(sock, b"early") == 0
    assert server.accepted().recv() == b"early"


def assert_syn(peer: Peer, cookie: bytes | None, data: bytes) -> Packet:
    """The next segment is a SYN with these data and this cookie: empty where it asks for one, None without the option.

    Returns the SYN.
    """
    syn = peer.hears("S")
    assert syn.option.get(COOKIE_OPTION) == cookie
    assert syn.payload == data
    return syn


@clause("connect.tfo.connect-deferred")
@needs("tcp-fastopen")
@pytest.mark.usefixtures("cookieless")
@variants(families=INTERNET, modes=BOTH, entries=ALL)
def test_deferred(sock: Socket, server: Server) -> None:
    """The call succeeds at once and sends nothing; the first write connects, and its data arrives."""
    assert defer(sock) == 0
    assert sock.connect(server.address) == 0
    assert_deferred(sock)
    assert_no_connection(server)
    assert write(sock, b"early") == 0
    accepted = assert_early_data(sock, server)
    sock.wait_writable()
    assert sock.getpeername() == server.address
    assert sock.tcp_state() == "ESTABLISHED"
    assert_talk(sock, accepted)


@clause("connect.tfo.connect-deferred", case="segments")
@needs("tcp-fastopen")
@topology("scripted")
@cases({"taken": 5, "left": 0})
@variants(families=INTERNET, modes=["nonblocking"])
def test_segments_of_a_deferred_connect(sock: Socket, peer: Peer, topology: Topology, case: int) -> None:
    """No segment is sent before the first write; the SYN has its data, which are sent again if the peer takes none."""
    allow(topology.client, CLIENT, WITHOUT_COOKIE)
    assert defer(sock) == 0
    assert sock.connect(peer.address) == 0
    assert peer.has_heard_nothing_more() == []
    assert write(sock, b"early") == 0
    syn = assert_syn(peer, None, b"early")
    peer.says(syn, "SA", ack=syn.seq + 1 + case)
    until(lambda: sock.getpeername() == peer.address, "the connection is established")
    peer.settles()
    assert [packet.payload for packet in peer.heard if packet is not syn and packet.payload] == [b"early"][case // 5 :]


def obtain_cookie(sock: Socket, peer: Peer) -> None:
    """Connect a socket that does not wait, as the first one to the peer: it asks for a cookie and gets one."""
    assert defer(sock) == 0
    assert sock.connect(peer.address) == EINPROGRESS
    syn = assert_syn(peer, b"", b"")
    peer.says(syn, "SA", options=[(COOKIE_OPTION, COOKIE)])
    peer.hears("A")


@clause("connect.tfo.connect-deferred", case="cookie")
@needs("tcp-fastopen")
@topology("scripted")
@variants(families=INTERNET)
def test_deferred_by_a_cookie(sock: Socket, new_socket: SocketMaker, peer: Peer, topology: Topology) -> None:
    """The first connect asks for a cookie and waits; the next ones have it, and send it with their data."""
    allow(topology.client, CLIENT)
    obtain_cookie(new_socket("first", nonblocking=True), peer)
    assert defer(sock) == 0
    assert sock.connect(peer.address) == 0
    assert_deferred(sock)
    assert peer.has_heard_nothing_more() == []
    assert write(sock, b"early", wait=False) == 0
    syn = assert_syn(peer, COOKIE, b"early")
    peer.says(syn, "SA")
    until(lambda: sock.getpeername() == peer.address, "the connection is established")


@clause("connect.tfo.connect-deferred", case="again")
@needs("tcp-fastopen")
@pytest.mark.usefixtures("cookieless")
@variants(families=INTERNET, modes=["nonblocking"], entries=["syscall", "io_uring"])
def test_deferred_and_again(sock: Socket, server: Server, servers: Servers) -> None:
    """Until the first write it counts as connected, whatever the address; afterwards, too."""
    assert defer(sock) == 0
    assert sock.connect(server.address) == 0
    for address in (server.address, servers.make("other").address, servers.closed()):
        assert sock.connect(address) == EISCONN
    assert_deferred(sock)
    assert_no_connection(server)
    assert write(sock, b"early") == 0
    sock.wait_writable()
    assert_connects_once(sock, server.address)
    assert server.accepted().recv() == b"early"


@clause("connect.tfo.connect-deferred", case="again-blocking")
@needs("tcp-fastopen")
@pytest.mark.usefixtures("cookieless")
@variants(families=INTERNET)
def test_deferred_and_again_in_blocking_mode(sock: Socket, server: Server) -> None:
    """A blocking call waits meanwhile, for as long as a send may, though nothing is under way."""
    assert defer(sock) == 0
    assert sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, SNDTIMEO, name="SO_SNDTIMEO") == 0
    assert sock.connect(server.address) == 0
    again = sock.connect(server.address)
    assert again == EISCONN
    assert again.seconds >= 0.09
    assert_deferred(sock)
    assert write(sock, b"early") == 0
    assert sock.connect(server.address) == EISCONN
    assert server.accepted().recv() == b"early"


@clause("connect.tfo.connect-deferred", case="unspec")
@needs("tcp-fastopen")
@pytest.mark.usefixtures("cookieless")
@variants(families=INTERNET)
def test_deferred_and_dissolved(sock: Socket, server: Server, servers: Servers) -> None:
    """AF_UNSPEC ends the waiting as it ends an attempt; the next connect is deferred anew, to where it says."""
    other = servers.make("other")
    assert defer(sock) == 0
    assert sock.connect(server.address) == 0
    assert sock.connect(UNSPEC) == 0
    assert sock.so_error() == ECONNRESET
    assert sock.tcp_state() == "CLOSE"
    assert sock.connect(other.address) == 0
    assert_first_write_connects(sock, other)
    assert_no_connection(server)


@clause("connect.tfo.connect-deferred-error")
@needs("tcp-fastopen")
@pytest.mark.usefixtures("cookieless")
@variants(families=INTERNET)
def test_error_of_a_write_that_waits(sock: Socket, server: Server, servers: Servers) -> None:
    """The refusal is the first write's, once; then the socket is as after any refusal."""
    assert defer(sock) == 0
    assert sock.connect(servers.closed()) == 0
    assert_deferred(sock)
    assert write(sock, b"early") == ECONNREFUSED
    assert write(sock, b"later") == EPIPE
    assert_not_connected(sock)
    assert sock.connect(server.address) == 0
    assert_deferred(sock)
    assert write(sock, b"early") == 0
    assert server.accepted().recv() == b"early"


@clause("connect.tfo.connect-deferred-error", case="background")
@needs("tcp-fastopen")
@pytest.mark.usefixtures("cookieless")
@variants(families=INTERNET, modes=["nonblocking"])
def test_error_of_a_write_that_does_not_wait(sock: Socket, server: Server, servers: Servers) -> None:
    """A write that does not wait takes its data, and the refusal is in SO_ERROR, once."""
    assert defer(sock) == 0
    assert sock.connect(servers.closed()) == 0
    assert write(sock, b"early") == 0
    until(lambda: sock.tcp_state() == "CLOSE", "the attempt is refused")
    assert sock.so_error() == ECONNREFUSED
    assert write(sock, b"later") == EPIPE
    assert_not_connected(sock)
    assert sock.connect(server.address) == ECONNABORTED
    assert sock.connect(server.address) == 0
    assert_first_write_connects(sock, server)


@clause("connect.tfo.no-cookie")
@needs("tcp-fastopen")
@variants(families=INTERNET, modes=["blocking"], entries=ALL)
def test_no_cookie(sock: Socket, server: Server, topology: Topology) -> None:
    """Without a cookie the option changes nothing: the call comes back with a connection."""
    allow(topology.client, CLIENT)
    assert defer(sock) == 0
    assert sock.connect(server.address) == 0
    assert sock.tcp_state() == "ESTABLISHED"
    assert sock.connect(server.address) == EISCONN
    assert_connected(sock, server)


@clause("connect.tfo.no-cookie")
@needs("tcp-fastopen")
@variants(families=INTERNET, modes=["nonblocking"])
def test_no_cookie_in_the_background(sock: Socket, server: Server, topology: Topology) -> None:
    """So it does in the background."""
    allow(topology.client, CLIENT)
    assert defer(sock) == 0
    assert sock.connect(server.address) == EINPROGRESS
    sock.wait_writable()
    assert sock.so_error() == 0
    assert sock.connect(server.address) == 0
    assert sock.connect(server.address) == EISCONN
    assert_connected(sock, server)


@clause("connect.tfo.no-cookie", case="refused")
@needs("tcp-fastopen")
@variants(families=INTERNET, modes=BOTH)
def test_no_cookie_and_refused(sock: Socket, server: Server, servers: Servers, topology: Topology) -> None:
    """A refusal is told as ever."""
    allow(topology.client, CLIENT)
    assert defer(sock) == 0
    assert sock.connect_and_wait(servers.closed()) == ECONNREFUSED
    assert_not_connected(sock)
    assert write(sock, b"later") == EPIPE
    assert_no_connection(server)


@clause("connect.tfo.no-cookie", case="off")
@needs("tcp-fastopen")
@cases({"everything": 0, "client": SERVER | EVERY_LISTENER | WITHOUT_COOKIE})
@variants(families=INTERNET)
def test_client_that_may_not(sock: Socket, server: Server, topology: Topology, case: int) -> None:
    """A client that may not do Fast Open is told so by the option and by the flag, and connects as ever."""
    allow(topology.client, case)
    assert defer(sock) == EOPNOTSUPP
    assert write(sock, b"early", server.address) == EOPNOTSUPP
    assert sock.tcp_state() == "CLOSE"
    assert_no_connection(server)
    assert sock.connect(server.address) == 0
    assert_connected(sock, server)


def assert_ends_of_one(sock: Socket, accepted: Socket, server: Server) -> None:
    """The two sockets are the ends of one connection to the server: by name, and by data."""
    assert sock.getpeername() == server.address
    assert accepted.getpeername() == sock.getsockname().value
    assert_talk(sock, accepted)


@clause("connect.tfo.MSG_FASTOPEN")
@needs("tcp-fastopen")
@cases({"cookie": CLIENT, "cookieless": CLIENT | WITHOUT_COOKIE | SERVER | EVERY_LISTENER})
@variants(families=INTERNET, entries=ALL, lines=["cookie"])
@variants(families=INTERNET, lines=["cookieless"])
def test_send_that_connects(sock: Socket, server: Server, servers: Servers, topology: Topology, case: int) -> None:
    """The send connects, and its data arrives; the socket is connected, to another connect and to another such send."""
    allow(topology.client, case)
    other = servers.make("other").address
    assert write(sock, b"early", server.address) == 0
    accepted = server.accepted()
    assert accepted.recv() == b"early"
    for address in (server.address, other):
        assert sock.connect(address) == EISCONN
        assert write(sock, b"later", address) == EISCONN
    assert_ends_of_one(sock, accepted, server)


@clause("connect.tfo.MSG_FASTOPEN", case="refused")
@needs("tcp-fastopen")
@cases({"cookie": CLIENT, "cookieless": CLIENT | WITHOUT_COOKIE | SERVER | EVERY_LISTENER})
@variants(families=INTERNET)
def test_send_that_is_refused(sock: Socket, server: Server, servers: Servers, topology: Topology, case: int) -> None:
    """A refusal is the send's, and the socket can connect."""
    allow(topology.client, case)
    assert write(sock, b"early", servers.closed()) == ECONNREFUSED
    assert_not_connected(sock)
    assert sock.connect(server.address) == 0
    assert_connected(sock, server)


@clause("connect.tfo.MSG_FASTOPEN", case="under-way")
@needs("tcp-fastopen")
@topology("scripted")
@variants(families=INTERNET, modes=["nonblocking"])
def test_send_in_the_background(sock: Socket, peer: Peer, topology: Topology) -> None:
    """A send that has no cookie and does not wait starts an attempt and takes no data; further calls get EALREADY."""
    allow(topology.client, CLIENT)
    assert write(sock, b"early", peer.address) == EINPROGRESS
    syn = assert_syn(peer, b"", b"")
    assert write(sock, b"early", peer.address) == EALREADY
    assert sock.connect(peer.address) == EALREADY
    assert sock.poll() == set()
    peer.establishes(syn)
    sock.wait_writable()
    assert_connects_once(sock, peer.address)
    assert peer.has_heard_nothing_more() == []


BAD = {
    "short": (EINVAL, 2),
    "one-byte": (EINVAL, 1),
    "family": (EAFNOSUPPORT, None),
    "unspec": (EOPNOTSUPP, None),
}
BYTES = {"family": struct.pack("=H", 77).ljust(28, b"\0"), "unspec": bytes(28)}


@clause("connect.tfo.MSG_FASTOPEN", case="address")
@needs("tcp-fastopen")
@cases({name: (name, *line) for name, line in BAD.items()})
@variants(families=INTERNET)
def test_send_to_a_bad_address(
    sock: Socket, server: Server, topology: Topology, case: tuple[str, int, int | None]
) -> None:
    """A bad address is refused as by connect, and AF_UNSPEC is not supported; the socket stays as it was."""
    allow(topology.client, CLIENT)
    name, code, length = case
    assert write(sock, b"early", BYTES.get(name, server.address.pack()[:length])) == code
    assert sock.tcp_state() == "CLOSE"
    assert sock.connect(server.address) == 0
    accepted = assert_connected(sock, server)
    assert write(sock, b"later", BYTES["unspec"]) == EOPNOTSUPP
    assert accepted.recv_now() == EAGAIN
    assert_talk(sock, accepted)

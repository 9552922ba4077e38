"""IPv6 sockets that are given mapped IPv4 addresses, ``::ffff:a.b.c.d``: who is reached, and by what names."""

import socket
from errno import (
    EADDRNOTAVAIL,
    EAFNOSUPPORT,
    EAGAIN,
    EALREADY,
    ECONNREFUSED,
    ECONNRESET,
    EINPROGRESS,
    EINVAL,
    EISCONN,
    ENETUNREACH,
    ENOTCONN,
)

import pytest

from fixtures import (
    ALL,
    BOTH,
    CALLS,
    DEADLINE,
    POLLERR,
    POLLIN,
    POLLOUT,
    Address,
    Inet,
    Inet6,
    Server,
    Servers,
    Socket,
    SocketMaker,
    Variant,
    assert_not_connected,
    assert_peer,
    assert_talk,
    assert_usable,
    cases,
    clause,
    port_of,
    variants,
    waits,
)
from suites.connect.names import UNSPEC

HOST = "127.0.0.1"
MAPPED = "::ffff:127.0.0.1"
TYPES = ("stream", "dgram")
ADDRFORM, MTU, V6ONLY = 1, 24, 26  # IPV6_ADDRFORM, IPV6_MTU and IPV6_V6ONLY, see <linux/in6.h>.


@pytest.fixture
def four(servers: Servers) -> Server:
    """A server of IPv4."""
    return servers.make("four", family="inet")


def mapped(address: Address) -> Inet6:
    """The mapped form of an IPv4 address."""
    assert isinstance(address, Inet)
    return Inet6(f"::ffff:{address.host}", address.port)


def assert_reached(sock: Socket, four: Server) -> Socket:
    """Both of the socket's names are mapped, the server sees IPv4, and data flows; gives the server's side."""
    assert sock.getpeername() == mapped(four.address)
    name = sock.getsockname().value
    assert name == Inet6(MAPPED, port_of(name))
    assert sock.poll() == {POLLOUT}
    assert sock.so_error() == 0
    if four.kind == "stream":
        accepted = four.accepted()
        assert accepted.getpeername() == Inet(HOST, name.port)
        assert accepted.getsockname() == four.address
        assert_talk(sock, accepted)
        return accepted
    assert sock.send(b"hello") == 0
    assert four.socket.recv_from() == (b"hello", Inet(HOST, name.port))
    return four.socket


def addrform(sock: Socket) -> int:
    """The errno of turning the socket into one of AF_INET; 0 where that is done."""
    outcome = sock.setsockopt(socket.IPPROTO_IPV6, ADDRFORM, socket.AF_INET, name="IPV6_ADDRFORM")
    return outcome.error


@clause("connect.ipv6.v4mapped.tcp")
@variants(families=["inet6"], modes=BOTH, entries=ALL)
def test_stream(sock: Socket, four: Server) -> None:
    """It is connected to the IPv4 listener, and only once."""
    assert sock.connect_and_wait(mapped(four.address)) == 0
    assert_reached(sock, four)
    # Where nobody waited for the success, this one may tell of it: another clause.
    assert sock.connect(mapped(four.address)) in (EISCONN, 0)
    assert sock.connect(mapped(four.address)) == EISCONN


@clause("connect.ipv6.v4mapped.tcp", case="refused")
@variants(families=["inet6"], entries=ALL)
def test_stream_refused(sock: Socket, four: Server) -> None:
    """A port where nobody listens refuses, every time; a listener is reached afterwards."""
    for _ in range(2):
        assert sock.connect_and_wait(Inet6(MAPPED, 9)) == ECONNREFUSED
        assert_not_connected(sock)
    assert sock.connect_and_wait(mapped(four.address)) == 0
    assert_reached(sock, four)


@clause("connect.ipv6.v4mapped.tcp", case="refused-later")
@variants(families=["inet6"], modes=["nonblocking"])
def test_stream_refused_later(sock: Socket) -> None:
    """An attempt that goes on is told of the refusal once, by SO_ERROR."""
    assert sock.connect(Inet6(MAPPED, 9)) == EINPROGRESS
    sock.wait_writable()
    assert POLLERR in sock.poll(0, ask=()).value
    assert sock.so_error() == ECONNREFUSED
    assert_not_connected(sock)


@clause("connect.ipv6.v4mapped.tcp", case="dissolved")
@variants(families=["inet6"], modes=BOTH)
def test_stream_dissolved(sock: Socket, four: Server, servers: Servers) -> None:
    """AF_UNSPEC ends the connection; the same socket reaches another IPv4 listener, and the first one again."""
    other = servers.make("other", family="inet")
    for each in (four, other, four):
        assert sock.connect_and_wait(mapped(each.address)) == 0
        assert_reached(sock, each)
        assert sock.connect(UNSPEC) == 0
        assert sock.getpeername() == ENOTCONN
        assert sock.tcp_state() == "CLOSE"
        # Whether the connection's end leaves that behind is another clause.
        assert sock.so_error() in (ECONNRESET, 0)


def full_of_ipv4(servers: Servers, new_socket: SocketMaker) -> tuple[Server, Socket]:
    """A listener of IPv4 that has no room, and the client that waits in its queue."""
    full = servers.make("full", family="inet", backlog=0)
    queued = new_socket("queued", family="inet")
    assert queued.connect_and_wait(full.address) == 0
    assert full.socket.poll(DEADLINE, ask=(POLLIN,)) == {POLLIN}
    return full, queued


@clause("connect.ipv6.v4mapped.tcp", case="pending")
@waits(1)
@variants(families=["inet6"], modes=["nonblocking"], entries=CALLS)
def test_stream_pending(sock: Socket, new_socket: SocketMaker, servers: Servers) -> None:
    """While the listener has no room the attempt goes on, and may not be made again; with room it completes."""
    full, queued = full_of_ipv4(servers, new_socket)
    assert sock.connect(mapped(full.address)) == EINPROGRESS
    for _ in range(2):
        assert sock.connect(mapped(full.address)) == EALREADY
    assert sock.tcp_state() == "SYN_SENT"
    assert_not_connected(sock)
    assert full.accepted().getpeername() == queued.getsockname().value
    sock.wait_writable()
    assert_reached(sock, full)


@clause("connect.ipv6.v4mapped.tcp", case="no-route")
@variants(families=["inet6"], types=["stream"], modes=BOTH)
def test_stream_without_route(sock: Socket, server: Server) -> None:
    """A mapped address without a route is unreachable, twice, and the socket reaches IPv6 afterwards."""
    for _ in range(2):
        assert sock.connect(Inet6("::ffff:192.0.2.1", 9)) == ENETUNREACH
        assert_not_connected(sock)
    assert_usable(sock, server)


@clause("connect.ipv6.v4mapped.tcp", case="short")
@variants(families=["inet6"], types=["stream"])
def test_short(sock: Socket, four: Server) -> None:
    """Fewer than 24 bytes are no address; 24 are enough."""
    for length in (16, 23):
        assert sock.connect(mapped(four.address), length) == EINVAL
        assert_not_connected(sock)
    assert sock.connect(mapped(four.address), 24) == 0
    assert_reached(sock, four)


@clause("connect.ipv6.v4mapped.udp")
@variants(families=["inet6"], types=["dgram"], modes=BOTH, entries=ALL)
def test_datagram(sock: Socket, four: Server, servers: Servers) -> None:
    """The IPv4 socket is the peer, and is heard; another one is not."""
    stranger = servers.make("stranger", family="inet", second_address=True)
    assert sock.connect(mapped(four.address)) == 0
    assert_reached(sock, four)
    name = Inet(HOST, port_of(sock.getsockname().value))
    assert stranger.socket.send(b"stranger", to=name) == 0
    assert four.socket.send(b"peer", to=name) == 0
    assert sock.recv() == b"peer"
    assert sock.recv_now() == EAGAIN


@clause("connect.ipv6.v4mapped.udp", case="reconnect")
@variants(families=["inet6"], types=["dgram"], modes=BOTH)
def test_datagram_to_another(sock: Socket, four: Server, servers: Servers) -> None:
    """The peer may be another mapped address, and the first one again; each is the only one."""
    other = servers.make("other", family="inet")
    for peer, former in ((four, other), (other, four), (four, other)):
        assert sock.connect(mapped(peer.address)) == 0
        assert_reached(sock, peer)
        assert former.socket.send(b"former", to=Inet(HOST, port_of(sock.getsockname().value))) == 0
        assert sock.recv_now() == EAGAIN


@clause("connect.ipv6.v4mapped.udp", case="dissolved")
@variants(families=["inet6"], types=["dgram"], modes=BOTH)
def test_datagram_dissolved(sock: Socket, four: Server, server: Server) -> None:
    """After AF_UNSPEC there is neither peer nor name, and the socket has IPv6 and IPv4 peers again."""
    for _ in range(2):
        assert sock.connect(mapped(four.address)) == 0
        assert_reached(sock, four)
        assert sock.connect(UNSPEC) == 0
        assert_not_connected(sock)
        assert sock.getsockname() == Inet6("::")
        assert_usable(sock, server)
        assert sock.connect(UNSPEC) == 0
        assert_not_connected(sock)


@clause("connect.ipv6.v4mapped.udp", case="refused")
@variants(families=["inet6"], types=["dgram"], modes=BOTH)
def test_datagram_refused(sock: Socket, four: Server) -> None:
    """That nobody is there is told once, by whichever call comes first."""
    assert sock.connect(Inet6(MAPPED, 9)) == 0
    for told in (sock.recv_now, sock.so_error):
        assert sock.send(b"anybody?") == 0
        assert POLLERR in sock.poll(DEADLINE, ask=()).value
        assert told() == ECONNREFUSED
        assert sock.so_error() == 0
    assert_peer(sock, Inet6(MAPPED, 9))
    assert sock.connect(mapped(four.address)) == 0
    assert_reached(sock, four)


@clause("connect.ipv6.v4mapped.v6only")
@variants(families=["inet6"], types=TYPES, modes=BOTH, entries=ALL)
def test_v6only(sock: Socket, four: Server, server: Server) -> None:
    """It is unreachable, twice; an IPv6 address is reached."""
    assert sock.setsockopt(socket.IPPROTO_IPV6, V6ONLY, 1, name="IPV6_V6ONLY") == 0
    for _ in range(2):
        assert sock.connect(mapped(four.address)) == ENETUNREACH
        assert_not_connected(sock)
    assert_usable(sock, server)


@clause("connect.ipv6.v4mapped.v6only", case="off")
@variants(families=["inet6"], types=TYPES)
def test_v6only_off(sock: Socket, four: Server) -> None:
    """An option that was set and cleared forbids nothing."""
    for value in (1, 0):
        assert sock.setsockopt(socket.IPPROTO_IPV6, V6ONLY, value, name="IPV6_V6ONLY") == 0
    assert sock.connect_and_wait(mapped(four.address)) == 0
    assert_reached(sock, four)


def assert_stream_reaches(client: Socket, here: Inet, other: Socket, *, reaches: bool) -> None:
    """The client is connected with the listener at IPv6's null address; or it is refused."""
    assert other.listen() == 0
    assert client.connect(here) == (0 if reaches else ECONNREFUSED)
    assert client.getpeername() == (here if reaches else ENOTCONN)


def assert_datagram_reaches(client: Socket, here: Inet, other: Socket, *, reaches: bool) -> None:
    """What the client sends reaches the socket at IPv6's null address; or it is refused."""
    assert client.connect(here) == 0
    assert client.send(b"hello") == 0
    if not reaches:
        assert client.poll(DEADLINE, ask=()) == {POLLERR}
    assert other.recv(DEADLINE if reaches else 0) == (b"hello" if reaches else EAGAIN)
    assert client.so_error() == (0 if reaches else ECONNREFUSED)


@clause("connect.ipv6.v6only.listener")
@variants(families=["inet"], types=TYPES)
def test_v6only_listener(sock: Socket, new_socket: SocketMaker, variant: Variant) -> None:
    """IPv4 does not find what is at IPv6's null address with the option, and finds what is there without."""
    for value in (0, 1):
        client, here = new_socket("client") if value else sock, Inet(HOST, 7555 + value)
        other = new_socket(f"v6only-{value}", family="inet6", nonblocking=True)
        assert other.setsockopt(socket.IPPROTO_IPV6, V6ONLY, value, name="IPV6_V6ONLY") == 0
        assert other.bind(Inet6("::", here.port)) == 0
        if variant.type == "stream":
            assert_stream_reaches(client, here, other, reaches=not value)
        else:
            assert_datagram_reaches(client, here, other, reaches=not value)


@clause("connect.ipv6.v4mapped.bound-mismatch")
@variants(families=["inet6"], types=TYPES, modes=BOTH, entries=ALL)
def test_bound_to_ipv6(sock: Socket, four: Server, server: Server) -> None:
    """Bound to IPv6, the mapped address is unreachable, and the IPv6 one is reached."""
    assert sock.bind(Inet6("::1", 5555)) == 0
    assert sock.connect(mapped(four.address)) == ENETUNREACH
    assert_not_connected(sock)
    assert sock.getsockname() == Inet6("::1", 5555)
    assert_usable(sock, server)


@clause("connect.ipv6.v4mapped.bound-mismatch", case="mapped")
@variants(families=["inet6"], types=TYPES, modes=BOTH, entries=ALL)
def test_bound_to_mapped(sock: Socket, four: Server, server: Server) -> None:
    """Bound to a mapped address, the IPv6 one is of another family, and the mapped one is reached."""
    assert sock.bind(Inet6(MAPPED, 5555)) == 0
    assert sock.connect(server.address) == EAFNOSUPPORT
    assert_not_connected(sock)
    assert sock.getsockname() == Inet6(MAPPED, 5555)
    assert sock.connect_and_wait(mapped(four.address)) == 0
    assert_reached(sock, four)


@clause("connect.ipv6.v4mapped.bound-mismatch", case="associated")
@variants(families=["inet6"], types=["dgram"], modes=BOTH)
def test_associated_with_mapped(sock: Socket, four: Server, server: Server) -> None:
    """The local address that a mapped peer brought counts as well: an IPv6 one is refused, and the peer stays."""
    assert sock.connect(mapped(four.address)) == 0
    for _ in range(2):
        assert sock.connect(server.address) == EAFNOSUPPORT
        assert_reached(sock, four)


@clause("connect.ipv6.IPV6_ADDRFORM")
@variants(families=["inet6"], types=TYPES, modes=BOTH)
def test_addrform(sock: Socket, four: Server) -> None:
    """An unconnected socket has no form to change; a mapped connection becomes one of IPv4, and data still flows."""
    before = addrform(sock)
    assert sock.connect_and_wait(mapped(four.address)) == 0
    assert before == ENOTCONN
    far = assert_reached(sock, four)
    assert addrform(sock) == 0
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN, name="SO_DOMAIN").value == socket.AF_INET
    assert sock.getpeername() == four.address
    assert sock.getsockname().value.host == HOST
    assert sock.send(b"still here") == 0
    assert far.recv() == b"still here"


@clause("connect.ipv6.IPV6_ADDRFORM", case="ipv6")
@variants(families=["inet6"], types=TYPES)
def test_addrform_of_ipv6(sock: Socket, server: Server) -> None:
    """A connection over IPv6 has no IPv4 form, and stays what it is."""
    assert sock.connect_and_wait(server.address) == 0
    assert addrform(sock) == EADDRNOTAVAIL
    assert sock.getpeername() == server.address
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN, name="SO_DOMAIN").value == socket.AF_INET6


@clause("connect.ipv6.IPV6_MTU", case="mapped")
@cases({"connected": MTU})
@variants(families=["inet6"], types=TYPES)
def test_mtu(sock: Socket, four: Server, case: int) -> None:
    """A mapped peer has a path, too."""
    assert sock.connect_and_wait(mapped(four.address)) == 0
    assert sock.getsockopt(socket.IPPROTO_IPV6, case, name="IPV6_MTU", level_name="IPPROTO_IPV6").value == 65535

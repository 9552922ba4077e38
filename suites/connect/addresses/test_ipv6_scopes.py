"""What an IPv6 address has beside the address: the scope id of a link, and the flow label; and IPV6_MTU."""

import socket
import struct
from errno import EINVAL, ENETUNREACH, ENOTCONN

import pytest

from fixtures import (
    ALL,
    BOTH,
    Inet6,
    Server,
    Servers,
    Socket,
    SocketMaker,
    assert_not_connected,
    assert_talk,
    assert_usable,
    cases,
    clause,
    port_of,
    topology,
    variants,
    with_port,
)
from netns import Topology

PORT = 7100
NEAR, FAR = "fe80::1", "fe80::2"
NO_INDEX = 9999  # No interface of a row's namespace has it.
TYPES = ("stream", "dgram")
MANAGER, SEND = 32, 33  # IPV6_FLOWLABEL_MGR and IPV6_FLOWINFO_SEND, see <linux/in6.h>.
EXCLUSIVE = 1  # IPV6_FL_S_EXCL


@pytest.fixture
def link(topology: Topology) -> int:
    """The index of the client's link; both of its ends have a link-local address that is known."""
    topology.client.add_address("to-server", NEAR, 64)
    topology.server.add_address("to-client", FAR, 64)
    return topology.client.namespace.index("to-server")


@pytest.fixture
def far(servers: Servers) -> Server:
    """A server at every address of its host, so at the link-local one."""
    return servers.at(Inet6("::", PORT), "far")


def bind_to(sock: Socket, device: str) -> None:
    """Bind the socket to a device."""
    name = device.encode("ascii") + b"\0"
    assert sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name, name="SO_BINDTODEVICE") == 0


def assert_refused(sock: Socket, address: Inet6, error: int, length: int | None = None) -> None:
    """The address is refused twice, and sets no peer."""
    for _ in range(2):
        assert sock.connect(address, length) == error
        assert_not_connected(sock)


def assert_reached(sock: Socket, far: Server, peer: Inet6) -> None:
    """The socket has the peer, by name, and data flows between it and the server."""
    assert sock.getpeername() == peer
    assert sock.so_error() == 0
    if far.kind == "stream":
        assert_talk(sock, far.accepted())
    else:
        assert sock.send(b"hello") == 0
        assert far.socket.recv() == b"hello"


@clause("connect.ipv6.linklocal.no-scope")
@topology("pair")
@cases({"scope-0": None, "cut-off": 24})
@variants(families=["inet6"], types=TYPES, modes=BOTH, entries=ALL)
def test_no_scope(sock: Socket, server: Server, link: int, case: int | None) -> None:
    """It is invalid, even if the scope id stands behind the length that was given; the socket stays usable."""
    assert_refused(sock, Inet6(FAR, PORT, scope=link if case else 0), EINVAL, case)
    assert_usable(sock, server)


@clause("connect.ipv6.linklocal.scope")
@topology("pair")
@cases({"scope": (True, ""), "device": (False, "to-server"), "both": (True, "to-server")})
@variants(families=["inet6"], types=TYPES, modes=BOTH, entries=ALL)
def test_scope(sock: Socket, far: Server, link: int, case: tuple[bool, str]) -> None:
    """The link is the one that was named by scope id or device, and stands in both names."""
    named, device = case
    _ = far.address
    if device:
        bind_to(sock, device)
    assert sock.connect_and_wait(Inet6(FAR, PORT, scope=link if named else 0)) == 0
    assert_reached(sock, far, Inet6(FAR, PORT, scope=link))
    name = sock.getsockname().value
    assert (name.host, name.scope) == (NEAR, link)


@clause("connect.ipv6.linklocal.bad-scope")
@topology("pair")
@variants(families=["inet6"], types=TYPES, modes=BOTH, entries=ALL)
def test_scope_of_nothing(sock: Socket, link: int) -> None:
    """It is unreachable, every time."""
    assert link != NO_INDEX
    assert_refused(sock, Inet6(FAR, PORT, scope=NO_INDEX), ENETUNREACH)


@clause("connect.ipv6.scope-kept")
@topology("pair")
@cases({"lo": 1, "nothing": NO_INDEX})
@variants(families=["inet6"], types=TYPES, entries=ALL, lines=["lo"])
@variants(families=["inet6"], types=TYPES, modes=["nonblocking"])
def test_right_link_after_a_wrong_one(sock: Socket, far: Server, link: int, case: int) -> None:
    """The link of a failed attempt stays the socket's device: the right one is invalid until that is cleared."""
    _ = far.address
    for _ in range(2):
        assert_refused(sock, Inet6(FAR, PORT, scope=case), ENETUNREACH)
        assert_refused(sock, Inet6(FAR, PORT, scope=link), EINVAL)
    bind_to(sock, "")
    assert sock.connect_and_wait(Inet6(FAR, PORT, scope=link)) == 0
    assert_reached(sock, far, Inet6(FAR, PORT, scope=link))


@clause("connect.ipv6.linklocal.scope-conflict")
@topology("pair")
@cases({"scope-of-lo": ("to-server", "lo"), "device-lo": ("lo", "to-server")})
@variants(families=["inet6"], types=TYPES, modes=BOTH, entries=ALL)
def test_conflict(sock: Socket, topology: Topology, link: int, case: tuple[str, str]) -> None:
    """Device and scope id have to be one, whichever of them is the link's; nothing becomes of it."""
    device, scope = case
    assert link == topology.client.namespace.index("to-server")
    bind_to(sock, device)
    assert_refused(sock, Inet6(FAR, PORT, scope=topology.client.namespace.index(scope)), EINVAL)


@clause("connect.ipv6.global.scope-ignored")
@topology("pair")
@cases({"nothing": (NO_INDEX, ""), "lo": (1, ""), "other-than-device": (1, "to-server")})
@variants(families=["inet6"], types=TYPES, modes=BOTH, entries=ALL)
def test_global_address(sock: Socket, server: Server, case: tuple[int, str]) -> None:
    """A scope id that would be wrong for a link-local address is not looked at, and gone from the names."""
    scope, device = case
    if device:
        bind_to(sock, device)
    peer = Inet6("2001:db8:1::2", port_of(server.address))
    assert sock.connect_and_wait(Inet6(peer.host, peer.port, scope=scope)) == 0
    assert_reached(sock, server, peer)
    name = sock.getsockname().value
    assert name == with_port(Inet6("2001:db8:1::1"), name.port)


@clause("connect.ipv6.IPV6_MTU")
@topology("pair")
@variants(families=["inet6"], types=TYPES, modes=BOTH)
def test_mtu(sock: Socket, server: Server) -> None:
    """There is none before; after it is the link's."""
    assert mtu_error(sock) == ENOTCONN
    assert sock.connect_and_wait(server.address) == 0
    read = sock.getsockopt(socket.IPPROTO_IPV6, 24, name="IPV6_MTU", level_name="IPPROTO_IPV6")
    assert read == 0
    assert read.value == 1500


def mtu_error(sock: Socket) -> int:
    """The errno of reading IPV6_MTU; 0 where it can be read."""
    return sock.getsockopt(socket.IPPROTO_IPV6, 24, name="IPV6_MTU", level_name="IPPROTO_IPV6").error


def lease(sock: Socket, label: int) -> None:
    """Get a flow label to ::1 that no other socket may use."""
    request = struct.pack("!16sI", socket.inet_pton(socket.AF_INET6, "::1"), label)
    request += struct.pack("=BBHHHI", 0, EXCLUSIVE, 1, 6, 6, 0)  # IPV6_FL_A_GET, IPV6_FL_F_CREATE, short times.
    assert sock.setsockopt(socket.IPPROTO_IPV6, MANAGER, request, name="IPV6_FLOWLABEL_MGR") == 0


def labelled(server: Server, label: int) -> Inet6:
    """The server's address, with a flow label."""
    return Inet6("::1", port_of(server.address), flowinfo=label)


@clause("connect.ipv6.flowlabel")
@cases({"unknown": 0x12345, "anothers": 0x54321})
@variants(families=["inet6"], types=TYPES, modes=BOTH, entries=ALL)
def test_label(sock: Socket, new_socket: SocketMaker, server: Server, case: int) -> None:
    """A label that the socket has no lease of is refused if it is to be sent, and not looked at otherwise."""
    lease(new_socket("lessee"), 0x54321)
    assert sock.setsockopt(socket.IPPROTO_IPV6, SEND, 1, name="IPV6_FLOWINFO_SEND") == 0
    assert_refused(sock, labelled(server, case), EINVAL)
    assert sock.setsockopt(socket.IPPROTO_IPV6, SEND, 0, name="IPV6_FLOWINFO_SEND") == 0
    assert sock.connect_and_wait(labelled(server, case)) == 0
    assert_reached(sock, server, labelled(server, 0))


@clause("connect.ipv6.flowlabel", case="leased")
@variants(families=["inet6"], types=TYPES, modes=BOTH)
def test_leased_label(sock: Socket, server: Server) -> None:
    """A label of the socket's own is taken, and stands in the peer's name."""
    lease(sock, 0x11111)
    assert sock.setsockopt(socket.IPPROTO_IPV6, SEND, 1, name="IPV6_FLOWINFO_SEND") == 0
    assert sock.connect_and_wait(labelled(server, 0x11111)) == 0
    assert_reached(sock, server, labelled(server, 0x11111))

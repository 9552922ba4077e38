"""Netlink: the destination that connect sets, the port that it binds, who may be heard, and who may connect where."""

import socket
import struct
from collections.abc import Callable
from errno import EAFNOSUPPORT, EAGAIN, ECONNREFUSED, EINVAL, EPERM

import pytest

from fixtures import (
    ALL,
    BOTH,
    Address,
    Bytes,
    Netlink,
    Socket,
    SocketMaker,
    cases,
    clause,
    needs,
    variants,
)
from fixtures.contexts import (
    ANOTHER_USER,
    WITHOUT_CAPABILITIES,
)
from netns import Topology

USERS = 2  # NETLINK_USERSOCK: messages between processes.
RTM_GETLINK, RTM_NEWLINK, NLM_F_REQUEST = 18, 16, 1
GET_LINK = struct.pack("=IHHII", 32, RTM_GETLINK, NLM_F_REQUEST, 1, 0)
ONE, OTHER, MINE, MEMBER = Netlink(7001), Netlink(7002), Netlink(7003), Netlink(7004)
UNSPEC = Bytes(bytes(2))
NetlinkMaker = Callable[..., Socket]


@pytest.fixture
def user(require: Callable[[str], None], new_socket: SocketMaker) -> NetlinkMaker:
    """Opens sockets of NETLINK_USERSOCK, bound where an address is given."""
    require("netlink-users")

    def make(label: str, address: Address | None = None) -> Socket:
        made = new_socket(label, protocol=USERS)
        assert address is None or made.bind(address) == 0
        return made

    return make


def assert_associated(sock: Socket, peer: Socket, stranger: Socket) -> None:
    """What the socket sends goes to its peer, it hears its peer, and it is not there for a stranger."""
    here = sock.getsockname().value
    assert sock.getpeername() == peer.getsockname().value
    assert sock.send(b"ping") == 0
    assert peer.recv() == b"ping"
    assert peer.send(b"pong", to=here) == 0
    assert sock.recv() == b"pong"
    assert stranger.send(b"who?", to=here) == ECONNREFUSED
    assert sock.recv_now() == EAGAIN
    assert stranger.recv_now() == EAGAIN


def get_loopback(topology: Topology) -> bytes:
    """A request for what the kernel knows of lo."""
    return GET_LINK + struct.pack("=BxHiII", 0, 0, topology.client.namespace.index("lo"), 0, 0)


def assert_answered(sock: Socket, topology: Topology) -> None:
    """The socket has a port, and the kernel's answer is for that."""
    name = sock.getsockname().value
    assert sock.send(get_loopback(topology)) == 0
    kind, port = struct.unpack_from("=4xH6xI", sock.recv().value)
    assert kind == RTM_NEWLINK
    assert name == Netlink(port)


def assert_ports_differ(sock: Socket, second: Socket) -> Netlink:
    """Each of the sockets has a port of its own, and no groups; returns the first one's name."""
    name: Netlink = sock.getsockname().value
    assert name != Netlink()
    assert second.getsockname().value not in (Netlink(), name)
    assert name.groups == 0
    return name


@clause("connect.netlink.connect")
@variants(families=["netlink"], types=["raw"], modes=BOTH, entries=ALL)
@variants(families=["netlink"], types=["dgram"])
def test_kernel(sock: Socket, new_socket: SocketMaker, topology: Topology) -> None:
    """Connected to the kernel a socket has a port of its own, and what it asks is answered."""
    second = new_socket("second")
    assert sock.getsockname() == Netlink()
    assert sock.connect(Netlink()) == 0
    assert second.connect(Netlink()) == 0
    assert sock.getpeername() == Netlink()
    name = assert_ports_differ(sock, second)
    assert_answered(sock, topology)
    assert sock.getsockname() == name


@clause("connect.netlink.connect", case="process")
@variants(families=["netlink"], types=["raw"], entries=ALL)
def test_process(user: NetlinkMaker) -> None:
    """Connected to another socket it sends to that one, hears that one alone, and can change to a third."""
    sock, one, other = user("sock", MINE), user("one", ONE), user("other", OTHER)
    assert sock.connect(ONE) == 0
    assert_associated(sock, one, stranger=other)
    assert sock.connect(OTHER) == 0
    assert_associated(sock, other, stranger=one)
    assert sock.getsockname() == MINE


@clause("connect.netlink.connect", case="autobind")
@variants(families=["netlink"], types=["raw"])
def test_process_without_a_port(user: NetlinkMaker) -> None:
    """A socket without a port is given one, once."""
    sock, one, other = user("sock"), user("one", ONE), user("other", OTHER)
    assert sock.connect(ONE) == 0
    name = sock.getsockname().value
    assert name.port != 0
    assert_associated(sock, one, stranger=other)
    assert sock.connect(OTHER) == 0
    assert sock.getsockname() == name
    assert_associated(sock, other, stranger=one)


def assert_delivered(sock: Socket, data: bytes, *receivers: Socket) -> None:
    """What the socket sends without an address reaches each of the receivers."""
    assert sock.send(data) == 0
    for each in receivers:
        assert each.recv() == data


@clause("connect.netlink.connect", case="group")
@cases({"one": (0b10, 0b10), "several": (0b110, 0b10)})
@variants(families=["netlink"], types=["raw"])
def test_group(user: NetlinkMaker, case: tuple[int, int]) -> None:
    """Connected to groups it sends to the lowest of them, and names that one."""
    sock, member = user("sock"), user("member", Netlink(MEMBER.port, 0b10))
    elsewhere = user("elsewhere", Netlink(OTHER.port, 0b101))
    assert sock.connect(Netlink(ONE.port, case[0])) == 0
    assert sock.getpeername() == Netlink(ONE.port, case[1])
    one = user("one", ONE)
    assert_delivered(sock, b"all", member, one)
    assert elsewhere.recv_now() == EAGAIN
    assert sock.connect(ONE) == 0
    assert_delivered(sock, b"one", one)
    assert member.recv_now() == EAGAIN


def assert_dissolved(sock: Socket, stranger: Socket) -> None:
    """The socket has no peer, keeps its port, and receives what a stranger sends to it."""
    assert sock.getpeername() == Netlink()
    assert sock.getsockname() == MINE
    assert stranger.send(b"hello", to=MINE) == 0
    assert sock.recv() == b"hello"


@clause("connect.netlink.unspec")
@cases({"family-alone": UNSPEC, "address": Bytes(bytes(12))})
@variants(families=["netlink"], types=["raw"], entries=ALL, lines=["family-alone"])
@variants(families=["netlink"], types=["dgram"], lines=["address"])
def test_unspec(user: NetlinkMaker, case: Bytes) -> None:
    """AF_UNSPEC dissolves the association: anybody can send to the socket, its port stays, and it can connect again."""
    sock, one, other = user("sock", MINE), user("one", ONE), user("other", OTHER)
    assert sock.connect(Netlink(ONE.port, 0b10)) == 0
    assert other.send(b"who?", to=MINE) == ECONNREFUSED
    assert sock.connect(case) == 0
    assert_dissolved(sock, stranger=other)
    assert sock.send(b"lost") == ECONNREFUSED
    assert one.recv_now() == EAGAIN
    assert sock.connect(OTHER) == 0
    assert_associated(sock, other, stranger=one)


@clause("connect.netlink.unspec", case="fresh")
@variants(families=["netlink"], types=["raw"])
def test_unspec_without_a_peer(user: NetlinkMaker) -> None:
    """On a socket that has no peer it does nothing: the socket is not bound by it."""
    sock, one, other = user("sock"), user("one", ONE), user("other", OTHER)
    assert sock.connect(UNSPEC) == 0
    assert sock.getsockname() == Netlink()
    assert sock.connect(ONE) == 0
    assert_associated(sock, one, stranger=other)


BAD = {
    "family": Bytes(struct.pack("=H", socket.AF_INET) + bytes(10)),
    "unknown-family": Bytes(struct.pack("=H", 77) + bytes(10)),
    "nothing": Bytes(b""),
    "one-byte": Bytes(b"\x10"),
    "family-alone": Bytes(OTHER.pack()[:2]),
    "no-groups": Bytes(OTHER.pack()[:8]),
    "one-too-short": Bytes(OTHER.pack()[:11]),
}


@clause("connect.netlink.EINVAL")
@cases(BAD)
@variants(families=["netlink"], types=["raw"])
@variants(families=["netlink"], types=["dgram"], entries=ALL, lines=["family"])
def test_bad_address(user: NetlinkMaker, case: Bytes) -> None:
    """An address of another family, or a short one, is invalid, and the association stays as it is."""
    fresh, sock, one, other = user("fresh"), user("sock", MINE), user("one", ONE), user("other", OTHER)
    assert fresh.connect(case) == EINVAL
    assert fresh.getsockname() == Netlink()
    assert sock.connect(ONE) == 0
    assert sock.connect(case) == EINVAL
    assert_associated(sock, one, stranger=other)


@clause("connect.netlink.EINVAL", case="longer")
@variants(families=["netlink"], types=["raw"])
def test_longer_address(user: NetlinkMaker) -> None:
    """What follows the address is not looked at."""
    sock, one, other = user("sock", MINE), user("one", ONE), user("other", OTHER)
    assert sock.connect(Bytes(ONE.pack() + b"\xff")) == 0
    assert_associated(sock, one, stranger=other)


@clause("connect.EAFNOSUPPORT.netlink")
@variants(families=["netlink"], types=["raw"])
def test_other_family_as_posix_has_it(sock: Socket) -> None:
    """An address of another family is not supported."""
    assert sock.connect(BAD["family"]) == EAFNOSUPPORT


@clause("connect.netlink.EPERM.group")
@cases({"group": Netlink(0, 1), "port": Netlink(7001), "both": Netlink(7001, 1)})
@variants(families=["netlink"], types=["raw"], entries=ALL, lines=["group"])
@variants(families=["netlink"], types=["raw"], lines=["port", "both"])
def test_without_capabilities(sock: Socket, case: Netlink, topology: Topology) -> None:
    """Without the capability a socket of routes may connect to the kernel alone, before and after it tried more."""
    with sock.context(WITHOUT_CAPABILITIES):
        assert sock.connect(case) == EPERM
        assert sock.getsockname() == Netlink()
        assert sock.connect(Netlink()) == 0
        assert_answered(sock, topology)
        assert sock.connect(case) == EPERM
        assert sock.getpeername() == Netlink()
        assert_answered(sock, topology)
    assert sock.connect(case) == 0
    assert sock.getpeername() == case


@clause("connect.netlink.EPERM.group", case="users")
@variants(families=["netlink"], types=["raw"])
def test_messages_between_users(user: NetlinkMaker) -> None:
    """Where messages between users are meant to be, no capability is needed, for a port and for a group."""
    sock, one, other = user("sock", MINE), user("one", ONE), user("other", OTHER)
    with sock.context(WITHOUT_CAPABILITIES):
        assert sock.connect(Netlink(0, 1)) == 0
        assert sock.getpeername() == Netlink(0, 1)
        assert sock.connect(ONE) == 0
    assert_associated(sock, one, stranger=other)


@clause("connect.netlink.EPERM.group", case="nobody")
@needs("second-uid")
@variants(families=["netlink"], types=["raw"])
def test_as_nobody(sock: Socket, topology: Topology) -> None:
    """The same for a user without privileges."""
    with sock.context(ANOTHER_USER):
        assert sock.connect(Netlink(0, 1)) == EPERM
        assert sock.connect(ONE) == EPERM
        assert sock.connect(Netlink()) == 0
    assert_answered(sock, topology)
    assert sock.getpeername() == Netlink()

"""Families without a connect of their own, and SCTP, which connects as TCP does."""

import socket
import struct
from errno import EALREADY, ECONNREFUSED, EFAULT, EINPROGRESS, EINVAL, EISCONN, ENOTCONN, EOPNOTSUPP

import pytest

from fixtures import (
    ALL,
    BOTH,
    FAMILIES,
    INTERNET,
    Address,
    Bytes,
    Inet,
    Peer,
    Server,
    Servers,
    Socket,
    SocketMaker,
    Variant,
    assert_no_connection,
    assert_talk,
    cases,
    clause,
    topology,
    variants,
)
from netns import Topology

ETH_P_IP = 0x0800
PROTOCOLS = {"xdp": 0, "alg": 0, "can": 1, "key": 2}
ADDRESSES: dict[str, Address] = {
    "unspec": Bytes(bytes(16)),
    "family-alone": Bytes(bytes(2)),
    "one-byte": Bytes(b"\x11"),
    "nothing": Bytes(b""),
    "internet": Inet("127.0.0.1", 7001),
    "longest": Bytes(bytes(128)),
}


@pytest.fixture
def loopback(topology: Topology) -> Address:
    """The address of lo, for packets of IPv4."""
    index = topology.client.namespace.index("lo")
    return Bytes(struct.pack("=H", socket.AF_PACKET) + struct.pack("!H", ETH_P_IP) + struct.pack("=i12x", index))


def assert_only_bound(sock: Socket, name: Address) -> None:
    """The packet socket is bound to the name, has no peer, and holds no error."""
    assert sock.getsockname() == name
    assert sock.getpeername() == EOPNOTSUPP
    assert sock.so_error() == 0


@clause("connect.packet.EOPNOTSUPP")
@variants(families=["packet"], types=["raw"], modes=BOTH, entries=ALL)
@variants(families=["packet"], types=["dgram"])
def test_packet_socket(sock: Socket, loopback: Address) -> None:
    """A packet socket cannot connect, before and after it is bound, and stays bound to what it was bound to."""
    assert sock.connect(loopback) == EOPNOTSUPP
    before = sock.getsockname().value
    assert sock.connect(loopback) == EOPNOTSUPP
    assert sock.getsockname() == before
    assert sock.bind(loopback) == 0
    bound = sock.getsockname().value
    assert bound != before
    assert sock.connect(loopback) == EOPNOTSUPP
    assert sock.connect(ADDRESSES["unspec"]) == EOPNOTSUPP
    assert_only_bound(sock, bound)


@clause("connect.packet.EOPNOTSUPP", case="hears")
@variants(families=["packet"], types=["dgram"])
def test_packet_socket_that_hears(sock: Socket, new_socket: SocketMaker, loopback: Address) -> None:
    """What passes by the link is heard as before: nobody has become its peer."""
    other = new_socket("other", family="inet", kind="dgram")
    assert sock.bind(loopback) == 0
    assert sock.connect(loopback) == EOPNOTSUPP
    assert sock.connect(ADDRESSES["unspec"]) == EOPNOTSUPP
    assert other.send(b"hello", to=Inet("127.0.0.1", 7001)) == 0
    assert sock.recv(skip=28) == b"hello"


@clause("connect.packet.EOPNOTSUPP", case="address")
@cases(ADDRESSES)
@variants(families=["packet"], types=["raw"])
def test_packet_socket_and_any_address(sock: Socket, case: Address) -> None:
    """The address is not looked at: it is not supported with any; what cannot be read, or is too long, is noticed."""
    assert sock.connect(case) == EOPNOTSUPP
    assert sock.connect_raw(8, 16) == EFAULT
    assert sock.connect_raw(8, 129) == EINVAL
    assert sock.connect(case) == EOPNOTSUPP


@clause("connect.xdp.EOPNOTSUPP")
@variants(families=["xdp", "can", "key"], types=["raw"])
@variants(families=["alg"], types=["seqpacket"])
def test_families_without_connect(new_socket: SocketMaker, variant: Variant) -> None:
    """A socket of a family that cannot connect says so, with an address of its own and with any other."""
    sock = new_socket(protocol=PROTOCOLS[variant.family])
    own = Bytes(struct.pack("=H", FAMILIES[variant.family]).ljust(88, b"\0"))
    for address in (own, *ADDRESSES.values(), own):
        assert sock.connect(address) == EOPNOTSUPP
    assert sock.so_error() == 0


@clause("connect.sctp")
@variants(families=INTERNET, types=["sctp"], modes=BOTH)
def test_sctp(sock: Socket, server: Server, servers: Servers) -> None:
    """It connects, talks, and refuses a second association, with the same peer and with another."""
    other = servers.make("other")
    assert sock.connect(server.address, 15) == EINVAL
    assert sock.connect_and_wait(server.address) == 0
    assert sock.getpeername() == server.address
    accepted = server.accepted()
    assert_talk(sock, accepted)
    assert sock.connect(server.address) == EISCONN
    assert sock.connect(other.address) == EISCONN
    assert_talk(sock, accepted)
    assert_no_connection(other)


@clause("connect.sctp", case="refused")
@variants(families=INTERNET, types=["sctp"], modes=BOTH)
def test_sctp_refused(sock: Socket, server: Server, servers: Servers) -> None:
    """Nobody listens: it is refused, and can connect to who does."""
    assert sock.connect_and_wait(servers.closed()) == ECONNREFUSED
    sock.so_error()  # SCTP leaves the error of a call there, too, and no document says that it may not.
    assert sock.getpeername() == ENOTCONN
    assert sock.so_error() == 0
    assert sock.connect_and_wait(server.address) == 0
    assert_talk(sock, server.accepted())


@clause("connect.sctp", case="under-way")
@topology("scripted")
@variants(families=INTERNET, types=["sctp"], modes=["nonblocking"])
def test_sctp_under_way(sock: Socket, peer: Peer) -> None:
    """While nobody answers the attempt is in progress, and a second one is told so."""
    assert sock.connect(peer.address) == EINPROGRESS
    peer.hears()
    assert sock.poll() == set()
    assert sock.connect(peer.address) == EALREADY
    assert sock.connect(peer.address) == EALREADY
    assert sock.so_error() == 0

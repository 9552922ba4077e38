"""ICMP datagram sockets, which send echo requests and get the replies: what connect makes of them.

The kernel that the test runs on answers. A socket's port is the identifier of its requests.
"""

import struct
from collections.abc import Callable
from errno import EACCES, EAFNOSUPPORT, EAGAIN, EDESTADDRREQ, EHOSTUNREACH, ENETUNREACH, ENOTCONN

import pytest

from fixtures import (
    ALL,
    DEADLINE,
    FAMILIES,
    INTERNET,
    POLLERR,
    POLLOUT,
    Address,
    Bytes,
    Inet,
    Outcome,
    Peer,
    Socket,
    SocketMaker,
    Variant,
    assert_not_connected,
    assert_peer,
    clause,
    internet,
    port_of,
    topology,
    variants,
    with_port,
)
from fixtures.probes import (
    allow_ping,
)
from netns import Topology
from suites.connect.names import NULL, UNROUTED, UNSPEC
from suites.connect.scripted import assert_no_error_arrives

REQUEST, REPLY = {"inet": 8, "inet6": 128}, {"inet": 0, "inet6": 129}

# Type and code of an error that may pass, of a final one, and what the kernel makes of the latter.
ERRORS = {"inet": ((3, 1), (3, 13), EHOSTUNREACH), "inet6": ((1, 0), (1, 1), EACCES)}


@pytest.fixture
def pinger(topology: Topology, new_socket: SocketMaker) -> Socket:
    """The socket under test, of a host that lets our group ping."""
    allow_ping(topology.client.namespace)
    return new_socket()


@pytest.fixture
def there(topology: Topology, variant: Variant) -> Address:
    """An address of the host, with port 0."""
    return internet(FAMILIES[variant.family], topology.server.address(FAMILIES[variant.family]))


@pytest.fixture
def elsewhere(topology: Topology, variant: Variant) -> Address:
    """Another address of the host, with port 0."""
    return internet(FAMILIES[variant.family], topology.server.second_address(FAMILIES[variant.family]))


def assert_echo(sock: Socket, variant: Variant, peer: Address, number: int = 1) -> None:
    """A request without an address is answered by the peer, with the socket's identifier, once."""
    assert sock.send(struct.pack("!BBHHH", REQUEST[variant.family], 0, 0, 0, number) + b"hello") == 0
    reply = sock.recv_from()
    assert reply == 0
    data, sender = reply.value
    assert sender == with_port(peer, 0)
    assert (data[0], data[1], data[8:]) == (REPLY[variant.family], 0, b"hello")
    assert struct.unpack_from("!HH", data, 4) == (port_of(sock.getsockname().value), number)
    assert sock.recv_now() == EAGAIN


@clause("connect.ping.connect")
@variants(families=["inet"], types=["ping"], entries=ALL)
@variants(families=["inet6"], types=["ping"], modes=["blocking", "nonblocking"])
def test_connect(pinger: Socket, there: Address, variant: Variant) -> None:
    """Requests need an address before and none after; replies come; the socket has a name, its peer none."""
    assert pinger.send(bytes([REQUEST[variant.family], 0, 0, 0, 0, 0, 0, 1])) == EDESTADDRREQ
    assert pinger.connect(there) == 0
    name = pinger.getsockname().value
    assert port_of(name) != 0
    assert with_port(name, 0) == there
    for number in (1, 2):
        assert_echo(pinger, variant, there, number)
    assert pinger.getsockname() == name
    assert pinger.getpeername() == ENOTCONN


@clause("connect.ping.connect", case="reconnect")
@variants(families=INTERNET, types=["ping"])
def test_reconnect(pinger: Socket, there: Address, elsewhere: Address, variant: Variant) -> None:
    """The last peer answers, the identifier stays, and a port that was given is the peer's name."""
    assert pinger.connect(there) == 0
    name = pinger.getsockname().value
    assert pinger.connect(with_port(elsewhere, 77)) == 0
    assert_peer(pinger, with_port(elsewhere, 77))
    assert pinger.getsockname() == name
    assert_echo(pinger, variant, elsewhere)
    assert pinger.connect(there) == 0
    assert_echo(pinger, variant, there)


@clause("connect.ping.connect", case="unroutable")
@variants(families=INTERNET, types=["ping"])
def test_failure(pinger: Socket, there: Address, variant: Variant) -> None:
    """An address without a route is refused, on a fresh socket and on a connected one, whose peer stays."""
    unrouted = internet(FAMILIES[variant.family], UNROUTED[variant.family], 5)
    assert pinger.connect(unrouted) == ENETUNREACH
    assert_not_connected(pinger)
    assert pinger.connect(with_port(there, 77)) == 0
    assert pinger.connect(unrouted) == ENETUNREACH
    assert_peer(pinger, with_port(there, 77))
    assert_echo(pinger, variant, there)


@clause("connect.ping.connect", case="sockaddr_in")
@variants(families=["inet6"], types=["ping"])
def test_sockaddr_in_for_inet6(pinger: Socket, there: Address, variant: Variant) -> None:
    """Other than a UDP socket, one of IPv6 takes no address of IPv4."""
    assert pinger.connect(there) == 0
    # As long as one of IPv6: where a control group anywhere has a program for connect, the length is looked at first.
    assert pinger.connect(Bytes(Inet("127.0.0.1").pack().ljust(28, b"\0"))) == EAFNOSUPPORT
    assert_echo(pinger, variant, there)


@clause("connect.ping.unspec")
@variants(families=["inet"], types=["ping"], entries=ALL)
@variants(families=["inet6"], types=["ping"], modes=["nonblocking"])
def test_dissolved(pinger: Socket, there: Address, variant: Variant) -> None:
    """Peer, name and identifier go, and another association brings new ones."""
    assert pinger.connect(with_port(there, 77)) == 0
    assert_echo(pinger, variant, there)
    for _ in range(2):
        assert pinger.connect(UNSPEC) == 0
        assert_not_connected(pinger)
        assert pinger.getsockname() == internet(FAMILIES[variant.family], NULL[variant.family])
    assert pinger.send(bytes([REQUEST[variant.family], 0, 0, 0, 0, 0, 0, 1])) == EDESTADDRREQ
    assert pinger.connect(there) == 0
    assert_echo(pinger, variant, there)


@clause("connect.ping.unspec", case="bound")
@variants(families=INTERNET, types=["ping"])
def test_bound_identifier(pinger: Socket, there: Address, elsewhere: Address, variant: Variant) -> None:
    """A bound address and identifier stay over a peer and over AF_UNSPEC."""
    assert pinger.bind(with_port(there, 1234)) == 0
    for peer in (elsewhere, there):
        assert pinger.connect(peer) == 0
        assert pinger.getsockname() == with_port(there, 1234)
        assert_echo(pinger, variant, peer)
        assert pinger.connect(UNSPEC) == 0
        assert pinger.getsockname() == with_port(there, 1234)
        assert pinger.send(bytes([REQUEST[variant.family], 0, 0, 0, 0, 0, 0, 1])) == EDESTADDRREQ
    assert_not_connected(pinger)


def assert_no_error_without_peer(pinger: Socket, peer: Peer, request: bytes, final: tuple[int, int]) -> None:
    """A final error about a request that was sent to an address does not reach the socket."""
    assert pinger.send(request, to=with_port(peer.address, 0)) == 0
    peer.error(peer.hears(), final)
    assert_no_error_arrives(pinger, peer)


def assert_final_error_once(
    pinger: Socket, peer: Peer, request: bytes, variant: Variant, ask: Callable[[], Outcome]
) -> None:
    """Of an error that may pass and a final one about a request, the socket reports the final one, once."""
    passing, final, reported = ERRORS[variant.family]
    assert pinger.send(request) == 0
    heard = peer.hears()
    peer.error(heard, passing)
    peer.settles()
    assert pinger.poll() == {POLLOUT}
    peer.error(heard, final)
    assert pinger.poll(DEADLINE, ask=()) == {POLLERR}
    assert ask() == reported
    assert pinger.poll() == {POLLOUT}


@clause("connect.ping.errors")
@topology("scripted")
@variants(families=INTERNET, types=["ping"])
def test_errors(pinger: Socket, peer: Peer, variant: Variant) -> None:
    """With a peer the socket reports the final error, each time once; before and after it reports nothing."""
    request = bytes([REQUEST[variant.family], 0, 0, 0, 0, 0, 0, 1])
    for _ in range(2):
        assert pinger.connect(UNSPEC) == 0
        assert_no_error_without_peer(pinger, peer, request, ERRORS[variant.family][1])
        assert pinger.connect(peer.address) == 0
        for ask in (pinger.recv_now, pinger.so_error):
            assert_final_error_once(pinger, peer, request, variant, ask)
        assert_peer(pinger, peer.address)

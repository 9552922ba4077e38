"""Raw sockets: the peer that connect records, what it is called, who is heard, AF_UNSPEC, and errors that come later.

Their protocol is one for experiments, 253, so that nobody else's packets are seen; it stands for the port in names.
"""

from collections.abc import Callable
from errno import EAFNOSUPPORT, EAGAIN, EDESTADDRREQ, ENETUNREACH, ENOPROTOOPT, ENOTCONN, EPROTO

import pytest

from fixtures import (
    ALL,
    BOTH,
    DEADLINE,
    FAMILIES,
    INTERNET,
    POLLERR,
    POLLOUT,
    Address,
    Bytes,
    Inet,
    Outcome,
    Server,
    Servers,
    Socket,
    SocketMaker,
    Variant,
    assert_associates,
    assert_not_connected,
    assert_peer,
    assert_receives_only,
    cases,
    clause,
    internet,
    variants,
    waits,
    with_port,
)
from netns import Topology
from suites.connect.icmp_messages import receive_errors
from suites.connect.names import NULL, UNROUTED, UNSPEC, local

PROTOCOL = 253
HEADER = {"inet": 20, "inet6": 0}  # Bytes in front of what a raw socket receives: raw(7), and nothing for IPv6.
REFUSAL = {"inet": ENOPROTOOPT, "inet6": EPROTO}  # Of a protocol that nobody takes; RFC 792 and RFC 4443.
DATA = b"eight bytes and more, or an error would not be traced back"
PATIENCE = 0.5  # Seconds to wait for a packet of which the page says that it comes, and Linux that it does not.


def assert_delivered(sock: Socket, server: Server, variant: Variant, to: Address | None = None) -> None:
    """A packet that is sent, to the peer or to an address, reaches the server."""
    assert sock.send(DATA, to=to) == 0
    assert server.socket.recv(skip=HEADER[variant.family]) == DATA


@clause("connect.raw.connect")
@variants(families=["inet"], types=["raw"], modes=BOTH, entries=ALL)
@variants(families=["inet6"], types=["raw"], modes=BOTH)
def test_connect(sock: Socket, server: Server, servers: Servers, variant: Variant, topology: Topology) -> None:
    """Packets need an address before and none after; they go to the peer alone, which is not connected by it."""
    other = servers.make("other", second_address=True)
    _ = other.address
    assert sock.send(DATA) == EDESTADDRREQ
    assert sock.connect(server.address) == 0
    assert sock.getsockname() == local(topology.client, variant, PROTOCOL)
    assert sock.poll() == {POLLOUT}
    assert server.socket.recv_now() == EAGAIN
    assert_delivered(sock, server, variant)
    assert other.socket.recv_now() == EAGAIN
    assert server.socket.getpeername() == ENOTCONN


@clause("connect.raw.connect", case="sendto")
@variants(families=INTERNET, types=["raw"])
def test_send_to_another(sock: Socket, server: Server, servers: Servers, variant: Variant) -> None:
    """A packet with an address goes there, and the peer stays the peer."""
    other = servers.make("other", second_address=True)
    assert sock.connect(server.address) == 0
    assert sock.send(b"elsewhere", to=other.address) == 0
    assert other.socket.recv(skip=HEADER[variant.family]) == b"elsewhere"
    assert sock.send(b"here") == 0
    assert server.socket.recv(skip=HEADER[variant.family]) == b"here"
    assert other.socket.recv_now() == EAGAIN


@clause("connect.raw.connect", case="failure")
@variants(families=INTERNET, types=["raw"])
def test_failure(sock: Socket, server: Server, variant: Variant) -> None:
    """An address without a route, or of another family, is refused, and the peer stays."""
    wrong: dict[str, Address] = {"inet": Bytes(b"\x4d\x4d".ljust(28, b"\0")), "inet6": Inet("127.0.0.1")}
    assert sock.connect(with_port(server.address, 77)) == 0
    assert sock.connect(internet(FAMILIES[variant.family], UNROUTED[variant.family], 5)) == ENETUNREACH
    assert sock.connect(wrong[variant.family]) == EAFNOSUPPORT
    assert_peer(sock, with_port(server.address, 77))
    assert sock.send(DATA) == 0
    assert server.socket.recv(skip=HEADER[variant.family]) == DATA


@clause("connect.raw.getpeername-port")
@cases({"zero": 0, "small": 77, "protocol": PROTOCOL, "large": 65535})
@variants(families=["inet"], types=["raw"], entries=ALL, lines=["zero", "small"])
@variants(families=["inet6"], types=["raw"], modes=["nonblocking"], lines=["zero", "small"])
@variants(families=INTERNET, types=["raw"], lines=["protocol", "large"])
def test_port(sock: Socket, server: Server, variant: Variant, topology: Topology, case: int) -> None:
    """The port that was given is the peer's, and without one the peer has no name; packets flow all the same."""
    named = with_port(server.address, case)
    assert sock.connect(named) == 0
    assert sock.getpeername() == (named if case else ENOTCONN)
    assert sock.getsockname() == local(topology.client, variant, PROTOCOL)
    assert sock.send(DATA) == 0
    assert server.socket.recv(skip=HEADER[variant.family]) == DATA
    assert sock.connect(with_port(server.address, 99)) == 0
    assert sock.getpeername() == with_port(server.address, 99)
    assert sock.connect(server.address) == 0
    assert sock.getpeername() == ENOTCONN


@clause("connect.raw.receive-filter", case="reconnect")
@variants(families=INTERNET, types=["raw"])
def test_filter_of_every_peer(sock: Socket, server: Server, servers: Servers, variant: Variant) -> None:
    """Before there is a peer the socket receives from everybody; with one from the last one alone."""
    other, here, skip = servers.make("other", second_address=True), server.address, HEADER[variant.family]
    assert sock.bind(here) == 0
    for each in (server, other):
        assert each.socket.send(b"anybody", to=here) == 0
        assert sock.recv(skip=skip) == b"anybody"
    for peer, stranger in ((other, server), (server, other), (other, server)):
        assert sock.connect(peer.address) == 0
        assert stranger.socket.send(b"stranger", to=here) == 0
        assert peer.socket.send(b"peer", to=here) == 0
        assert_receives_only(sock, b"peer", skip=skip)


@clause("connect.raw.unspec")
@variants(families=["inet"], types=["raw"], entries=ALL)
@variants(families=["inet6"], types=["raw"], modes=BOTH)
def test_dissolved(sock: Socket, server: Server, servers: Servers, variant: Variant) -> None:
    """There is no peer; packets need an address again, until the next connect."""
    other = servers.make("other", second_address=True)
    assert_associates(sock, with_port(server.address, 77))
    for _ in range(2):
        assert sock.connect(UNSPEC) == 0
        assert_not_connected(sock)
        assert sock.send(DATA) == EDESTADDRREQ
    assert server.socket.recv_now() == EAGAIN
    assert_delivered(sock, server, variant, server.address)
    assert_associates(sock, with_port(other.address, 78))
    assert_delivered(sock, other, variant)


@clause("connect.raw.unspec.name")
@cases({"unbound": False, "bound": True})
@variants(families=INTERNET, types=["raw"])
def test_name_of_the_dissolved(sock: Socket, server: Server, variant: Variant, case: bool) -> None:
    """The local address and the protocol are gone from the name, even if the address was bound."""
    if case:
        assert sock.bind(server.address) == 0
    assert sock.connect(with_port(server.address, 77)) == 0
    assert_peer(sock, with_port(server.address, 77))
    assert sock.connect(UNSPEC) == 0
    assert sock.getsockname() == internet(FAMILIES[variant.family], NULL[variant.family])


@clause("connect.raw.unspec.hears")
@waits(PATIENCE)
@variants(families=INTERNET, types=["raw"])
def test_dissolved_and_hearing(sock: Socket, server: Server, servers: Servers, variant: Variant) -> None:
    """A socket that has no peer any more hears everybody, like one that never had one."""
    other, skip = servers.make("other", second_address=True), HEADER[variant.family]
    assert sock.connect(other.address) == 0
    assert sock.connect(UNSPEC) == 0
    for each in (server, other):
        assert each.socket.send(b"anybody", to=server.address) == 0
        assert sock.recv(PATIENCE, skip=skip) == b"anybody"


@pytest.fixture
def refused(topology: Topology, variant: Variant) -> Address:
    """An address of the host at which nobody takes the protocol."""
    return internet(FAMILIES[variant.family], topology.server.second_address(FAMILIES[variant.family]))


@pytest.fixture
def witness(servers: Servers, new_socket: SocketMaker, variant: Variant) -> Socket:
    """A socket without a peer that is told of every error of what comes from the host's first address."""
    made = new_socket("witness")
    assert receive_errors(made, variant.family) == 0
    assert made.bind(servers.free_address()) == 0
    return made


def assert_refusal_once(sock: Socket, variant: Variant, ask: Callable[[], Outcome]) -> None:
    """A packet to the peer is refused: the call that asks next reports it, once."""
    assert sock.send(DATA) == 0
    assert sock.poll(DEADLINE, ask=()) == {POLLERR}
    assert ask() == REFUSAL[variant.family]
    assert sock.poll() == {POLLOUT}


@clause("connect.raw.errors")
@variants(families=INTERNET, types=["raw"])
def test_errors(sock: Socket, servers: Servers, refused: Address, witness: Socket, variant: Variant) -> None:
    """A socket with a peer reports once that nobody takes the protocol; one without does only if it asked for that."""
    assert sock.bind(servers.free_address()) == 0
    assert sock.send(DATA, to=refused) == 0
    assert witness.poll(DEADLINE, ask=()) == {POLLERR}
    assert sock.poll() == {POLLOUT}
    assert sock.so_error() == 0
    assert sock.connect(refused) == 0
    for ask in (sock.recv_now, sock.so_error):
        assert_refusal_once(sock, variant, ask)
    assert witness.so_error() == REFUSAL[variant.family]


@clause("connect.raw.errors.documented")
@variants(families=["inet"], types=["raw"])
def test_errors_as_raw_7_has_it(sock: Socket, servers: Servers, refused: Address, witness: Socket) -> None:
    """Of what the network reports a connected socket is told EMSGSIZE and EPROTO, and nothing else."""
    assert sock.bind(servers.free_address()) == 0
    assert sock.connect(refused) == 0
    assert sock.send(DATA) == 0
    assert witness.poll(DEADLINE, ask=()) == {POLLERR}
    assert sock.so_error() == 0

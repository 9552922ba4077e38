"""Ports of datagram sockets: used up, left behind by a failure, zero; and what is shut down, and the path's MTU."""

import socket
from errno import EADDRNOTAVAIL, EAFNOSUPPORT, EAGAIN, ECONNREFUSED, ENETUNREACH, ENOTCONN, EPIPE
from socket import IPPROTO_IP, IPPROTO_IPV6

from fixtures import (
    ALL,
    FAMILIES,
    INTERNET,
    POLLHUP,
    POLLIN,
    POLLOUT,
    POLLRDHUP,
    Address,
    Bytes,
    Outcome,
    Server,
    Servers,
    Socket,
    SocketMaker,
    Variant,
    assert_not_connected,
    assert_peer,
    assert_receives_from,
    assert_usable,
    cases,
    clause,
    internet,
    needs,
    port_of,
    topology,
    variants,
    with_port,
)
from netns import Topology
from suites.connect.names import NULL, UNROUTED, UNSPEC, loopback, null
from suites.connect.udp.refusals import be_refused

OTHER = {"inet": "inet6", "inet6": "inet"}
IP_MTU, IPV6_MTU = 14, 24  # See ip(7) and ipv6(7); Python knows neither.
LOOPBACK_MTU = {"inet": 65535, "inet6": 65536}


def failing(variant: Variant, error: int) -> Address:
    """An address to which connect() fails: no route leads there, or its family is unknown."""
    if error == EAFNOSUPPORT:
        return Bytes(b"\x4d\x4d".ljust(28, b"\0"))
    return internet(FAMILIES[variant.family], UNROUTED[variant.family], 9)


def assert_no_port_and_no_peer(sock: Socket) -> None:
    """The socket has no port, no peer, and holds no error."""
    assert port_of(sock.getsockname().value) == 0
    assert_not_connected(sock)


def assert_has_port_of_loopback(sock: Socket, variant: Variant) -> Address:
    """The socket's own address is loopback, with a port; returns the socket's name."""
    name: Address = sock.getsockname().value
    assert name == loopback(variant, port_of(name))
    assert port_of(name) != 0
    return name


def mtu(sock: Socket, variant: Variant) -> Outcome:
    """The MTU of the path to the peer: IP_MTU, or IPV6_MTU."""
    if variant.family == "inet6":
        return sock.getsockopt(IPPROTO_IPV6, IPV6_MTU, name="IPV6_MTU", level_name="IPPROTO_IPV6")
    return sock.getsockopt(IPPROTO_IP, IP_MTU, name="IP_MTU", level_name="IPPROTO_IP")


@clause("connect.udp.failed-connect-autobinds")
# No address that is too short: where a control group anywhere has a program for connect, that comes before the port.
@cases({"route": ENETUNREACH, "family": EAFNOSUPPORT})
@variants(families=["inet"], types=["dgram"], entries=ALL, lines=["route"])
@variants(families=["inet6"], types=["dgram"], modes=["nonblocking"], lines=["route"])
@variants(families=INTERNET, types=["dgram"], lines=["family"])
def test_port_of_a_failure(sock: Socket, server: Server, variant: Variant, case: int) -> None:
    """The socket is left with a port at which anybody reaches it, and with no peer; the next connect keeps the port."""
    assert sock.connect(failing(variant, case)) == case
    name = sock.getsockname().value
    assert port_of(name) != 0
    assert name == null(variant, port_of(name))
    assert_not_connected(sock)
    here = loopback(variant, port_of(name))
    assert server.socket.send(b"anybody", to=here) == 0
    assert sock.recv() == b"anybody"
    assert_usable(sock, server)
    assert sock.getsockname() == here


def exhaust(new_socket: SocketMaker, server: Server, topology: Topology) -> list[Socket]:
    """Let there be three ports, and connect three sockets."""
    topology.client.set_sysctl("net.ipv4.ip_local_port_range", "40000 40002")
    made = [new_socket(f"client{number}") for number in range(3)]
    for each in made:
        assert each.connect(server.address) == 0
    return made


@clause("connect.EADDRNOTAVAIL.ephemeral-exhausted.udp")
@variants(families=["inet"], types=["dgram"], entries=ALL)
@variants(families=["inet6"], types=["dgram"], modes=["nonblocking"])
def test_ports_used_up_as_the_page_has_it(
    sock: Socket, new_socket: SocketMaker, server: Server, topology: Topology
) -> None:
    """When every port of the range is taken the address is not available."""
    exhaust(new_socket, server, topology)
    assert sock.connect(server.address) == EADDRNOTAVAIL


@clause("connect.EAGAIN.ephemeral-exhausted.udp")
@cases({"dissolved": False, "closed": True})
@variants(families=["inet"], types=["dgram"], entries=ALL, lines=["dissolved"])
@variants(families=["inet6"], types=["dgram"], modes=["nonblocking"], lines=["dissolved"])
@variants(families=INTERNET, types=["dgram"], lines=["closed"])
def test_ports_used_up(
    sock: Socket, new_socket: SocketMaker, server: Server, servers: Servers, topology: Topology, case: bool
) -> None:
    """Each port is chosen once, whatever the peer; then there is none, until one is given back."""
    used = exhaust(new_socket, server, topology)
    names = [port_of(each.getsockname().value) for each in used]
    assert sorted(names) == [40000, 40001, 40002]
    for peer in (server, servers.make("other")):
        assert sock.connect(peer.address) == EAGAIN
    assert_no_port_and_no_peer(sock)
    assert (used[1].close() if case else used[1].connect(UNSPEC)) == 0
    assert_usable(sock, server)
    assert port_of(sock.getsockname().value) == names[1]
    assert new_socket("late").connect(server.address) == EAGAIN


@clause("connect.EAGAIN.ephemeral-exhausted.udp", case="reserved")
@needs("ip_local_reserved_ports")
@variants(families=INTERNET, types=["dgram"])
def test_reserved_ports(sock: Socket, new_socket: SocketMaker, server: Server, topology: Topology) -> None:
    """A reserved port is not chosen, whoever asks, and is as soon as it is reserved no more."""
    topology.client.set_sysctl("net.ipv4.ip_local_port_range", "40000 40001")
    topology.client.set_sysctl("net.ipv4.ip_local_reserved_ports", "40000")
    assert sock.connect(server.address) == 0
    assert port_of(sock.getsockname().value) == 40001
    late = new_socket("late")
    assert late.connect(server.address) == EAGAIN
    topology.client.set_sysctl("net.ipv4.ip_local_reserved_ports", "\n")
    assert late.connect(server.address) == 0
    assert port_of(late.getsockname().value) == 40000


@clause("connect.EAGAIN.ephemeral-exhausted.udp", case="families")
@needs("ipv6")
@variants(families=INTERNET, types=["dgram"])
def test_one_port_for_both_families(
    sock: Socket, new_socket: SocketMaker, server: Server, servers: Servers, topology: Topology, variant: Variant
) -> None:
    """What one family holds at the null address the other does not get; once it is let go it does."""
    topology.client.set_sysctl("net.ipv4.ip_local_port_range", "40000 40000")
    other = new_socket("other", family=OTHER[variant.family])
    far = servers.make("far", family=OTHER[variant.family])
    assert other.bind(internet(FAMILIES[OTHER[variant.family]], NULL[OTHER[variant.family]], 40000)) == 0
    assert sock.connect(server.address) == EAGAIN
    assert other.connect(far.address) == 0
    assert other.getpeername() == far.address
    assert other.close() == 0
    assert_usable(sock, server)


@clause("connect.udp.port0")
@variants(families=["inet"], types=["dgram"], entries=ALL)
@variants(families=["inet6"], types=["dgram"], modes=["nonblocking"])
def test_port_zero(sock: Socket, server: Server, servers: Servers, variant: Variant) -> None:
    """The peer has no name, yet the socket hears each port of that address and no other, and it sends."""
    stranger = servers.make("stranger", second_address=True)
    assert sock.connect(with_port(server.address, 0)) == 0
    assert sock.getpeername() == ENOTCONN
    name = assert_has_port_of_loopback(sock, variant)
    assert stranger.socket.send(b"stranger", to=name) == 0
    assert_receives_from(sock, name, server, servers.make("neighbour"))
    assert sock.recv_now() == EAGAIN
    be_refused(sock)
    assert sock.so_error() == ECONNREFUSED
    assert_usable(sock, server)


@clause("connect.udp.port0", case="associated")
@variants(families=INTERNET, types=["dgram"])
def test_port_zero_after_a_peer(sock: Socket, server: Server, servers: Servers) -> None:
    """The name of an earlier peer is gone, datagrams reach it no more, and its neighbours are heard."""
    assert sock.connect(server.address) == 0
    name = sock.getsockname().value
    assert sock.connect(with_port(server.address, 0)) == 0
    assert sock.getpeername() == ENOTCONN
    assert sock.getsockname() == name
    be_refused(sock)
    assert sock.recv_now() == ECONNREFUSED
    assert server.socket.recv_now() == EAGAIN
    assert servers.make("neighbour").socket.send(b"neighbour", to=name) == 0
    assert sock.recv() == b"neighbour"


@clause("connect.udp.IP_MTU")
@variants(families=["inet"], types=["dgram"], entries=ALL)
@variants(families=["inet6"], types=["dgram"], modes=["nonblocking"])
def test_mtu(sock: Socket, server: Server, variant: Variant) -> None:
    """It can be read while there is a peer, and neither before nor after."""
    for _ in range(2):
        before = mtu(sock, variant)
        assert sock.connect(server.address) == 0
        assert before == ENOTCONN
        assert mtu(sock, variant).value == LOOPBACK_MTU[variant.family]
        assert sock.connect(UNSPEC) == 0
    assert mtu(sock, variant) == ENOTCONN


@clause("connect.udp.IP_MTU", case="path")
@topology("pair")
@variants(families=INTERNET, types=["dgram"])
def test_mtu_of_the_path(sock: Socket, server: Server, variant: Variant) -> None:
    """It is that of the path to the peer of the moment."""
    here = loopback(variant, 9)
    for peer, size in ((server.address, 1500), (here, LOOPBACK_MTU[variant.family]), (server.address, 1500)):
        assert sock.connect(peer) == 0
        assert mtu(sock, variant).value == size


@clause("connect.udp.shutdown-then-connect")
@cases({"both": socket.SHUT_RDWR, "writing": socket.SHUT_WR, "reading": socket.SHUT_RD})
@variants(families=["inet"], types=["dgram"], entries=ALL, lines=["both"])
@variants(families=["inet6"], types=["dgram"], modes=["nonblocking"], lines=["both"])
@variants(families=INTERNET, types=["dgram"], lines=["writing", "reading"])
def test_shut_down(sock: Socket, server: Server, servers: Servers, case: int) -> None:
    """What was shut down stays so over another peer and over AF_UNSPEC; the other direction stays open."""
    other = servers.make("other")
    assert sock.connect(server.address) == 0
    assert sock.shutdown(case) == 0
    assert_shut(sock, other, case)
    assert sock.connect(UNSPEC) == 0
    assert sock.getpeername() == ENOTCONN
    assert_shut(sock, server, case)


@clause("connect.udp.shutdown-before-connect")
@cases({"both": socket.SHUT_RDWR, "writing": socket.SHUT_WR, "reading": socket.SHUT_RD})
@variants(families=INTERNET, types=["dgram"])
def test_shut_down_before(sock: Socket, server: Server, case: int) -> None:
    """shutdown() says that there is no peer, and yet holds for the peer that comes."""
    assert sock.shutdown(case) == ENOTCONN
    assert_shut(sock, server, case)


def assert_shut(sock: Socket, server: Server, how: int) -> None:
    """The socket connects, sends only if it is not shut down for that, and shows what it is shut down for."""
    ended = {POLLIN, POLLRDHUP}
    shown = {socket.SHUT_RD: ended, socket.SHUT_WR: set(), socket.SHUT_RDWR: ended | {POLLHUP}}
    assert sock.connect(server.address) == 0
    assert_peer(sock, server.address)
    assert sock.poll() == shown[how] | {POLLOUT}
    if how == socket.SHUT_RD:
        assert sock.send(b"still open") == 0
        assert server.socket.recv() == b"still open"
    else:
        assert sock.send(b"no more") == EPIPE
        assert server.socket.recv_now() == EAGAIN

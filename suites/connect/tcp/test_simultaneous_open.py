"""TCP connections without a listener: with oneself, and from both sides at once."""

import socket
from errno import EINPROGRESS, EISCONN

from fixtures import (
    ALL,
    FAMILIES,
    INTERNET,
    POLLOUT,
    Address,
    Servers,
    Socket,
    SocketMaker,
    Variant,
    assert_talk,
    clause,
    internet,
    topology,
    until,
    variants,
    waits,
    with_port,
)
from netns import Topology
from suites.connect.names import NULL
from suites.connect.states import state_of


def assert_own_peer(sock: Socket, here: Address) -> None:
    """The socket is connected with itself: what it sends comes back to it, and so does the end."""
    assert sock.tcp_state() == "ESTABLISHED"
    assert sock.getsockname() == here
    assert sock.getpeername() == here
    assert sock.poll() == {POLLOUT}
    assert sock.so_error() == 0
    assert sock.send(b"hello") == 0
    assert sock.recv() == b"hello"
    assert sock.shutdown(socket.SHUT_WR) == 0
    assert sock.recv() == b""


@clause("connect.tcp.self-connect")
@variants(families=INTERNET, entries=ALL)
@variants(families=INTERNET, modes=["nonblocking"])
@variants(families=["mapped"])
def test_self_connect(sock: Socket, servers: Servers) -> None:
    """A socket that is bound connects to its own address."""
    here = servers.free_address()
    assert sock.bind(here) == 0
    assert sock.connect_and_wait(here) == 0
    assert_own_peer(sock, here)


@clause("connect.tcp.self-connect", case="wildcard")
@variants(families=INTERNET)
def test_self_connect_from_the_wildcard(sock: Socket, servers: Servers, variant: Variant) -> None:
    """So does one that is bound to the wildcard; afterwards it is connected like any other."""
    here = servers.free_address()
    assert sock.bind(internet(FAMILIES[variant.family], NULL[variant.family], 7001)) == 0
    assert sock.connect(here) == 0
    assert sock.connect(here) == EISCONN
    assert_own_peer(sock, here)


@clause("connect.tcp.self-connect", case="by-chance")
@variants(families=INTERNET)
def test_self_connect_by_chance(sock: Socket, servers: Servers, topology: Topology) -> None:
    """A socket that is given the very port that it connects to is connected with itself, too."""
    topology.client.set_sysctl("net.ipv4.ip_local_port_range", "40000 40000")
    here = with_port(servers.closed(), 40000)
    assert sock.connect(here) == 0
    assert_own_peer(sock, here)


class Crossing:
    """Two sockets on two hosts, each bound, each about to connect to the other."""

    def __init__(self, sock: Socket, new_socket: SocketMaker, topology: Topology, variant: Variant) -> None:
        family = FAMILIES[variant.family]
        self.topology = topology
        self.one, self.other = sock, new_socket("other", host=topology.server)
        self.here = internet(family, topology.client.address(family), 5555)
        self.there = internet(family, topology.server.address(family), 6666)
        assert self.one.bind(self.here) == 0
        assert self.other.bind(self.there) == 0

    def lose_first(self) -> None:
        """Let what the first socket sends get lost."""
        self.topology.client.add_wrong_neighbour("to-server", self.there.host)

    def lose_second(self) -> None:
        """Let what the second socket sends get lost."""
        self.topology.server.add_wrong_neighbour("to-client", self.here.host)

    def find_first(self) -> None:
        """Let it arrive again."""
        self.topology.client.delete_neighbour("to-server", self.there.host)

    def find_second(self) -> None:
        """Let it arrive again."""
        self.topology.server.delete_neighbour("to-client", self.here.host)

    def assert_one_connection(self) -> None:
        """Each is the other's peer, and neither holds an error."""
        assert self.one.getpeername() == self.there
        assert self.other.getpeername() == self.here
        assert self.one.getsockname() == self.here
        assert self.other.getsockname() == self.there
        assert self.one.poll() == {POLLOUT}
        assert self.one.so_error() == 0
        assert self.other.so_error() == 0
        until(lambda: "ESTABLISHED" in {state_of(self.one)} & {state_of(self.other)}, "both are established")
        assert_talk(self.one, self.other)


@clause("connect.tcp.simultaneous-open")
@topology("pair")
@variants(families=INTERNET, entries=ALL)
def test_simultaneous_open(sock: Socket, new_socket: SocketMaker, topology: Topology, variant: Variant) -> None:
    """The first SYN is lost, the second crosses it: both calls succeed."""
    pair = Crossing(sock, new_socket, topology, variant)
    pair.lose_first()
    waiting = pair.one.start_connect(pair.there)
    until(lambda: state_of(pair.one) == "SYN_SENT", "the first socket is in SYN_SENT")
    pair.find_first()
    assert pair.other.connect(pair.here) == 0
    assert waiting.result() == 0
    pair.assert_one_connection()


@clause("connect.tcp.simultaneous-open", case="background")
@topology("pair")
@variants(families=INTERNET, modes=["nonblocking"])
def test_simultaneous_open_in_the_background(
    sock: Socket, new_socket: SocketMaker, topology: Topology, variant: Variant
) -> None:
    """The same in the background."""
    pair = Crossing(sock, new_socket, topology, variant)
    pair.lose_first()
    assert pair.one.connect(pair.there) == EINPROGRESS
    assert pair.one.poll() == set()
    pair.find_first()
    assert pair.other.connect(pair.here) == EINPROGRESS
    pair.one.wait_writable()
    pair.other.wait_writable()
    pair.assert_one_connection()


@clause("connect.tcp.simultaneous-open", case="both-lost")
@waits(1)
@topology("pair")
@variants(families=INTERNET, modes=["nonblocking"])
def test_retransmissions_meet(sock: Socket, new_socket: SocketMaker, topology: Topology, variant: Variant) -> None:
    """Both SYNs are lost, and the next ones meet."""
    pair = Crossing(sock, new_socket, topology, variant)
    pair.lose_first()
    pair.lose_second()
    assert pair.one.connect(pair.there) == EINPROGRESS
    assert pair.other.connect(pair.here) == EINPROGRESS
    pair.find_first()
    pair.find_second()
    pair.one.wait_writable()
    pair.other.wait_writable()
    pair.assert_one_connection()

"""What a listener has of a connection that nobody has accepted yet."""

import select
from errno import EAGAIN, ECONNREFUSED, EINPROGRESS

from fixtures import (
    ALL,
    INTERNET,
    POLLIN,
    Server,
    Servers,
    Socket,
    SocketMaker,
    Variant,
    assert_connected,
    assert_no_connection,
    assert_talk,
    clause,
    needs,
    topology,
    variants,
)
from netns import Topology
from suites.connect.sleeping_poll import SleepingPoll


def assert_established_and_sends(client: Socket) -> None:
    """The client's connection is established, and the client can send: its own label."""
    assert client.tcp_state() == "ESTABLISHED"
    assert client.send(client.label.encode()) == 0


def assert_accepted_in_order(server: Server, clients: list[Socket]) -> None:
    """The server accepts the clients in their order, and receives the label that each has sent."""
    for client in clients:
        accepted = server.accepted()
        assert accepted.getpeername() == client.getsockname().value
        assert accepted.recv() == client.label.encode()
        assert_talk(client, accepted)


def assert_not_ready(*sockets: Socket) -> None:
    """poll reports nothing of any of the sockets."""
    for each in sockets:
        assert each.poll() == set()


@clause("connect.tcp.completes-before-accept")
@variants(families=INTERNET, entries=ALL)
def test_nobody_accepts_yet(sock: Socket, new_socket: SocketMaker, server: Server) -> None:
    """Three clients connect and send while nobody accepts; they are accepted in their order, with what they sent."""
    clients = [sock, new_socket("second"), new_socket("third")]
    with select.epoll() as coming:
        coming.register(server.socket.fd, select.EPOLLIN | select.EPOLLET)
        for client in clients:
            assert client.connect_and_wait(server.address) == 0
            assert_established_and_sends(client)
            # A client is connected before the listener has its connection, and the order is that of the listener.
            assert coming.poll(10) == [(server.socket.fd, select.EPOLLIN)]
    assert_accepted_in_order(server, clients)
    assert_no_connection(server)


@clause("connect.tcp.completes-before-accept", case="closed")
@variants(families=INTERNET)
def test_closed_before_it_is_accepted(sock: Socket, server: Server) -> None:
    """A client that sends and closes before it is accepted is accepted all the same: its data, then the end."""
    assert sock.connect(server.address) == 0
    here = sock.getsockname().value
    assert sock.send(b"gone") == 0
    assert sock.close() == 0
    accepted = server.accepted()
    assert accepted.getpeername() == here
    assert accepted.recv() == b"gone"
    assert accepted.recv() == b""


@clause("connect.tcp.listener-readable")
@variants(families=INTERNET, entries=ALL)
@variants(families=INTERNET, modes=["nonblocking"])
def test_listener_is_readable(sock: Socket, new_socket: SocketMaker, servers: Servers, server: Server) -> None:
    """The listener is readable from the first connection until the last has been accepted; another one never is."""
    other, second, listener = servers.make("other"), new_socket("second"), server.socket
    assert_not_ready(other.socket, listener)
    assert sock.connect_and_wait(server.address) == 0
    assert listener.poll(10) == {POLLIN}
    assert second.connect_and_wait(server.address) == 0
    assert listener.poll() == {POLLIN}
    assert server.accepted().getpeername() == sock.getsockname().value
    assert listener.epoll(10) == {POLLIN}
    assert server.accepted().getpeername() == second.getsockname().value
    assert_not_ready(listener, other.socket)


@clause("connect.tcp.listener-readable", case="told")
@variants(families=INTERNET)
def test_listener_tells_who_waits(new_socket: SocketMaker, server: Server) -> None:
    """Who waits for the listener already is told of each connection when it comes, and of nothing in between."""
    listener = server.socket
    with select.epoll() as waiting:
        waiting.register(listener.fd, select.EPOLLIN | select.EPOLLET)
        assert waiting.poll(0) == []
        for client in (new_socket("first"), new_socket("second")):
            assert client.connect(server.address) == 0
            assert waiting.poll(10) == [(listener.fd, select.EPOLLIN)]
            assert waiting.poll(0) == []


@clause("connect.tcp.listener-readable", case="refused")
@variants(families=INTERNET)
def test_listener_hears_nothing_of_a_refusal(sock: Socket, server: Server, servers: Servers) -> None:
    """What connects to another port, and is refused, makes the listener not readable."""
    _ = server.address
    assert sock.connect(servers.closed()) == ECONNREFUSED
    assert server.socket.poll() == set()
    assert server.socket.select() == set()


@clause("connect.wakes-listener")
@variants(families=INTERNET)
@variants(families=["mapped"])
@variants(families=["unix"], types=["stream", "seqpacket"])
def test_wakes_who_waits(sock: Socket, server: Server) -> None:
    """A poll that sleeps on the listener wakes when somebody connects, and finds the connection."""
    _ = server.address
    readable = SleepingPoll(sock.calls, server.socket, select.POLLIN)
    assert sock.connect(server.address) == 0
    readable.assert_woken()
    assert_connected(sock, server)


@clause("connect.somaxconn")
@needs("somaxconn")
@topology("loopback")
@variants(families=INTERNET, modes=["nonblocking"])
@variants(families=["unix"], types=["stream", "seqpacket"], modes=["nonblocking"])
def test_limit_of_the_machine(
    sock: Socket, new_socket: SocketMaker, servers: Servers, variant: Variant, topology: Topology
) -> None:
    """However long a queue a listener asked for, it holds no more than somaxconn allows it: here one and one more."""
    topology.server.set_sysctl("net.core.somaxconn", 1)
    server = servers.make(backlog=50)
    for number in range(2):
        assert new_socket(f"client{number}").connect_and_wait(server.address) == 0
    if variant.family == "unix":
        assert sock.connect(server.address) == EAGAIN
    else:
        assert sock.connect(server.address) == EINPROGRESS
        assert sock.poll() == set()
        assert sock.tcp_state() == "SYN_SENT"

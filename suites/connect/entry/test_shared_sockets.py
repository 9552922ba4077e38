"""Sockets that two descriptors, two processes or two namespaces have to do with."""

from errno import ECONNREFUSED, EINPROGRESS, EISCONN, ENETUNREACH

from fixtures import (
    ALL,
    FAMILIES,
    INTERNET,
    Server,
    Servers,
    Socket,
    SocketMaker,
    Variant,
    assert_connected,
    assert_no_connection,
    assert_not_connected,
    clause,
    needs,
    topology,
    variants,
)
from fixtures.contexts import (
    in_a_child,
    in_namespace,
)
from netns import TOPOLOGIES, Namespace, Topology

LOOPBACK = {"inet": "127.0.0.1", "inet6": "::1"}


def duplicate(sock: Socket) -> Socket:
    """Another descriptor of the same open file description."""
    made = sock.calls.make("dup", sock.fd, finish=lambda fd: (fd, f"{fd}<duplicate>"))
    sock.calls.opened(made.value, "duplicate")
    return Socket(sock.calls, made.value, "duplicate", nonblocking=sock.nonblocking)


@clause("connect.tcp.dup-shares")
@variants(families=INTERNET, entries=ALL)
def test_duplicate(sock: Socket, server: Server, servers: Servers) -> None:
    """What a duplicate connected is connected, and stays so when the duplicate is closed."""
    other, twin = servers.make("other"), duplicate(sock)
    assert twin.connect(server.address) == 0
    assert sock.getpeername() == server.address
    assert sock.connect(other.address) == EISCONN
    assert twin.close() == 0
    assert_connected(sock, server)
    assert_no_connection(other)


@clause("connect.tcp.dup-shares", case="refused")
@variants(families=INTERNET, modes=["nonblocking"])
def test_error_of_a_duplicate(sock: Socket, servers: Servers) -> None:
    """The error of a duplicate's attempt is told once, to whoever asks first."""
    twin = duplicate(sock)
    assert twin.connect(servers.closed()) == EINPROGRESS
    sock.wait_writable()
    assert sock.so_error() == ECONNREFUSED
    assert twin.so_error() == 0
    assert_not_connected(twin)


@clause("connect.tcp.dup-shares", case="child")
@variants(families=INTERNET)
def test_connected_by_a_child(sock: Socket, server: Server) -> None:
    """A child process connects the socket and ends; the parent has it connected."""
    call = sock.connect_elsewhere(server.address, "in a child process")
    assert call.ended(in_a_child(lambda: sock.calls.entry.invoke("connect", *call.arguments)[1])) == 0
    assert sock.connect(server.address) == EISCONN
    assert_connected(sock, server)


@clause("connect.tcp.netns-of-socket")
@needs("second-namespace")
@topology("pair")
@variants(families=INTERNET, entries=ALL)
def test_caller_stands_elsewhere(sock: Socket, server: Server) -> None:
    """A caller in an empty namespace connects a socket of the client's."""
    with Namespace("empty") as empty, sock.context(in_namespace(empty)):
        assert sock.connect_and_wait(server.address) == 0
    assert_connected(sock, server)


@clause("connect.tcp.netns-of-socket", case="loopback")
@topology("pair")
@variants(families=INTERNET)
def test_loopback_of_the_socket(sock: Socket, servers: Servers, topology: Topology, variant: Variant) -> None:
    """Loopback is the socket's own, not the caller's: who listens there on the server is not reached from it."""
    family = FAMILIES[variant.family]
    for host in (topology.client, topology.server):
        host.addresses[family] = [LOOPBACK[variant.family]]
    server = servers.make("wrong")
    right = servers.make("right", host=topology.client)
    with sock.context(in_namespace(topology.server.namespace)):
        assert sock.connect(server.address) == ECONNREFUSED
        assert_no_connection(server)
        assert sock.connect(right.address) == 0
    assert_connected(sock, right)


@clause("connect.tcp.netns-of-socket", case="new")
@topology("pair")
@variants(families=INTERNET)
def test_socket_made_elsewhere(new_socket: SocketMaker, server: Server, topology: Topology) -> None:
    """A socket made in a namespace without links has no way to the server, wherever the caller stands."""
    with TOPOLOGIES["loopback"]() as alone:
        sock = new_socket(host=alone.client)
        with sock.context(in_namespace(topology.client.namespace)):
            assert sock.connect(server.address) == ENETUNREACH
    assert_not_connected(sock)
    assert_no_connection(server)

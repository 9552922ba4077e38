"""Local addresses and ports that are in use, or used up."""

import socket
from errno import EADDRINUSE, EADDRNOTAVAIL

from fixtures import (
    ALL,
    BOTH,
    INTERNET,
    Server,
    Servers,
    Socket,
    SocketMaker,
    Variant,
    address_of_host,
    assert_connected,
    assert_no_connection,
    assert_not_connected,
    assert_usable,
    clause,
    variants,
)
from netns import Topology


def share_a_port(first: Socket, second: Socket, topology: Topology, variant: Variant) -> None:
    """Bind both sockets to one address and port, which SO_REUSEADDR allows."""
    local = address_of_host(topology.client, variant.family, 5555)
    for each in (first, second):
        assert each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1, name="SO_REUSEADDR") == 0
        assert each.bind(local) == 0


@clause("connect.EADDRINUSE")
@variants(families=INTERNET, modes=BOTH, entries=ALL)
def test_address_in_use(
    sock: Socket, new_socket: SocketMaker, server: Server, topology: Topology, variant: Variant
) -> None:
    """The second connection with one four-tuple finds its address in use."""
    first = new_socket("first")
    share_a_port(first, sock, topology, variant)
    assert first.connect_and_wait(server.address) == 0
    assert sock.connect(server.address) == EADDRINUSE


@clause("connect.EADDRNOTAVAIL.tuple-in-use")
@variants(families=INTERNET, modes=BOTH, entries=ALL)
@variants(families=["mapped"])
def test_tuple_in_use(
    sock: Socket, new_socket: SocketMaker, server: Server, servers: Servers, topology: Topology, variant: Variant
) -> None:
    """Linux says that the address is not available; the first connection is unharmed, and another peer can be had."""
    first, other = new_socket("first"), servers.make("other")
    share_a_port(first, sock, topology, variant)
    assert first.connect_and_wait(server.address) == 0
    assert sock.connect(server.address) == EADDRNOTAVAIL
    assert_not_connected(sock)
    assert_connected(first, server)
    assert_no_connection(server)
    assert sock.connect_and_wait(other.address) == 0
    assert_connected(sock, other)


@clause("connect.EADDRNOTAVAIL.ephemeral-exhausted.tcp")
@variants(families=INTERNET, modes=BOTH, entries=ALL)
@variants(families=["mapped"])
def test_ports_used_up(new_socket: SocketMaker, server: Server, servers: Servers, topology: Topology) -> None:
    """When every port of the range is taken for a destination, the next connect to it finds none."""
    topology.client.set_sysctl("net.ipv4.ip_local_port_range", "40000 40001")
    first, second, third = new_socket("first"), new_socket("second"), new_socket("third")
    assert first.connect_and_wait(server.address) == 0
    assert second.connect_and_wait(server.address) == 0
    assert {each.getsockname().value.port for each in (first, second)} == {40000, 40001}
    assert third.connect(server.address) == EADDRNOTAVAIL
    assert third.getsockname().value.port == 0
    assert_not_connected(third)
    assert_usable(third, servers.make("other"))

"""What the tests of port choice share: a range of few ports, and ports that nobody gets."""

from errno import EADDRNOTAVAIL

from fixtures import (
    Address,
    Inet,
    Inet6,
    Server,
    Socket,
    SocketMaker,
    assert_no_connection,
    assert_not_connected,
)
from netns import Topology
from suites.connect.names import NULL


def let_choose(topology: Topology, low: int, high: int) -> None:
    """Let the client's host choose ports from low to high."""
    topology.client.set_sysctl("net.ipv4.ip_local_port_range", f"{low} {high}")


def assert_none_left(sock: Socket, server: Server) -> None:
    """Another connection to the server finds no port, is nowhere, and has no name."""
    assert sock.connect(server.address) == EADDRNOTAVAIL
    assert sock.getsockname().value in (Inet(NULL["inet"]), Inet6(NULL["inet6"]))
    assert_not_connected(sock)
    assert_no_connection(server)


def assert_port_is_bindable(port: Address, new_socket: SocketMaker) -> None:
    """Another socket can be bound to the port."""
    binder = new_socket("binder")
    assert binder.bind(port) == 0
    assert binder.close() == 0

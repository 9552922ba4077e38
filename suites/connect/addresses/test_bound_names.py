"""Local names that bind(2) gave before connect(2): what is kept, what is filled in; and peers that are any address."""

from errno import EADDRINUSE, ECONNREFUSED

from fixtures import (
    ALL,
    CALLS,
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
    port_of,
    topology,
    variants,
)
from netns import Topology
from suites.connect.names import UNSPEC, local, null


@clause("connect.tcp.explicit-bind-kept")
@variants(families=INTERNET, entries=ALL)
@variants(families=INTERNET, modes=["nonblocking"])
@variants(families=["mapped"])
def test_bound_socket(sock: Socket, server: Server, topology: Topology, variant: Variant) -> None:
    """A socket bound to the host's second address and a port connects from there."""
    here = local(topology.client, variant, 5555, second=True)
    assert sock.bind(here) == 0
    assert sock.connect_and_wait(server.address) == 0
    assert sock.getsockname() == here
    assert assert_connected(sock, server).getpeername() == here
    assert sock.getsockname() == here


@clause("connect.tcp.explicit-bind-kept", case="port-0")
@variants(families=INTERNET)
def test_bound_to_any_port(sock: Socket, server: Server, topology: Topology, variant: Variant) -> None:
    """The port that bind(2) chose is kept, too."""
    assert sock.bind(local(topology.client, variant, second=True)) == 0
    here = sock.getsockname().value
    assert port_of(here) != 0
    assert sock.connect(server.address) == 0
    assert sock.getsockname() == here
    assert assert_connected(sock, server).getpeername() == here


@clause("connect.tcp.explicit-bind-kept", case="refused")
@variants(families=INTERNET)
def test_bound_after_a_refusal(
    sock: Socket, new_socket: SocketMaker, server: Server, servers: Servers, topology: Topology, variant: Variant
) -> None:
    """After two refusals the address and port are still the socket's, and nobody else's until it is closed."""
    here, heir = local(topology.client, variant, 5555, second=True), new_socket("heir")
    assert sock.bind(here) == 0
    for _ in range(2):
        assert sock.connect_and_wait(servers.closed()) == ECONNREFUSED
        assert sock.getsockname() == here
        assert heir.bind(here) == EADDRINUSE
    assert sock.close() == 0
    assert heir.bind(here) == 0
    assert heir.connect_and_wait(server.address) == 0
    assert_connected(heir, server)


@clause("connect.tcp.wildcard-bind-specialised")
@variants(families=INTERNET, entries=ALL)
def test_wildcard(sock: Socket, server: Server, topology: Topology, variant: Variant) -> None:
    """The wildcard becomes the host's address."""
    assert sock.bind(null(variant, 5555)) == 0
    assert sock.connect_and_wait(server.address) == 0
    assert sock.getsockname() == local(topology.client, variant, 5555)
    assert_connected(sock, server)


@clause("connect.tcp.wildcard-bind-specialised", case="refused")
@variants(families=INTERNET, entries=CALLS)
def test_wildcard_after_a_refusal(
    sock: Socket, server: Server, servers: Servers, topology: Topology, variant: Variant
) -> None:
    """After a refusal the wildcard is there again, with the port, and a success then makes it specific."""
    assert sock.bind(null(variant, 5555)) == 0
    for _ in range(2):
        assert sock.connect(servers.closed()) == ECONNREFUSED
        assert sock.getsockname() == null(variant, 5555)
    assert sock.connect(server.address) == 0
    assert sock.getsockname() == local(topology.client, variant, 5555)
    assert_connected(sock, server)


@clause("connect.tcp.wildcard-bind-specialised", case="dissolved")
@variants(families=INTERNET)
def test_wildcard_comes_back(
    sock: Socket, new_socket: SocketMaker, server: Server, topology: Topology, variant: Variant
) -> None:
    """When the connection is dissolved the socket has the wildcard and the port again, and holds them."""
    assert sock.bind(null(variant, 5555)) == 0
    assert sock.connect(server.address) == 0
    assert_connected(sock, server)
    assert sock.connect(UNSPEC) == 0
    assert sock.getsockname() == null(variant, 5555)
    assert new_socket("one").bind(null(variant, 5555)) == EADDRINUSE
    assert new_socket("other").bind(local(topology.client, variant, 5555, second=True)) == EADDRINUSE


@clause("connect.tcp.any-address-is-loopback")
@variants(families=["inet"], entries=ALL)
def test_any_address(sock: Socket, server: Server, variant: Variant) -> None:
    """An unbound socket that connects to 0.0.0.0 reaches 127.0.0.1, and its peer is called so."""
    assert sock.connect_and_wait(null(variant, port_of(server.address))) == 0
    assert sock.getsockname().value.host == "127.0.0.1"
    assert_connected(sock, server)


@clause("connect.tcp.any-address-is-loopback", case="bound")
@variants(families=["inet"])
def test_any_address_from_a_bound_socket(sock: Socket, servers: Servers, topology: Topology, variant: Variant) -> None:
    """A socket bound to 127.0.0.2 reaches 127.0.0.2, and not who listens on the same port of 127.0.0.1."""
    there = servers.make("there", second_address=True, port=7001)
    here = servers.make("here", port=7001)
    _ = here.address
    assert sock.bind(local(topology.client, variant, second=True)) == 0
    assert sock.connect(null(variant, port_of(there.address))) == 0
    assert_connected(sock, there)
    assert_no_connection(here)


@clause("connect.tcp.any-address-is-loopback", case="link")
@topology("pair")
@variants(families=["inet"])
def test_any_address_stays_here(sock: Socket, server: Server, variant: Variant) -> None:
    """Where only another host listens, 0.0.0.0 is refused."""
    assert sock.connect(null(variant, port_of(server.address))) == ECONNREFUSED
    assert_not_connected(sock)
    assert_no_connection(server)


@clause("connect.tcp.any-address-is-loopback.v6")
@variants(families=["inet6"], entries=ALL)
def test_any_address_v6(sock: Socket, server: Server, variant: Variant) -> None:
    """An unbound socket that connects to :: reaches ::1, and its peer is called so."""
    assert sock.connect_and_wait(null(variant, port_of(server.address))) == 0
    assert sock.getsockname().value.host == "::1"
    assert_connected(sock, server)


@clause("connect.tcp.any-address-is-loopback.v6", case="bound")
@variants(families=["inet6"])
def test_any_address_v6_from_a_bound_socket(
    sock: Socket, servers: Servers, topology: Topology, variant: Variant
) -> None:
    """So does one that is bound to another address, and not who listens on the same port there."""
    here = servers.make("here", port=7001)
    there = servers.make("there", second_address=True, port=7001)
    _ = there.address
    assert sock.bind(local(topology.client, variant, second=True)) == 0
    assert sock.connect(null(variant, port_of(here.address))) == 0
    assert_connected(sock, here)
    assert_no_connection(there)


@clause("connect.tcp.any-address-is-loopback.v6", case="link")
@topology("pair")
@variants(families=["inet6"])
def test_any_address_v6_stays_here(sock: Socket, server: Server, variant: Variant) -> None:
    """Where only another host listens, :: is refused."""
    assert sock.connect(null(variant, port_of(server.address))) == ECONNREFUSED
    assert_not_connected(sock)
    assert_no_connection(server)

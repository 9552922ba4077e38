"""What a TCP connection is called at both ends: local addresses, peers, and whose descriptor and namespace count."""

import socket
from errno import EACCES, EADDRINUSE, ECONNREFUSED, EINPROGRESS, EINVAL, ENOTCONN

from fixtures import (
    ALL,
    BOTH,
    INTERNET,
    Inet6,
    Server,
    Servers,
    Socket,
    SocketMaker,
    Variant,
    assert_connected,
    cases,
    clause,
    needs,
    port_of,
    topology,
    variants,
    waits,
    with_port,
)
from fixtures.contexts import (
    ANOTHER_USER,
    WITHOUT_CAPABILITIES,
)
from netns import Topology
from suites.connect.names import UNSPEC, local, null


@clause("connect.tcp.success.ipv6")
@cases({"loopback": False, "global": True})
@variants(families=["inet6"], entries=ALL)
@variants(families=["inet6"], modes=["nonblocking"])
def test_ipv6(sock: Socket, servers: Servers, case: bool) -> None:
    """An IPv6 socket connects to ::1, and to a global address of its own host."""
    server = servers.make(second_address=case)
    assert sock.connect_and_wait(server.address) == 0
    assert sock.tcp_state() == "ESTABLISHED"
    here = sock.getsockname().value
    assert here == Inet6("2001:db8:1f::2" if case else "::1", port_of(here), 0, 0)
    assert_connected(sock, server)


@clause("connect.tcp.success.ipv6", case="link")
@topology("pair")
@variants(families=["inet6"], modes=BOTH)
def test_ipv6_across_a_link(sock: Socket, server: Server) -> None:
    """And to another host."""
    assert sock.connect_and_wait(server.address) == 0
    assert sock.getpeername() == Inet6("2001:db8:1::2", 7001, 0, 0)
    here = sock.getsockname().value
    assert here == Inet6("2001:db8:1::1", port_of(here), 0, 0)
    assert_connected(sock, server)


@clause("connect.tcp.getpeername-after")
@variants(families=INTERNET, entries=ALL)
@variants(families=INTERNET, modes=["nonblocking"])
def test_peer_name(sock: Socket, servers: Servers) -> None:
    """The peer is the address that was connected to: the second one of a host, and not its first."""
    server = servers.make(second_address=True)
    assert sock.connect_and_wait(server.address) == 0
    assert sock.getpeername() == server.address
    assert sock.getpeername() == server.address
    accepted = assert_connected(sock, server)
    assert accepted.shutdown(socket.SHUT_WR) == 0
    assert sock.recv() == b""
    assert sock.getpeername() == server.address


@clause("connect.tcp.getpeername-after", case="second-try")
@variants(families=INTERNET)
def test_peer_name_of_the_second_try(sock: Socket, servers: Servers, server: Server) -> None:
    """After a refusal and a success the peer is the one of the success, and nothing of the first is left."""
    assert sock.connect(servers.closed()) == ECONNREFUSED
    assert sock.getpeername() == ENOTCONN
    assert sock.connect(server.address) == 0
    assert_connected(sock, server)
    assert sock.connect(UNSPEC) == 0
    other = servers.make("other")
    assert sock.connect(other.address) == 0
    assert sock.getpeername() == other.address


@clause("connect.tcp.getpeername-unconnected")
@variants(families=INTERNET, entries=ALL)
def test_no_peer(sock: Socket, server: Server, servers: Servers, variant: Variant) -> None:
    """There is no peer before the first attempt, after one that was refused, and after the connection is dissolved."""
    assert sock.getpeername() == ENOTCONN
    assert sock.bind(null(variant)) == 0
    assert sock.getpeername() == ENOTCONN
    assert sock.connect(servers.closed()) == ECONNREFUSED
    assert sock.getpeername() == ENOTCONN
    assert sock.connect(server.address) == 0
    assert sock.getpeername() == server.address
    assert server.socket.getpeername() == ENOTCONN
    assert sock.connect(UNSPEC) == 0
    assert sock.getpeername() == ENOTCONN


@clause("connect.tcp.getpeername-unconnected", case="refused")
@variants(families=INTERNET, modes=["nonblocking"])
def test_no_peer_after_a_refusal_in_the_background(sock: Socket, servers: Servers) -> None:
    """Nor after a refusal in the background, before and after it has been told."""
    assert sock.connect(servers.closed()) == EINPROGRESS
    sock.wait_writable()
    assert sock.getpeername() == ENOTCONN
    assert sock.so_error() == ECONNREFUSED
    assert sock.getpeername() == ENOTCONN


@clause("connect.tcp.getpeername-unconnected", case="pending")
@waits(1)
@variants(families=INTERNET, modes=["nonblocking"])
def test_no_peer_while_pending(sock: Socket, servers: Servers, variant: Variant, topology: Topology) -> None:
    """Nor while the attempt goes on, although the local name is there by then; the peer has a name when it succeeds."""
    busy = servers.full()
    assert sock.connect(busy.address) == EINPROGRESS
    assert sock.tcp_state() == "SYN_SENT"
    assert sock.getpeername() == ENOTCONN
    here = sock.getsockname().value
    assert with_port(here, 0) == local(topology.client, variant)
    busy.make_room()
    sock.wait_writable()
    assert sock.getpeername() == busy.address
    assert sock.getsockname() == here


@clause("connect.tcp.implicit-bind")
@variants(families=INTERNET, entries=ALL)
@variants(families=INTERNET, modes=["nonblocking"])
@variants(families=["mapped"])
def test_implicit_bind(
    sock: Socket, new_socket: SocketMaker, server: Server, topology: Topology, variant: Variant
) -> None:
    """The socket has no name before, and afterwards one that nobody else can bind, nor itself change."""
    assert sock.getsockname() == null(variant)
    assert sock.connect_and_wait(server.address) == 0
    here = sock.getsockname().value
    assert here == local(topology.client, variant, port_of(here))
    assert port_of(here) != 0
    assert new_socket("intruder").bind(here) == EADDRINUSE
    assert sock.bind(null(variant, 5555)) == EINVAL
    assert_connected(sock, server)
    assert sock.getsockname() == here


@clause("connect.tcp.implicit-bind.any")
@variants(families=["inet"], entries=ALL)
@variants(families=["inet"], modes=["nonblocking"])
def test_implicit_bind_to_any(sock: Socket, server: Server, variant: Variant) -> None:
    """As ip(7) has it, the local address is the null address."""
    assert sock.connect_and_wait(server.address) == 0
    assert_connected(sock, server)
    assert with_port(sock.getsockname().value, 0) == null(variant)


def add_second_net(topology: Topology) -> None:
    """Give both ends of the link an address in a second net, of each family."""
    topology.client.add_address("to-server", "198.51.100.1", 24)
    topology.client.add_address("to-server", "2001:db8:2::1", 64)
    topology.server.add_address("to-client", "198.51.100.2", 24)
    topology.server.add_address("to-client", "2001:db8:2::2", 64)


@clause("connect.tcp.source-address-selection")
@topology("pair")
@variants(families=INTERNET, entries=ALL)
def test_source_of_a_second_net(sock: Socket, new_socket: SocketMaker, topology: Topology, servers: Servers) -> None:
    """Each of two nets on one link is reached from the address in it."""
    add_second_net(topology)
    near, far, other = servers.make("near"), servers.make("far", second_address=True), new_socket("other")
    assert sock.connect_and_wait(far.address) == 0
    assert other.connect_and_wait(near.address) == 0
    assert sock.getsockname().value.host in ("198.51.100.1", "2001:db8:2::1")
    assert other.getsockname().value.host in ("192.0.2.1", "2001:db8:1::1")
    assert_connected(sock, far)
    assert_connected(other, near)


@clause("connect.tcp.source-address-selection", case="preferred")
@topology("pair")
@variants(families=INTERNET)
def test_preferred_source(sock: Socket, server: Server, topology: Topology, variant: Variant) -> None:
    """A route that names a source has its way, and a route to another host does not."""
    six = variant.family == "inet6"
    topology.client.add_address("to-server", "2001:db8:1::11" if six else "192.0.2.11", 64 if six else 24)
    source, host = ("2001:db8:1::11", "2001:db8:1::2/128") if six else ("192.0.2.11", "192.0.2.2/32")
    topology.client.add_route_with_source(source, "to-server", host)
    assert sock.connect(server.address) == 0
    assert sock.getsockname().value.host == source
    assert_connected(sock, server)


@clause("connect.tcp.source-address-selection", case="itself")
@topology("pair")
@variants(families=INTERNET)
def test_source_for_an_address_of_its_own(sock: Socket, servers: Servers, topology: Topology, variant: Variant) -> None:
    """An address of the host itself is reached from that very address, and over no link."""
    server = servers.make(host=topology.client)
    assert sock.connect(server.address) == 0
    assert with_port(sock.getsockname().value, 0) == local(topology.client, variant)
    assert_connected(sock, server)


@clause("connect.tcp.source-address-selection", case="loopback")
@cases({"first": "127.0.0.1", "another": "127.9.9.9"})
@variants(families=["inet"])
def test_source_for_loopback(sock: Socket, servers: Servers, topology: Topology, case: str) -> None:
    """All of 127.0.0.0/8 is reached from 127.0.0.1."""
    topology.client.addresses[socket.AF_INET] = [case]
    server = servers.make()
    assert sock.connect(server.address) == 0
    assert sock.getsockname().value.host == "127.0.0.1"
    assert_connected(sock, server)


@clause("connect.tcp.low-port-no-privilege")
@needs("protected-ports")
@cases({"1": 1, "1023": 1023})
@variants(families=INTERNET, entries=ALL, lines=["1023"])
@variants(families=INTERNET, lines=["1"])
def test_low_port(sock: Socket, new_socket: SocketMaker, servers: Servers, case: int) -> None:
    """A thread without any capability may not bind a low port, and may connect to it."""
    server = servers.make(port=case)
    _ = server.address
    binder = new_socket("binder")
    with binder.context(WITHOUT_CAPABILITIES), sock.context(WITHOUT_CAPABILITIES):
        assert binder.bind(with_port(server.address, 80)) == EACCES
        assert sock.connect(server.address) == 0
    assert_connected(sock, server)


@clause("connect.tcp.low-port-no-privilege", case="another-user")
@needs("protected-ports")
@needs("second-uid")
@variants(families=INTERNET)
def test_low_port_as_another_user(sock: Socket, new_socket: SocketMaker, servers: Servers) -> None:
    """So may another user than root."""
    server = servers.make(port=80)
    _ = server.address
    binder = new_socket("binder")
    with binder.context(ANOTHER_USER), sock.context(ANOTHER_USER):
        assert binder.bind(with_port(server.address, 81)) == EACCES
        assert sock.connect_and_wait(server.address) == 0
    assert_connected(sock, server)

"""What a TCP connection is called at both ends: local addresses, peers, and whose descriptor and namespace count."""

import select
import socket
from errno import EACCES, EADDRINUSE, ECONNREFUSED, EINPROGRESS, EINVAL, EISCONN, ENETUNREACH, ENOTCONN

from fixtures import (
    ALL,
    BOTH,
    CALLS,
    INTERNET,
    POLLIN,
    Address,
    Bytes,
    Inet6,
    Server,
    Servers,
    Socket,
    SocketMaker,
    Variant,
    address_of_host,
    assert_connected,
    assert_no_connection,
    assert_not_connected,
    assert_talk,
    cases,
    clause,
    internet,
    needs,
    port_of,
    variants,
    waits,
    with_port,
    world,
)
from fixtures.sockets import FAMILIES
from fixtures.standing import StandingDoor, another_user, in_a_child, without_capabilities
from netns import WORLDS, Host, Namespace, World

NULL = {"inet": "0.0.0.0", "inet6": "::", "mapped": "::"}  # noqa: S104  The null address is what is tried here.
LOOPBACK = {"inet": "127.0.0.1", "inet6": "::1"}
UNSPEC = Bytes(bytes(16))


def null(variant: Variant, port: int = 0) -> Address:
    """The family's null address."""
    return internet(FAMILIES[variant.family], NULL[variant.family], port)


def local(host: Host, variant: Variant, port: int = 0, *, second: bool = False) -> Address:
    """An address of the host in the row's family."""
    return address_of_host(host, variant.family, port, second=second)


def duplicate(sock: Socket) -> Socket:
    """Another descriptor of the same open file description."""
    made = sock.calls.make("dup", sock.fd, finish=lambda fd: (fd, f"{fd}<duplicate>"), complete=lambda fd: fd >= 0)
    sock.calls.opened(made.value, "duplicate")
    return Socket(sock.calls, made.value, "duplicate", nonblocking=sock.nonblocking)


@clause("connect.tcp.success.ipv6")
@cases({"loopback": False, "global": True})
@variants(families=["inet6"], doors=ALL)
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
@world("pair")
@variants(families=["inet6"], modes=BOTH)
def test_ipv6_across_a_link(sock: Socket, server: Server) -> None:
    """And to another host."""
    assert sock.connect_and_wait(server.address) == 0
    assert sock.getpeername() == Inet6("2001:db8:1::2", 7001, 0, 0)
    assert sock.getsockname().value.host == "2001:db8:1::1"
    assert_connected(sock, server)


@clause("connect.tcp.completes-before-accept")
@variants(families=INTERNET, doors=ALL)
def test_nobody_accepts_yet(sock: Socket, new_socket: SocketMaker, server: Server) -> None:
    """Three clients connect and send while nobody accepts; they are accepted in their order, with what they sent."""
    clients = [sock, new_socket("second"), new_socket("third")]
    for client in clients:
        assert client.connect_and_wait(server.address) == 0
        assert client.tcp_state() == "ESTABLISHED"
        assert client.send(client.label.encode()) == 0
    for client in clients:
        accepted = server.accepted()
        assert accepted.getpeername() == client.getsockname().value
        assert accepted.recv() == client.label.encode()
        assert_talk(client, accepted)
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
@variants(families=INTERNET, doors=ALL)
@variants(families=INTERNET, modes=["nonblocking"])
def test_listener_is_readable(sock: Socket, new_socket: SocketMaker, servers: Servers, server: Server) -> None:
    """The listener is readable from the first connection until the last has been accepted; another one never is."""
    other, second, listener = servers.make("other"), new_socket("second"), server.socket
    assert other.socket.poll() == set()
    assert listener.poll() == set()
    assert sock.connect_and_wait(server.address) == 0
    assert second.connect_and_wait(server.address) == 0
    assert listener.poll(10) == {POLLIN}
    assert server.accepted().getpeername() == sock.getsockname().value
    assert listener.epoll(10) == {POLLIN}
    assert server.accepted().getpeername() == second.getsockname().value
    assert listener.poll() == set()
    assert other.socket.poll() == set()


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


@clause("connect.tcp.getpeername-after")
@variants(families=INTERNET, doors=ALL)
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
@variants(families=INTERNET, doors=ALL)
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
def test_no_peer_while_pending(sock: Socket, servers: Servers, variant: Variant, world: World) -> None:
    """Nor while the attempt goes on, although the local name is there by then; the peer has a name when it succeeds."""
    busy = servers.full()
    assert sock.connect(busy.address) == EINPROGRESS
    assert sock.tcp_state() == "SYN_SENT"
    assert sock.getpeername() == ENOTCONN
    here = sock.getsockname().value
    assert with_port(here, 0) == local(world.client, variant)
    busy.make_room()
    sock.wait_writable()
    assert sock.getpeername() == busy.address
    assert sock.getsockname() == here


@clause("connect.tcp.implicit-bind")
@variants(families=INTERNET, doors=ALL)
@variants(families=INTERNET, modes=["nonblocking"])
@variants(families=["mapped"])
def test_implicit_bind(sock: Socket, new_socket: SocketMaker, server: Server, world: World, variant: Variant) -> None:
    """The socket has no name before, and afterwards one that nobody else can bind, nor itself change."""
    assert sock.getsockname() == null(variant)
    assert sock.connect_and_wait(server.address) == 0
    here = sock.getsockname().value
    assert here == local(world.client, variant, port_of(here))
    assert port_of(here) != 0
    assert new_socket("intruder").bind(here) == EADDRINUSE
    assert sock.bind(null(variant, 5555)) == EINVAL
    assert_connected(sock, server)
    assert sock.getsockname() == here


@clause("connect.tcp.implicit-bind.any")
@variants(families=["inet"], doors=ALL)
@variants(families=["inet"], modes=["nonblocking"])
def test_implicit_bind_to_any(sock: Socket, server: Server, variant: Variant) -> None:
    """As ip(7) has it, the local address is the null address."""
    assert sock.connect_and_wait(server.address) == 0
    assert_connected(sock, server)
    assert with_port(sock.getsockname().value, 0) == null(variant)


@clause("connect.tcp.source-address-selection")
@world("pair")
@variants(families=INTERNET, doors=ALL)
def test_source_of_a_second_net(sock: Socket, new_socket: SocketMaker, world: World, servers: Servers) -> None:
    """Each of two nets on one link is reached from the address in it."""
    world.client.add_address("to-server", "198.51.100.1", 24)
    world.client.add_address("to-server", "2001:db8:2::1", 64)
    world.server.add_address("to-client", "198.51.100.2", 24)
    world.server.add_address("to-client", "2001:db8:2::2", 64)
    near, far, other = servers.make("near"), servers.make("far", second_address=True), new_socket("other")
    assert sock.connect_and_wait(far.address) == 0
    assert other.connect_and_wait(near.address) == 0
    assert sock.getsockname().value.host in ("198.51.100.1", "2001:db8:2::1")
    assert other.getsockname().value.host in ("192.0.2.1", "2001:db8:1::1")
    assert_connected(sock, far)
    assert_connected(other, near)


@clause("connect.tcp.source-address-selection", case="preferred")
@world("pair")
@variants(families=INTERNET)
def test_preferred_source(sock: Socket, server: Server, world: World, variant: Variant) -> None:
    """A route that names a source has its way, and a route to another host does not."""
    six = variant.family == "inet6"
    world.client.add_address("to-server", "2001:db8:1::11" if six else "192.0.2.11", 64 if six else 24)
    source, host = ("2001:db8:1::11", "2001:db8:1::2/128") if six else ("192.0.2.11", "192.0.2.2/32")
    world.client.prefer(source, "to-server", host)
    assert sock.connect(server.address) == 0
    assert sock.getsockname().value.host == source
    assert_connected(sock, server)


@clause("connect.tcp.source-address-selection", case="itself")
@world("pair")
@variants(families=INTERNET)
def test_source_for_an_address_of_its_own(sock: Socket, servers: Servers, world: World, variant: Variant) -> None:
    """An address of the host itself is reached from that very address, and over no link."""
    server = servers.make(host=world.client)
    assert sock.connect(server.address) == 0
    assert with_port(sock.getsockname().value, 0) == local(world.client, variant)
    assert_connected(sock, server)


@clause("connect.tcp.source-address-selection", case="loopback")
@cases({"first": "127.0.0.1", "another": "127.9.9.9"})
@variants(families=["inet"])
def test_source_for_loopback(sock: Socket, servers: Servers, world: World, case: str) -> None:
    """All of 127.0.0.0/8 is reached from 127.0.0.1."""
    world.client.addresses[socket.AF_INET] = [case]
    server = servers.make()
    assert sock.connect(server.address) == 0
    assert sock.getsockname().value.host == "127.0.0.1"
    assert_connected(sock, server)


@clause("connect.tcp.explicit-bind-kept")
@variants(families=INTERNET, doors=ALL)
@variants(families=INTERNET, modes=["nonblocking"])
@variants(families=["mapped"])
def test_bound_socket(sock: Socket, server: Server, world: World, variant: Variant) -> None:
    """A socket bound to the host's second address and a port connects from there."""
    here = local(world.client, variant, 5555, second=True)
    assert sock.bind(here) == 0
    assert sock.connect_and_wait(server.address) == 0
    assert sock.getsockname() == here
    assert assert_connected(sock, server).getpeername() == here
    assert sock.getsockname() == here


@clause("connect.tcp.explicit-bind-kept", case="port-0")
@variants(families=INTERNET)
def test_bound_to_any_port(sock: Socket, server: Server, world: World, variant: Variant) -> None:
    """The port that bind(2) chose is kept, too."""
    assert sock.bind(local(world.client, variant, second=True)) == 0
    here = sock.getsockname().value
    assert port_of(here) != 0
    assert sock.connect(server.address) == 0
    assert sock.getsockname() == here
    assert assert_connected(sock, server).getpeername() == here


@clause("connect.tcp.explicit-bind-kept", case="refused")
@variants(families=INTERNET)
def test_bound_after_a_refusal(
    sock: Socket, new_socket: SocketMaker, server: Server, servers: Servers, world: World, variant: Variant
) -> None:
    """After two refusals the address and port are still the socket's, and nobody else's until it is closed."""
    here, heir = local(world.client, variant, 5555, second=True), new_socket("heir")
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
@variants(families=INTERNET, doors=ALL)
def test_wildcard(sock: Socket, server: Server, world: World, variant: Variant) -> None:
    """The wildcard becomes the host's address."""
    assert sock.bind(null(variant, 5555)) == 0
    assert sock.connect_and_wait(server.address) == 0
    assert sock.getsockname() == local(world.client, variant, 5555)
    assert_connected(sock, server)


@clause("connect.tcp.wildcard-bind-specialised", case="refused")
@variants(families=INTERNET, doors=CALLS)
def test_wildcard_after_a_refusal(
    sock: Socket, server: Server, servers: Servers, world: World, variant: Variant
) -> None:
    """After a refusal the wildcard is there again, with the port, and a success then makes it specific."""
    assert sock.bind(null(variant, 5555)) == 0
    for _ in range(2):
        assert sock.connect(servers.closed()) == ECONNREFUSED
        assert sock.getsockname() == null(variant, 5555)
    assert sock.connect(server.address) == 0
    assert sock.getsockname() == local(world.client, variant, 5555)
    assert_connected(sock, server)


@clause("connect.tcp.wildcard-bind-specialised", case="dissolved")
@variants(families=INTERNET)
def test_wildcard_comes_back(
    sock: Socket, new_socket: SocketMaker, server: Server, world: World, variant: Variant
) -> None:
    """When the connection is dissolved the socket has the wildcard and the port again, and holds them."""
    assert sock.bind(null(variant, 5555)) == 0
    assert sock.connect(server.address) == 0
    assert_connected(sock, server)
    assert sock.connect(UNSPEC) == 0
    assert sock.getsockname() == null(variant, 5555)
    assert new_socket("one").bind(null(variant, 5555)) == EADDRINUSE
    assert new_socket("other").bind(local(world.client, variant, 5555, second=True)) == EADDRINUSE


@clause("connect.tcp.any-address-is-loopback")
@variants(families=["inet"], doors=ALL)
def test_any_address(sock: Socket, server: Server, variant: Variant) -> None:
    """An unbound socket that connects to 0.0.0.0 reaches 127.0.0.1, and its peer is called so."""
    assert sock.connect_and_wait(null(variant, port_of(server.address))) == 0
    assert sock.getsockname().value.host == "127.0.0.1"
    assert_connected(sock, server)


@clause("connect.tcp.any-address-is-loopback", case="bound")
@variants(families=["inet"])
def test_any_address_from_a_bound_socket(sock: Socket, servers: Servers, world: World, variant: Variant) -> None:
    """A socket bound to 127.0.0.2 reaches 127.0.0.2, and not who listens on the same port of 127.0.0.1."""
    there = servers.make("there", second_address=True, port=7001)
    here = servers.make("here", port=7001)
    _ = here.address
    assert sock.bind(local(world.client, variant, second=True)) == 0
    assert sock.connect(null(variant, port_of(there.address))) == 0
    assert_connected(sock, there)
    assert_no_connection(here)


@clause("connect.tcp.any-address-is-loopback", case="link")
@world("pair")
@variants(families=["inet"])
def test_any_address_stays_here(sock: Socket, server: Server, variant: Variant) -> None:
    """Where only another host listens, 0.0.0.0 is refused."""
    assert sock.connect(null(variant, port_of(server.address))) == ECONNREFUSED
    assert_not_connected(sock)
    assert_no_connection(server)


@clause("connect.tcp.any-address-is-loopback.v6")
@variants(families=["inet6"], doors=ALL)
def test_any_address_v6(sock: Socket, server: Server, variant: Variant) -> None:
    """An unbound socket that connects to :: reaches ::1, and its peer is called so."""
    assert sock.connect_and_wait(null(variant, port_of(server.address))) == 0
    assert sock.getsockname().value.host == "::1"
    assert_connected(sock, server)


@clause("connect.tcp.any-address-is-loopback.v6", case="bound")
@variants(families=["inet6"])
def test_any_address_v6_from_a_bound_socket(sock: Socket, servers: Servers, world: World, variant: Variant) -> None:
    """So does one that is bound to another address, and not who listens on the same port there."""
    here = servers.make("here", port=7001)
    there = servers.make("there", second_address=True, port=7001)
    _ = there.address
    assert sock.bind(local(world.client, variant, second=True)) == 0
    assert sock.connect(null(variant, port_of(here.address))) == 0
    assert_connected(sock, here)
    assert_no_connection(there)


@clause("connect.tcp.any-address-is-loopback.v6", case="link")
@world("pair")
@variants(families=["inet6"])
def test_any_address_v6_stays_here(sock: Socket, server: Server, variant: Variant) -> None:
    """Where only another host listens, :: is refused."""
    assert sock.connect(null(variant, port_of(server.address))) == ECONNREFUSED
    assert_not_connected(sock)
    assert_no_connection(server)


@clause("connect.tcp.low-port-no-privilege")
@cases({"1": 1, "1023": 1023})
@variants(families=INTERNET, doors=ALL, lines=["1023"])
@variants(families=INTERNET, lines=["1"])
def test_low_port(sock: Socket, new_socket: SocketMaker, servers: Servers, case: int) -> None:
    """A thread without any capability may not bind a low port, and may connect to it."""
    server = servers.make(port=case)
    _ = server.address
    sock.calls.door = StandingDoor(sock.calls.door, without_capabilities)
    assert new_socket("binder").bind(with_port(server.address, 80)) == EACCES
    assert sock.connect(server.address) == 0
    assert_connected(sock, server)


@clause("connect.tcp.low-port-no-privilege", case="another-user")
@needs("second-uid")
@variants(families=INTERNET)
def test_low_port_as_another_user(sock: Socket, new_socket: SocketMaker, servers: Servers) -> None:
    """So may another user than root."""
    server = servers.make(port=80)
    _ = server.address
    sock.calls.door = StandingDoor(sock.calls.door, another_user)
    assert new_socket("binder").bind(with_port(server.address, 81)) == EACCES
    assert sock.connect_and_wait(server.address) == 0
    assert_connected(sock, server)


@clause("connect.tcp.dup-shares")
@variants(families=INTERNET, doors=ALL)
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
    address = server.address.pack()
    place = sock.calls.door.place(address)
    door = sock.calls.door
    status = in_a_child(lambda: door.invoke("connect", sock.fd, place, len(address))[1])
    again = sock.connect(server.address)
    assert status == 0
    assert again == EISCONN
    assert_connected(sock, server)


@clause("connect.tcp.netns-of-socket")
@world("pair")
@variants(families=INTERNET, doors=ALL)
def test_caller_stands_elsewhere(sock: Socket, server: Server) -> None:
    """A caller in an empty namespace connects a socket of the client's."""
    with Namespace("empty") as empty:
        sock.calls.door = StandingDoor(sock.calls.door, empty.inside)
        assert sock.connect_and_wait(server.address) == 0
    assert_connected(sock, server)


@clause("connect.tcp.netns-of-socket", case="loopback")
@world("pair")
@variants(families=INTERNET)
def test_loopback_of_the_socket(sock: Socket, servers: Servers, world: World, variant: Variant) -> None:
    """Loopback is the socket's own, not the caller's: who listens there on the server is not reached from it."""
    family = FAMILIES[variant.family]
    for host in (world.client, world.server):
        host.addresses[family] = [LOOPBACK[variant.family]]
    server = servers.make("wrong")
    sock.calls.door = StandingDoor(sock.calls.door, world.server.namespace.inside, calls=("connect",))
    assert sock.connect(server.address) == ECONNREFUSED
    assert_no_connection(server)
    right = servers.make("right", host=world.client)
    assert sock.connect(right.address) == 0
    assert_connected(sock, right)


@clause("connect.tcp.netns-of-socket", case="new")
@world("pair")
@variants(families=INTERNET)
def test_socket_made_elsewhere(new_socket: SocketMaker, server: Server, world: World) -> None:
    """A socket made in a namespace without links has no way to the server, wherever the caller stands."""
    with WORLDS["loopback"]() as alone:
        sock = new_socket(host=alone.client)
        sock.calls.door = StandingDoor(sock.calls.door, world.client.namespace.inside)
        assert sock.connect(server.address) == ENETUNREACH
    assert_not_connected(sock)
    assert_no_connection(server)

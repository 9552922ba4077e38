"""IPv6 sockets that change between IPv6 addresses and mapped ones, and what becomes of their names."""

from errno import EAGAIN, ECONNRESET, EINPROGRESS, ENOTCONN

from fixtures import (
    ALL,
    BOTH,
    POLLOUT,
    Inet6,
    Peer,
    Server,
    Servers,
    Socket,
    address_of_host,
    assert_connected,
    assert_peer,
    assert_usable,
    cases,
    clause,
    port_of,
    topology,
    variants,
    waits,
    with_port,
)
from netns import Topology
from suites.connect.names import UNSPEC

MAPPED = "::ffff:127.0.0.1"
TYPES = ("stream", "dgram")
PATIENCE = 1.0  # Seconds to wait for a connection that the page has, and Linux does not make.


def end(sock: Socket, server: Server) -> None:
    """Connect to the server, and dissolve the connection."""
    assert sock.connect_and_wait(server.address) == 0
    assert_connected(sock, server)
    assert sock.connect(UNSPEC) == 0
    assert sock.so_error() == ECONNRESET
    assert sock.getsockname().value.host == "::"


@clause("connect.ipv6.v4mapped.tcp.dissolved", case="mapped-first")
@waits(PATIENCE)
@variants(families=["mapped"], modes=["nonblocking"])
def test_ipv6_after_a_connection(sock: Socket, server: Server, six: Server) -> None:
    """An IPv6 listener is reached after a mapped connection was dissolved."""
    end(sock, server)
    assert sock.connect(six.address) == EINPROGRESS
    assert sock.poll(PATIENCE, ask=(POLLOUT,)) == {POLLOUT}
    assert_connected(sock, six)


@clause("connect.ipv6.v4mapped.tcp.dissolved", case="syn")
@topology("scripted")
@variants(families=["mapped"], modes=["nonblocking"])
def test_syn_after_a_connection(sock: Socket, peer: Peer) -> None:
    """The SYN that follows a mapped connection goes to the IPv6 address that it is for."""
    assert sock.connect(peer.address) == EINPROGRESS
    peer.establishes(peer.hears("S"))
    sock.wait_writable()
    assert sock.connect(UNSPEC) == 0
    peer.hears("RA")
    assert sock.so_error() == ECONNRESET
    assert sock.connect(Inet6("2001:db8:1::2", 7001)) == EINPROGRESS
    assert peer.hears("S").destination == "2001:db8:1::2"


@clause("connect.ipv6.v4mapped.tcp.dissolved", case="ipv6-first")
@variants(families=["mapped"], modes=BOTH)
def test_mapped_after_a_connection(sock: Socket, server: Server, six: Server) -> None:
    """A mapped listener is reached after a connection over IPv6 was dissolved, and once more after that."""
    end(sock, six)
    end(sock, server)
    assert_usable(sock, server)


@clause("connect.ipv6.v4mapped.udp.after-ipv6")
@variants(families=["mapped"], types=["dgram"])
def test_names_after_an_ipv6_peer(sock: Socket, server: Server, six: Server) -> None:
    """Both names are mapped."""
    assert sock.connect(six.address) == 0
    assert sock.connect(server.address) == 0
    assert_peer(sock, server.address)
    assert sock.getsockname().value.host == MAPPED


def assert_usable_from_loopback(sock: Socket, six: Server) -> Inet6:
    """The socket connects to the server of IPv6, from ``::1``; returns its name."""
    assert_usable(sock, six)
    name: Inet6 = sock.getsockname().value
    assert name == Inet6("::1", port_of(name))
    return name


@clause("connect.ipv6.v4mapped.udp.former-name")
@variants(families=["mapped"], types=["dgram"], entries=ALL)
def test_former_name(sock: Socket, server: Server, six: Server) -> None:
    """The name of the first association stays while there is one; the peer sees IPv4, and cannot send to the socket."""
    for _ in range(2):
        name = assert_usable_from_loopback(sock, six)
        assert_usable(sock, server)
        assert sock.getsockname() == name
        assert server.socket.send(b"unheard", to=Inet6(MAPPED, port_of(name))) == 0
        assert sock.recv_now() == EAGAIN
    assert sock.connect(UNSPEC) == 0
    assert sock.connect(server.address) == 0
    assert server.socket.send(b"heard", to=sock.getsockname().value) == 0
    assert sock.recv() == b"heard"


@clause("connect.ipv6.v4mapped.udp.former-name", case="back")
@variants(families=["mapped"], types=["dgram"])
def test_back_to_ipv6(sock: Socket, server: Server, six: Server) -> None:
    """The IPv6 peer can be had again, and is heard by the old name; the mapped one is not."""
    for peer in (six, server, six):
        assert sock.connect(peer.address) == 0
        assert_peer(sock, peer.address)
    name = sock.getsockname().value
    assert name == Inet6("::1", port_of(name))
    assert server.socket.send(b"stranger", to=Inet6(MAPPED, port_of(name))) == 0
    assert six.socket.send(b"peer", to=name) == 0
    assert sock.recv() == b"peer"
    assert sock.recv_now() == EAGAIN


@clause("connect.ipv6.v4mapped.null-address")
@variants(families=["mapped"], types=TYPES, entries=ALL)
def test_null_address_of_a_bound_socket(sock: Socket, server: Server, servers: Servers, topology: Topology) -> None:
    """The null address of IPv6 is the loopback of IPv4, for a socket that is bound to any mapped address."""
    namesake = servers.make("namesake", second_address=True, port=port_of(server.address))
    here = address_of_host(topology.client, "mapped", 5555, second=True)
    assert namesake.socket.getsockname() == with_port(here, port_of(server.address))
    assert sock.bind(here) == 0
    assert sock.connect_and_wait(Inet6("::", port_of(server.address))) == 0
    assert sock.getsockname() == here
    assert_reaches(sock, server)


@clause("connect.ipv6.v4mapped.null-address", case="mapped")
@variants(families=["mapped"], types=TYPES)
def test_mapped_null_address(sock: Socket, server: Server) -> None:
    """The mapped null address is the loopback of IPv4 for a socket without a name, which then has one."""
    assert sock.connect_and_wait(Inet6("::ffff:0.0.0.0", port_of(server.address))) == 0
    name = sock.getsockname().value
    assert name == Inet6(MAPPED, port_of(name))
    assert_reaches(sock, server)


@clause("connect.ipv6.v4mapped.wildcard")
@cases({"ipv6": "::", "mapped": "::ffff:0.0.0.0"})
@variants(families=["mapped"], types=TYPES)
def test_bound_to_a_wildcard(sock: Socket, server: Server, case: str) -> None:
    """A socket that is bound to a port of either wildcard has that port of a mapped address, and is heard there."""
    assert sock.bind(Inet6(case, 5555)) == 0
    assert sock.connect_and_wait(server.address) == 0
    assert sock.getsockname() == Inet6(MAPPED, 5555)
    assert_reaches(sock, server)


@clause("connect.ipv6.v4mapped.scope-ignored")
@variants(families=["mapped"], types=TYPES)
def test_scope(sock: Socket, server: Server) -> None:
    """The scope id is not looked at, binds the socket to nothing, and is in neither name."""
    assert sock.connect_and_wait(Inet6(MAPPED, port_of(server.address), scope=1)) == 0
    assert_reaches(sock, server)
    assert sock.getsockname().value.scope == 0
    assert sock.connect(UNSPEC) == 0
    assert sock.getpeername() == ENOTCONN
    # Whether a connection leaves that behind is another clause; an association leaves nothing.
    assert sock.so_error() in ((ECONNRESET, 0) if server.kind == "stream" else (0,))
    assert sock.connect_and_wait(server.address) == 0
    assert_reaches(sock, server)


def assert_reaches(sock: Socket, server: Server) -> None:
    """The socket is connected to the server, by name and by data."""
    assert_peer(sock, server.address)
    if server.kind == "stream":
        assert_connected(sock, server)
    else:
        assert sock.send(b"hello") == 0
        assert server.socket.recv_from() == (b"hello", sock.getsockname().value)
        assert server.socket.send(b"answer", to=sock.getsockname().value) == 0
        assert sock.recv() == b"answer"

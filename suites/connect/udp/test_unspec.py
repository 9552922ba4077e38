"""AF_UNSPEC on datagram sockets: what becomes of the peer, the filter, the name, the port, and what was queued."""

import socket
from errno import EADDRINUSE, EAGAIN, ECONNRESET, EDESTADDRREQ, ENETUNREACH, ENOTCONN

from fixtures import (
    ALL,
    BOTH,
    DEADLINE,
    FAMILIES,
    INTERNET,
    POLLIN,
    POLLOUT,
    Address,
    Bytes,
    Server,
    Servers,
    Socket,
    SocketMaker,
    Variant,
    assert_associates,
    assert_not_connected,
    assert_peer,
    assert_receives_from,
    assert_usable,
    cases,
    clause,
    internet,
    port_of,
    variants,
    waits,
    with_port,
)
from netns import Topology
from suites.connect.names import NULL, UNROUTED, UNSPEC

PATIENCE = 0.5  # Seconds to wait for a datagram of which the page says that it comes, and Linux that it does not.


def assert_dissolved(sock: Socket) -> None:
    """The socket has no peer by any sign."""
    assert_not_connected(sock)
    assert sock.poll() == {POLLOUT}
    assert sock.send(b"to whom?") == EDESTADDRREQ


def assert_answers(sock: Socket, name: Address, *senders: Server) -> None:
    """The socket receives a datagram from each sender in turn, and its answer, with an address, arrives."""
    for each in senders:
        assert_receives_from(sock, name, each)
        assert sock.send(b"hello", to=each.address) == 0
        assert each.socket.recv_from() == (b"hello", name)


@clause("connect.UNSPEC.udp")
@variants(families=INTERNET, types=["dgram"], modes=BOTH, entries=ALL)
@variants(families=["mapped"], types=["dgram"])
def test_dissolved(sock: Socket, server: Server, servers: Servers) -> None:
    """There is no peer; the socket exchanges datagrams with anybody, as if it never had one; the next connect works."""
    name, neighbour = servers.free_address("name"), servers.make("neighbour")
    assert sock.bind(name) == 0
    assert_associates(sock, server.address)
    assert sock.connect(UNSPEC) == 0
    assert_dissolved(sock)
    assert server.socket.recv_now() == EAGAIN
    assert_answers(sock, name, neighbour, server)
    assert_usable(sock, server)
    assert neighbour.socket.send(b"stranger again", to=name) == 0
    assert sock.recv_now() == EAGAIN


@clause("connect.UNSPEC.udp.hears")
@waits(PATIENCE)
@variants(families=INTERNET, types=["dgram"], modes=BOTH)
@variants(families=["mapped"], types=["dgram"])
def test_everybody_is_heard(sock: Socket, server: Server, servers: Servers) -> None:
    """A datagram from another address than the former peer's is received."""
    name, stranger = servers.free_address("name"), servers.make("stranger", second_address=True)
    assert sock.bind(name) == 0
    assert sock.connect(server.address) == 0
    assert_peer(sock, server.address)
    assert sock.connect(UNSPEC) == 0
    assert sock.getpeername() == ENOTCONN
    assert stranger.socket.send(b"anybody", to=name) == 0
    assert sock.recv(PATIENCE) == b"anybody"
    assert server.socket.send(b"former peer", to=name) == 0
    assert sock.recv() == b"former peer"


@clause("connect.UNSPEC.udp", case="again")
@variants(families=INTERNET, types=["dgram"])
def test_dissolved_again_and_again(sock: Socket, server: Server, servers: Servers) -> None:
    """Unbound, three times in a row, each association is a new one, and each ends."""
    other = servers.make("other", second_address=True)
    for peer in (server, other, server):
        assert_usable(sock, peer)
        for _ in range(2):
            assert sock.connect(UNSPEC) == 0
            assert_dissolved(sock)
    assert other.socket.recv_now() == EAGAIN


@clause("connect.UNSPEC.udp", case="rest-is-ignored")
@variants(families=INTERNET, types=["dgram"])
def test_only_the_family_counts(sock: Socket, server: Server, servers: Servers) -> None:
    """An address behind AF_UNSPEC is not looked at: it becomes no peer."""
    other = servers.make("other")
    assert sock.connect(server.address) == 0
    assert_peer(sock, server.address)
    assert sock.connect(Bytes(bytes(2) + other.address.pack()[2:])) == 0
    assert_dissolved(sock)
    assert other.socket.recv_now() == EAGAIN
    assert_usable(sock, other)


@clause("connect.UNSPEC.inet6")
@cases({f"{size}-bytes": size for size in (2, 16, 28, 128)})
@variants(families=["inet6"], types=["stream", "dgram"], entries=ALL, lines=["2-bytes"])
@variants(families=["inet6"], types=["stream", "dgram"], modes=["nonblocking"], lines=["2-bytes"])
@variants(families=["inet6"], types=["stream", "dgram"], lines=["16-bytes", "28-bytes", "128-bytes"])
def test_unspec_for_inet6(sock: Socket, server: Server, servers: Servers, case: int) -> None:
    """AF_UNSPEC needs no more than its own two bytes, on a fresh socket and on a connected one."""
    other = servers.make("other")
    assert sock.connect(Bytes(bytes(case))) == 0
    assert sock.connect_and_wait(server.address) == 0
    assert sock.getpeername() == server.address
    assert sock.connect(Bytes(bytes(case))) == 0
    assert sock.getpeername() == ENOTCONN
    # Whether a connection leaves that behind is another clause; an association leaves nothing.
    assert sock.so_error() in ((ECONNRESET, 0) if server.kind == "stream" else (0,))
    assert_usable(sock, other)


def assert_takes_over(sock: Socket, name: Address, server: Server) -> None:
    """Connected to the server, the socket gets the name, and receives what the server sends to it."""
    assert sock.connect(server.address) == 0
    assert sock.getsockname() == name
    assert server.socket.send(b"for the other", to=name) == 0
    assert sock.recv() == b"for the other"


@clause("connect.UNSPEC.udp.name")
@variants(families=["inet"], types=["dgram"], entries=ALL)
@variants(families=["inet6"], types=["dgram"], modes=["nonblocking"])
@variants(families=["mapped"], types=["dgram"])
def test_chosen_name_goes(
    sock: Socket, new_socket: SocketMaker, server: Server, variant: Variant, topology: Topology
) -> None:
    """Address and port that connect chose are gone; another socket can have the port, and receives at it."""
    topology.client.set_sysctl("net.ipv4.ip_local_port_range", "40000 40000")
    other = new_socket("other")
    assert sock.connect(server.address) == 0
    name = sock.getsockname().value
    assert other.connect(server.address) == EAGAIN
    assert sock.connect(UNSPEC) == 0
    assert sock.getsockname() == internet(FAMILIES[variant.family], NULL[variant.family])
    assert_takes_over(other, name, server)
    assert sock.recv_now() == EAGAIN
    assert sock.connect(server.address) == EAGAIN


def bound(variant: Variant, servers: Servers) -> Address:
    """The name to bind, by what the row's case chooses in it: address and port, only one of them, or none."""
    here, null = servers.free_address("name"), internet(FAMILIES[variant.family], NULL[variant.family])
    names = {"both": here, "port": with_port(null, 5555), "address": with_port(here, 0), "none": null}
    return names[variant.case.rpartition(".")[2]]


def assert_no_peer_at(sock: Socket, name: Address) -> None:
    """The socket has no peer, and is bound to the name."""
    assert_not_connected(sock)
    assert sock.getsockname() == name


def assert_one_of_two_receives(receiver: Socket, other: Socket, name: Address, stranger: Server) -> None:
    """What a stranger sends to the name reaches the receiver, and not the other socket."""
    assert_receives_from(receiver, name, stranger)
    assert other.recv_now() == EAGAIN


@clause("connect.UNSPEC.udp.bound")
@cases({"both": True, "port": True, "address": False, "none": False})
@variants(families=["inet"], types=["dgram"], entries=ALL, lines=["port"])
@variants(families=["inet6"], types=["dgram"], modes=["nonblocking"], lines=["port"])
@variants(families=INTERNET, types=["dgram"], lines=["both", "address", "none"])
@variants(families=["mapped"], types=["dgram"], lines=["both"])
def test_bound_name(
    sock: Socket, new_socket: SocketMaker, server: Server, servers: Servers, variant: Variant, case: bool
) -> None:
    """The address and port that bind() was given come back, and a port that it picked is given back, twice."""
    name, rival = bound(variant, servers), new_socket("rival", nonblocking=True)
    assert sock.bind(name) == 0
    picked = sock.getsockname().value
    for _ in range(2):
        assert_associates(sock, server.address)
        assert sock.connect(UNSPEC) == 0
        assert_no_peer_at(sock, name)
    assert rival.bind(picked) == (EADDRINUSE if case else 0)
    receiver, other = (sock, rival) if case else (rival, sock)
    assert_one_of_two_receives(receiver, other, with_port(server.address, port_of(picked)), servers.make("stranger"))


@clause("connect.UNSPEC.udp.bound", case="everywhere")
@variants(families=INTERNET, types=["dgram"])
@variants(families=["mapped"], types=["dgram"])
def test_null_address_hears_everywhere_again(sock: Socket, server: Server, servers: Servers, variant: Variant) -> None:
    """A socket that was bound to the null address hears at every address of its host again."""
    there = with_port(servers.make("second", second_address=True).address, 5555)
    assert sock.bind(internet(FAMILIES[variant.family], NULL[variant.family], 5555)) == 0
    for _ in range(2):
        assert sock.connect(server.address) == 0
        assert server.socket.send(b"unheard", to=there) == 0
        assert sock.connect(UNSPEC) == 0
        for name in (with_port(server.address, 5555), there):
            assert server.socket.send(b"heard", to=name) == 0
            assert sock.recv() == b"heard"
        assert sock.recv_now() == EAGAIN


@clause("connect.UNSPEC.udp.unconnected")
@variants(families=["inet"], types=["dgram"], entries=ALL)
@variants(families=["inet6"], types=["dgram"], modes=["nonblocking"])
def test_nothing_to_dissolve(sock: Socket, server: Server, variant: Variant) -> None:
    """On a fresh socket it succeeds, twice, and changes nothing: no name, no peer."""
    for _ in range(2):
        assert sock.connect(UNSPEC) == 0
        assert sock.getsockname() == internet(FAMILIES[variant.family], NULL[variant.family])
    assert_dissolved(sock)
    assert_usable(sock, server)


@clause("connect.UNSPEC.udp.unconnected", case="bound")
@cases({"both": True, "port": True, "address": False, "none": False})
@variants(families=INTERNET, types=["dgram"])
def test_nothing_to_dissolve_but_a_name(
    sock: Socket, new_socket: SocketMaker, server: Server, servers: Servers, variant: Variant, case: bool
) -> None:
    """On a bound socket it keeps what bind was told by name, and gives back a port that bind picked."""
    name, rival = bound(variant, servers), new_socket("rival", nonblocking=True)
    assert sock.bind(name) == 0
    picked = sock.getsockname().value
    assert port_of(picked) != 0
    assert sock.connect(UNSPEC) == 0
    assert sock.getsockname() == name
    assert rival.bind(picked) == (EADDRINUSE if case else 0)
    assert_usable(sock, server)


@clause("connect.UNSPEC.udp.unconnected", case="sent")
@variants(families=INTERNET, types=["dgram"])
def test_port_of_a_send(sock: Socket, new_socket: SocketMaker, server: Server, variant: Variant) -> None:
    """A port that a send picked is given back, too."""
    rival, null = new_socket("rival"), internet(FAMILIES[variant.family], NULL[variant.family])
    assert sock.send(b"hello", to=server.address) == 0
    picked = port_of(sock.getsockname().value)
    assert picked != 0
    assert sock.connect(UNSPEC) == 0
    assert sock.getsockname() == null
    assert rival.bind(with_port(null, picked)) == 0


@clause("connect.UNSPEC.udp.device")
@variants(families=INTERNET, types=["dgram"])
def test_device(sock: Socket, server: Server) -> None:
    """A socket that was bound to a device is so no more; a connect to a peer had kept it."""
    assert sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo\0", name="SO_BINDTODEVICE") == 0
    assert sock.connect(server.address) == 0
    assert_peer(sock, server.address)
    assert device(sock) == "lo"
    assert sock.connect(UNSPEC) == 0
    assert device(sock) == ""
    assert_usable(sock, server)


def device(sock: Socket) -> str:
    """The name of the device that a socket is bound to."""
    read = sock.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, size=16, name="SO_BINDTODEVICE")
    assert read == 0
    value: int = read.value
    return value.to_bytes(16, "little").rstrip(b"\0").decode("ascii")


@clause("connect.UNSPEC.udp.queue")
@variants(families=INTERNET, types=["dgram"])
def test_queue(sock: Socket, server: Server, servers: Servers) -> None:
    """What the peer sent before is read after, and once."""
    name = servers.free_address("name")
    assert sock.bind(name) == 0
    assert sock.connect(server.address) == 0
    assert_peer(sock, server.address)
    assert server.socket.send(b"early", to=name) == 0
    assert sock.poll(DEADLINE, ask=(POLLIN,)) == {POLLIN}
    assert sock.connect(UNSPEC) == 0
    assert sock.getpeername() == ENOTCONN
    assert sock.recv() == b"early"
    assert sock.recv_now() == EAGAIN


def come_to_have_no_peer(sock: Socket, server: Server, servers: Servers, variant: Variant, case: str | None) -> None:
    """Bind the socket, let it fail to connect, or connect it and dissolve that; or leave it fresh."""
    if case == "name":
        assert sock.bind(servers.free_address("name")) == 0
    elif case == "route":
        assert sock.connect(internet(FAMILIES[variant.family], UNROUTED[variant.family], 9)) == ENETUNREACH
    elif case == "peer":
        assert_associates(sock, server.address)
        assert sock.connect(UNSPEC) == 0


@clause("connect.udp.EDESTADDRREQ")
@cases({"fresh": None, "bound": "name", "refused": "route", "dissolved": "peer"})
@variants(families=INTERNET, types=["dgram"])
def test_no_destination(sock: Socket, server: Server, servers: Servers, variant: Variant, case: str | None) -> None:
    """Without a peer, be it not yet, no more, or not at all, a datagram needs an address; with one it does not."""
    come_to_have_no_peer(sock, server, servers, variant, case)
    for _ in range(2):
        assert sock.send(b"to whom?") == EDESTADDRREQ
    assert server.socket.recv_now() == EAGAIN
    assert sock.send(b"with an address", to=server.address) == 0
    assert server.socket.recv() == b"with an address"
    assert_usable(sock, server)

"""AF_UNSPEC on TCP sockets in every state: what ends, what the other side sees, what name and error are left."""

from errno import (
    EADDRINUSE,
    EAGAIN,
    ECONNABORTED,
    ECONNREFUSED,
    ECONNRESET,
    EINPROGRESS,
    EINVAL,
    ENOTCONN,
    EPIPE,
)

from fixtures import (
    ALL,
    BOTH,
    CALLS,
    DEADLINE,
    FAMILIES,
    INTERNET,
    POLLHUP,
    POLLIN,
    POLLOUT,
    Bytes,
    Server,
    Servers,
    Socket,
    SocketMaker,
    Variant,
    assert_attempt_ends,
    assert_connected,
    assert_no_connection,
    assert_not_connected,
    assert_usable,
    cases,
    clause,
    internet,
    port_of,
    until,
    variants,
    waits,
)
from netns import Topology
from suites.connect.names import NULL, UNSPEC
from suites.connect.times import RETRANSMISSION

SIZES = {"2-bytes": Bytes(bytes(2)), "16-bytes": UNSPEC, "128-bytes": Bytes(bytes(128))}


@clause("connect.UNSPEC.tcp.connected")
@cases(SIZES)
@variants(families=INTERNET, modes=BOTH, entries=ALL)
def test_disconnected(sock: Socket, server: Server, case: Bytes) -> None:
    """The connection ends, the other side is reset, and the socket makes a new one."""
    assert sock.connect_and_wait(server.address) == 0
    accepted = assert_connected(sock, server)
    assert sock.connect(case) == 0
    assert sock.getpeername() == ENOTCONN
    assert sock.tcp_state() == "CLOSE"
    assert accepted.recv() == ECONNRESET
    assert accepted.recv_now() == b""
    assert accepted.send(b"anybody?") == EPIPE
    assert sock.so_error() == ECONNRESET
    assert_usable(sock, server)


def connect_and_leave_data(sock: Socket, server: Server) -> None:
    """Connect to the server, and let data arrive that nobody reads."""
    assert sock.connect(server.address) == 0
    accepted = assert_connected(sock, server)
    assert accepted.send(b"never read") == 0
    assert sock.poll(DEADLINE, ask=(POLLIN,)) == {POLLIN}


@clause("connect.UNSPEC.tcp.connected", case="again")
@variants(families=INTERNET)
def test_disconnected_again_and_again(sock: Socket, server: Server, servers: Servers) -> None:
    """Three times in a row, to two servers: each connection is a new one, and data of the old is gone."""
    other = servers.make("other")
    for peer in (server, other, server):
        connect_and_leave_data(sock, peer)
        assert sock.connect(UNSPEC) == 0
        assert sock.so_error() == ECONNRESET
        assert sock.recv_now() == ENOTCONN
    assert_no_connection(server)
    assert_no_connection(other)


@clause("connect.UNSPEC.tcp.so_error")
@variants(families=INTERNET, modes=BOTH, entries=ALL)
def test_error_of_a_disconnection(sock: Socket, server: Server) -> None:
    """SO_ERROR tells ECONNRESET, once."""
    assert sock.connect_and_wait(server.address) == 0
    assert sock.connect(UNSPEC) == 0
    assert sock.so_error() == ECONNRESET
    assert sock.so_error() == 0
    assert sock.poll() == {POLLOUT, POLLHUP}


@clause("connect.UNSPEC.tcp.unconnected")
@cases(SIZES)
@variants(families=INTERNET, modes=BOTH, entries=ALL)
def test_nothing_to_disconnect(sock: Socket, server: Server, case: Bytes) -> None:
    """On a fresh socket it succeeds, twice, and changes nothing."""
    assert sock.connect(case) == 0
    assert sock.connect(case) == 0
    assert_not_connected(sock)
    assert sock.getsockname().value.port == 0
    assert_usable(sock, server)


@clause("connect.UNSPEC.tcp.syn_sent")
@variants(families=INTERNET, modes=["nonblocking"], entries=CALLS)
@variants(families=["mapped"], modes=["nonblocking"])
def test_attempt_ended(sock: Socket, server: Server, servers: Servers) -> None:
    """An attempt ends, with its error, and a new one elsewhere succeeds."""
    busy = servers.full()
    assert sock.connect(busy.address) == EINPROGRESS
    assert sock.connect(UNSPEC) == 0
    assert sock.tcp_state() == "CLOSE"
    assert sock.so_error() == ECONNRESET
    assert sock.so_error() == 0
    assert_not_connected(sock)
    assert_usable(sock, server)
    busy.make_room()
    assert_no_connection(busy.server)


@clause("connect.UNSPEC.tcp.syn_sent", case="unread")
@variants(families=INTERNET, modes=["nonblocking"], entries=CALLS)
def test_attempt_ended_and_error_unread(sock: Socket, server: Server, servers: Servers) -> None:
    """A new attempt begins although nobody has read the error of the old one."""
    assert sock.connect(servers.full().address) == EINPROGRESS
    assert sock.tcp_state() == "SYN_SENT"
    assert sock.connect(UNSPEC) == 0
    assert sock.connect(server.address) == EINPROGRESS
    sock.wait_writable()
    assert sock.getpeername() == server.address
    assert sock.tcp_state() == "ESTABLISHED"


@clause("connect.UNSPEC.tcp.syn_sent", case="never-completes")
@waits(RETRANSMISSION)
@variants(families=INTERNET, modes=["nonblocking"])
def test_ended_attempt_never_completes(sock: Socket, servers: Servers, new_socket: SocketMaker) -> None:
    """When there is room again the ended attempt does not come back, where another one that waited does."""
    busy, other = servers.full(), new_socket("other")
    for each in (sock, other):
        assert each.connect(busy.address) == EINPROGRESS
        assert each.tcp_state() == "SYN_SENT"
    assert sock.connect(UNSPEC) == 0
    busy.make_room()
    assert_attempt_ends(other, 0)
    assert busy.server.accepted().getpeername() == other.getsockname().value
    assert_no_connection(busy.server)
    assert sock.getpeername() == ENOTCONN


@clause("connect.UNSPEC.tcp.listener")
@variants(families=INTERNET, modes=BOTH, entries=ALL)
def test_listening_ended(sock: Socket, server: Server, new_socket: SocketMaker) -> None:
    """The listener listens no more, resets who was queued, keeps its name, and may listen again."""
    listener, queued = server.socket, new_socket("queued", nonblocking=True)
    assert queued.connect_and_wait(server.address) == 0
    assert listener.connect(UNSPEC) == 0
    assert listener.tcp_state() == "CLOSE"
    assert listener.getsockname() == server.address
    assert listener.accept_now() == EINVAL
    assert queued.recv() == ECONNRESET
    assert new_socket("late", nonblocking=True).connect_and_wait(server.address) == ECONNREFUSED
    assert listener.listen() == 0
    assert_usable(sock, server)


@clause("connect.UNSPEC.tcp.connected", case="error")
@variants(families=INTERNET, modes=BOTH)
@variants(families=["mapped"])
def test_a_new_connection_has_no_old_error(sock: Socket, server: Server) -> None:
    """What the end of the old connection left for SO_ERROR is gone when there is a new one."""
    assert sock.connect_and_wait(server.address) == 0
    server.accepted()
    assert sock.connect(UNSPEC) == 0
    assert sock.connect_and_wait(server.address) == 0
    assert_connected(sock, server)


@clause("connect.UNSPEC.tcp.bound-name")
@variants(families=INTERNET, modes=BOTH)
@variants(families=["mapped"])
def test_bound_name_stays(sock: Socket, server: Server, servers: Servers, new_socket: SocketMaker) -> None:
    """A bound address and port stay, and nobody else gets them."""
    name, rival = servers.free_address("name"), new_socket("rival")
    assert sock.bind(name) == 0
    assert sock.connect_and_wait(server.address) == 0
    server.accepted()
    assert sock.connect(UNSPEC) == 0
    assert sock.getsockname() == name
    assert rival.bind(name) == EADDRINUSE
    assert sock.so_error() == ECONNRESET
    assert_usable(sock, server)
    assert sock.getsockname() == name


@clause("connect.UNSPEC.tcp.bound-name", case="wildcard")
@variants(families=INTERNET, modes=BOTH)
def test_wildcard_name_comes_back(
    sock: Socket, server: Server, servers: Servers, variant: Variant, topology: Topology
) -> None:
    """A socket that was bound to the wildcard has it again, with its port."""
    family = FAMILIES[variant.family]
    wildcard = internet(family, NULL[variant.family], port_of(servers.free_address()))
    assert sock.bind(wildcard) == 0
    assert sock.connect_and_wait(server.address) == 0
    assert sock.getsockname() == internet(family, topology.client.address(family), port_of(wildcard))
    assert sock.connect(UNSPEC) == 0
    assert sock.getsockname() == wildcard


@clause("connect.UNSPEC.tcp.bound-name", case="unbound")
@variants(families=INTERNET, modes=BOTH)
@variants(families=["mapped"])
def test_chosen_name_goes(sock: Socket, server: Server, variant: Variant, topology: Topology) -> None:
    """An address that connect chose goes, and its port with it: another socket may have it."""
    topology.client.set_sysctl("net.ipv4.ip_local_port_range", "40000 40000")
    assert sock.connect_and_wait(server.address) == 0
    assert port_of(sock.getsockname().value) == 40000
    assert sock.connect(UNSPEC) == 0
    assert sock.getsockname().value.host == NULL[variant.family]
    assert sock.so_error() == ECONNRESET
    server.accepted()
    assert_usable(sock, server)
    assert port_of(sock.getsockname().value) == 40000


@clause("connect.UNSPEC.tcp.blocked-thread")
@variants(families=INTERNET)
def test_blocked_thread_comes_back(sock: Socket, servers: Servers) -> None:
    """A thread that waits in connect comes back with an error when the socket is disconnected."""
    busy = servers.full()
    attempt = sock.start_connect(busy.address)
    until(lambda: sock.tcp_state() == "SYN_SENT", "the socket is in SYN_SENT")
    assert sock.connect(UNSPEC) == 0
    assert attempt.result() in (EPIPE, ECONNRESET, ECONNABORTED)
    assert sock.tcp_state() == "CLOSE"
    assert sock.getpeername() == ENOTCONN
    busy.make_room()
    assert busy.server.socket.accept_now() == EAGAIN

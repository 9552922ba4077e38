"""What a TCP socket's options, buffers and local address do to the connection that it makes later."""

import socket
from errno import EADDRNOTAVAIL, EAGAIN, ECONNREFUSED, ECONNRESET, EINPROGRESS, ENETUNREACH, ENOTCONN, EPIPE, ETIMEDOUT

from fixtures import (
    ALL,
    FAMILIES,
    INTERNET,
    Address,
    Inet,
    Inet6,
    Server,
    Servers,
    Socket,
    SocketMaker,
    Variant,
    assert_connected,
    assert_no_connection,
    assert_not_connected,
    cases,
    clause,
    internet,
    needs,
    topology,
    variants,
    waits,
)
from netns import Topology
from suites.connect.devices import bind_to_device
from suites.connect.names import UNSPEC

MAXSEG, INFO = socket.TCP_MAXSEG, socket.TCP_INFO
FREEBIND = {"inet": (socket.IPPROTO_IP, 15), "inet6": (socket.IPPROTO_IPV6, 78)}
TRANSPARENT = {"inet": (socket.IPPROTO_IP, 19), "inet6": (socket.IPPROTO_IPV6, 75)}
NOT_THERE: dict[str, Inet | Inet6] = {"inet": Inet("203.0.113.7", 5555), "inet6": Inet6("2001:db8:77::7", 5555)}


@clause("connect.tcp.reads-before-connect")
@variants(families=INTERNET, entries=ALL)
def test_receive_before_connecting(sock: Socket, server: Server) -> None:
    """There is nothing to receive before the first connection and after the last; in between there is."""
    assert sock.recv_now() == ENOTCONN
    assert sock.connect(server.address) == 0
    assert_connected(sock, server)
    assert sock.connect(UNSPEC) == 0
    assert sock.so_error() in (ECONNRESET, 0)  # Whether the end leaves that behind is another clause.
    assert sock.recv_now() == ENOTCONN


@clause("connect.tcp.writes-before-connect")
@variants(families=INTERNET)
def test_send_before_connecting(sock: Socket, server: Server) -> None:
    """Nothing can be sent before the socket is connected."""
    assert sock.connect(UNSPEC) == 0
    assert sock.send(b"early") == ENOTCONN
    assert sock.connect(server.address) == 0
    assert_connected(sock, server)


@clause("connect.tcp.writes-before-connect.EPIPE")
@variants(families=INTERNET)
def test_broken_pipe_before_connecting(sock: Socket, server: Server, servers: Servers) -> None:
    """What is not connected yet, or not any more, is a broken pipe, and not one for good."""
    assert sock.send(b"early") == EPIPE
    assert sock.connect(servers.closed()) == ECONNREFUSED
    assert sock.send(b"early") == EPIPE
    assert sock.connect(server.address) == 0
    assert_connected(sock, server)
    assert sock.connect(UNSPEC) == 0
    assert sock.so_error() in (ECONNRESET, 0)  # Whether the end leaves that behind is another clause.
    assert sock.send(b"late") == EPIPE


def scales(sock: Socket) -> tuple[int, int]:
    """The window scales of TCP_INFO: the one that the peer announced, and one's own."""
    both = sock.getsockopt(socket.IPPROTO_TCP, INFO, size=8, name="TCP_INFO", level_name="IPPROTO_TCP").value >> 48
    return both & 0xF, both >> 4 & 0xF


def receive_buffer(sock: Socket, size: int) -> None:
    """Set SO_RCVBUF."""
    assert sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size, name="SO_RCVBUF") == 0


@clause("connect.tcp.sockbuf-before-connect")
@variants(families=INTERNET, entries=ALL)
def test_receive_buffer(sock: Socket, new_socket: SocketMaker, server: Server, topology: Topology) -> None:
    """A small buffer means no window scale, if it is set before the connection; later it changes nothing."""
    topology.client.set_sysctl("net.ipv4.tcp_rmem", "4096 131072 6291456")
    late = new_socket("late")
    receive_buffer(sock, 2048)
    assert sock.connect(server.address) == 0
    assert late.connect(server.address) == 0
    receive_buffer(late, 2048)
    assert scales(sock)[1] == 0
    assert scales(late)[1] > 0
    assert scales(assert_connected(sock, server))[0] == 0
    assert scales(assert_connected(late, server))[0] == scales(late)[1]


def segment_of(sock: Socket) -> int:
    """TCP_MAXSEG."""
    value: int = sock.getsockopt(socket.IPPROTO_TCP, MAXSEG, name="TCP_MAXSEG", level_name="IPPROTO_TCP").value
    return value


def limit_segment(sock: Socket) -> None:
    """Set TCP_MAXSEG to 700."""
    assert sock.setsockopt(socket.IPPROTO_TCP, MAXSEG, 700, name="TCP_MAXSEG", level_name="IPPROTO_TCP") == 0


@clause("connect.tcp.maxseg-before-connect")
@needs("tcp_timestamps")
@cases({"plain": (0, 700), "timestamps": (1, 688)})
@variants(families=INTERNET, entries=ALL, lines=["plain"])
@variants(families=INTERNET, lines=["timestamps"])
def test_segment_size(
    sock: Socket, new_socket: SocketMaker, server: Server, topology: Topology, case: tuple[int, int]
) -> None:
    """Both ends keep to a segment size that was set before, and to none that was set later, or on another socket."""
    timestamps, size = case
    topology.client.set_sysctl("net.ipv4.tcp_timestamps", timestamps)
    other = new_socket("other")
    limit_segment(sock)
    assert sock.connect(server.address) == 0
    assert segment_of(assert_connected(sock, server)) == size
    assert segment_of(sock) == size
    assert other.connect(server.address) == 0
    limit_segment(other)
    assert segment_of(assert_connected(other, server)) > 10000


@clause("connect.tcp.SO_BINDTODEVICE")
@topology("pair")
@variants(families=INTERNET, entries=ALL)
def test_right_device(sock: Socket, server: Server) -> None:
    """A socket bound to the link connects over it."""
    bind_to_device(sock, b"to-server")
    assert sock.connect(server.address) == 0
    assert_connected(sock, server)


def server_elsewhere(servers: Servers, topology: Topology, *, loopback: bool) -> Server:
    """A server across the link, or one on the client's own host, at loopback."""
    if loopback:
        topology.server = topology.client
        topology.client.addresses.update({socket.AF_INET: ["127.0.0.1"], socket.AF_INET6: ["::1"]})
    return servers.make()


@clause("connect.tcp.SO_BINDTODEVICE", case="wrong")
@waits(0.5)
@topology("pair")
@cases({"lo": (b"lo", False), "link": (b"to-server", True)})
@variants(families=["inet"])
def test_wrong_device(sock: Socket, servers: Servers, topology: Topology, case: tuple[bytes, bool]) -> None:
    """Over a device that does not lead to the peer an attempt is in vain, and the peer hears nothing."""
    device, loopback = case
    server = server_elsewhere(servers, topology, loopback=loopback)
    _ = server.address
    bind_to_device(sock, device)
    assert sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 500, name="TCP_USER_TIMEOUT") == 0
    assert sock.connect(server.address) == ETIMEDOUT
    assert_not_connected(sock)
    assert_no_connection(server)


@clause("connect.tcp.SO_BINDTODEVICE", case="wrong")
@topology("pair")
@cases({"lo": (b"lo", False), "link": (b"to-server", True)})
@variants(families=["inet6"])
def test_wrong_device_v6(sock: Socket, servers: Servers, topology: Topology, case: tuple[bytes, bool]) -> None:
    """Over IPv6 there is no route then; bound to no device any more, the socket connects."""
    device, loopback = case
    server = server_elsewhere(servers, topology, loopback=loopback)
    bind_to_device(sock, device)
    assert sock.connect(server.address) == ENETUNREACH
    assert_not_connected(sock)
    assert_no_connection(server)
    bind_to_device(sock, b"")
    assert sock.connect(server.address) == 0
    assert_connected(sock, server)


@clause("connect.tcp.SO_BINDTODEVICE", case="down")
@topology("pair")
@variants(families=INTERNET)
def test_device_that_is_down(sock: Socket, servers: Servers, topology: Topology) -> None:
    """A device that is down leads nowhere, not even to the host itself."""
    server = servers.make(host=topology.client)
    _ = server.address
    topology.client.set_link_down("to-server")
    bind_to_device(sock, b"to-server")
    assert sock.connect(server.address) == ENETUNREACH
    assert_not_connected(sock)
    assert_no_connection(server)


@clause("connect.tcp.SO_DONTROUTE")
@topology("routed")
@variants(families=["inet"], entries=ALL)
@variants(families=["inet6"])
def test_no_gateway(sock: Socket, server: Server) -> None:
    """What is behind a gateway is out of reach, as long as the option is set."""
    assert sock.setsockopt(socket.SOL_SOCKET, socket.SO_DONTROUTE, 1, name="SO_DONTROUTE") == 0
    assert sock.connect(server.address) == ENETUNREACH
    assert_not_connected(sock)
    assert_no_connection(server)
    assert sock.setsockopt(socket.SOL_SOCKET, socket.SO_DONTROUTE, 0, name="SO_DONTROUTE") == 0
    assert sock.connect(server.address) == 0
    assert_connected(sock, server)


@clause("connect.tcp.SO_DONTROUTE", case="link")
@topology("routed")
@variants(families=INTERNET)
def test_no_gateway_needed(sock: Socket, servers: Servers, topology: Topology) -> None:
    """The gateway itself is on the link, and can be connected to."""
    gateway = servers.make(host=topology.host("router"))
    assert sock.setsockopt(socket.SOL_SOCKET, socket.SO_DONTROUTE, 1, name="SO_DONTROUTE") == 0
    assert sock.connect(gateway.address) == 0
    assert_connected(sock, gateway)


def bind_freely(sock: Socket, here: Address) -> None:
    """Bind the socket to an address that its host need not have: IP_FREEBIND."""
    assert sock.setsockopt(*FREEBIND["inet"], 1, name="IP_FREEBIND") == 0
    assert sock.bind(here) == 0


@clause("connect.tcp.freebind-then-connect")
@topology("pair")
@variants(families=["inet"], entries=ALL)
def test_address_that_is_not_there(sock: Socket, server: Server, topology: Topology) -> None:
    """From an address that is not there yet there is no route; when it is there, the socket connects from it."""
    here = NOT_THERE["inet"]
    assert sock.bind(here) == EADDRNOTAVAIL
    bind_freely(sock, here)
    assert sock.connect(server.address) == ENETUNREACH
    assert_not_connected(sock)
    assert sock.getsockname() == here
    topology.client.add_address("to-server", here.host, 32)
    topology.server.add_route(f"{here.host}/32", via="192.0.2.1")
    assert sock.connect(server.address) == 0
    assert assert_connected(sock, server).getpeername() == here


@clause("connect.tcp.freebind-then-connect", case="pending")
@waits(1)
@topology("pair")
@variants(families=["inet6"], modes=["nonblocking"])
def test_address_that_is_not_there_v6(sock: Socket, server: Server, topology: Topology) -> None:
    """Over IPv6 the attempt starts, and succeeds when the address is there."""
    here = NOT_THERE["inet6"]
    assert sock.setsockopt(*FREEBIND["inet6"], 1, name="IPV6_FREEBIND") == 0
    assert sock.bind(here) == 0
    assert sock.connect(server.address) == EINPROGRESS
    assert sock.tcp_state() == "SYN_SENT"
    # The way back first: once the address is there, the client asks for its neighbour from it.
    topology.server.add_route(f"{here.host}/128", via="2001:db8:1::1")
    topology.client.add_address("to-server", here.host, 128)
    sock.wait_writable()
    assert assert_connected(sock, server).getpeername() == here


@clause("connect.tcp.freebind-then-connect", case="transparent")
@topology("pair")
@variants(families=INTERNET, modes=["nonblocking"])
def test_transparent_socket(sock: Socket, server: Server, variant: Variant) -> None:
    """A transparent socket starts an attempt from an address that is another host's."""
    here = NOT_THERE[variant.family]
    assert sock.setsockopt(*TRANSPARENT[variant.family], 1, name="IP_TRANSPARENT") == 0
    assert sock.bind(here) == 0
    assert sock.connect(server.address) == EINPROGRESS
    assert sock.tcp_state() == "SYN_SENT"
    assert sock.getsockname() == here
    assert sock.recv_now() == EAGAIN


def bind_and_remove(sock: Socket, topology: Topology, variant: Variant) -> Inet | Inet6:
    """Bind the socket to an address, and take the address from the host; gives the address."""
    six = variant.family == "inet6"
    host, prefix = ("2001:db8:1::99", 64) if six else ("192.0.2.99", 24)
    topology.client.add_address("to-server", host, prefix)
    here = internet(FAMILIES[variant.family], host, 5555)
    assert sock.bind(here) == 0
    topology.client.delete_address("to-server", host, prefix)
    return here


@clause("connect.tcp.source-removed-after-bind")
@topology("pair")
@variants(families=["inet"])
@variants(families=["inet6"], modes=["nonblocking"])
def test_source_is_gone(sock: Socket, server: Server, topology: Topology, variant: Variant) -> None:
    """The source address is not local any more, and the socket is told so."""
    _ = bind_and_remove(sock, topology, variant)
    assert sock.connect(server.address) == EADDRNOTAVAIL


@clause("connect.ENETUNREACH.tcp.source-removed")
@topology("pair")
@variants(families=["inet"], entries=ALL)
def test_no_route_from_a_source_that_is_gone(
    sock: Socket, server: Server, topology: Topology, variant: Variant
) -> None:
    """There is no route, as often as it is tried, and one when the address is back; the socket keeps its name."""
    here = bind_and_remove(sock, topology, variant)
    assert sock.connect(server.address) == ENETUNREACH
    assert sock.connect(server.address) == ENETUNREACH
    assert_not_connected(sock)
    assert_no_connection(server)
    assert sock.getsockname() == here
    topology.client.add_address("to-server", here.host, 24)
    assert sock.connect(server.address) == 0
    assert assert_connected(sock, server).getpeername() == here

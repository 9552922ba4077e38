"""Connecting once more from an address whose last connection with the same peer is still in TIME_WAIT."""

import socket
from errno import EADDRINUSE, EADDRNOTAVAIL

from fixtures import (
    BOTH,
    CALLS,
    INTERNET,
    Address,
    Server,
    Servers,
    Socket,
    SocketMaker,
    Variant,
    assert_connected,
    assert_no_connection,
    assert_not_connected,
    assert_usable,
    cases,
    clause,
    needs,
    port_of,
    topology,
    until,
    variants,
    waits,
    with_port,
)
from netns import Topology
from suites.connect.names import local
from suites.connect.tcp.proc_net import states, until_state

A_WHILE = 2.1  # Seconds until a port may be reused at the latest: one, in whole seconds on older kernels.
PORT = 40000
TIMESTAMPS, REUSE, DELAY = (f"net.ipv4.tcp_{name}" for name in ("timestamps", "tw_reuse", "tw_reuse_delay"))


def bind_again(sock: Socket, name: Address) -> None:
    """Bind a socket to an address that may be in use by an old connection."""
    assert sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1, name="SO_REUSEADDR") == 0
    assert sock.bind(name) == 0


def leave_behind(sock: Socket, server: Server, topology: Topology, variant: Variant) -> None:
    """Connect, and close first: what stays is the address in TIME_WAIT."""
    assert sock.connect_and_wait(server.address) == 0
    name, accepted = sock.getsockname().value, assert_connected(sock, server)
    assert sock.close() == 0
    assert accepted.recv() == b""
    assert accepted.close() == 0
    until_state(topology.client, variant.family, name, "TIME_WAIT")
    port = port_of(server.address)
    until(lambda: states(topology.server, variant.family, port) == ["LISTEN"], "the server's side is gone")


def own_name(topology: Topology, variant: Variant) -> Address:
    """An address of the client's host, at the port of these tests."""
    return local(topology.client, variant, PORT)


@clause("connect.tcp.TIME_WAIT.bound")
@needs("tcp_tw_reuse")
@cases({"tw_reuse-0": 0, "tw_reuse-1": 1})
@variants(families=INTERNET, entries=CALLS, lines=["tw_reuse-0"])
@variants(families=INTERNET, modes=["nonblocking"], lines=["tw_reuse-1"])
def test_bound_again(
    sock: Socket, new_socket: SocketMaker, server: Server, topology: Topology, variant: Variant, case: int
) -> None:
    """It connects at once, a second and a third time."""
    topology.client.set_sysctl(REUSE, case)
    name = own_name(topology, variant)
    for number in range(2):
        old = new_socket(f"old{number}")
        bind_again(old, name)
        leave_behind(old, server, topology, variant)
    bind_again(sock, name)
    assert sock.connect_and_wait(server.address) == 0
    assert sock.getsockname() == name
    assert_connected(sock, server)


@clause("connect.tcp.TIME_WAIT.bound", case="no-timestamps")
@needs("tcp_tw_reuse")
@variants(families=INTERNET, modes=BOTH)
def test_bound_again_without_timestamps(
    sock: Socket, new_socket: SocketMaker, server: Server, servers: Servers, topology: Topology, variant: Variant
) -> None:
    """Without timestamps it does not, but connects elsewhere."""
    topology.client.set_sysctl(TIMESTAMPS, 0)
    old, name = new_socket("old"), own_name(topology, variant)
    bind_again(old, name)
    leave_behind(old, server, topology, variant)
    bind_again(sock, name)
    assert sock.connect(server.address) == EADDRNOTAVAIL
    assert_not_connected(sock)
    assert "TIME_WAIT" in states(topology.client, variant.family, PORT)
    assert_usable(sock, servers.make("other"))
    assert_no_connection(server)


@clause("connect.tcp.TIME_WAIT.bound.EADDRINUSE")
@needs("time-wait-shown")
@variants(families=INTERNET)
def test_not_bound_again(
    sock: Socket, new_socket: SocketMaker, server: Server, topology: Topology, variant: Variant
) -> None:
    """Without SO_REUSEADDR the address is in use, and the kernel chooses another."""
    old, name = new_socket("old"), own_name(topology, variant)
    assert old.bind(name) == 0
    leave_behind(old, server, topology, variant)
    assert sock.bind(name) == EADDRINUSE
    assert sock.connect(server.address) == 0
    here = sock.getsockname().value
    assert here == with_port(name, port_of(here))
    assert here != name
    assert_connected(sock, server)


def assert_unavailable(sock: Socket, server: Server) -> None:
    """The only port is still taken."""
    assert sock.connect(server.address) == EADDRNOTAVAIL
    assert port_of(sock.getsockname().value) == 0
    assert_not_connected(sock)
    assert_no_connection(server)


def leave_only_port(old: Socket, server: Server, topology: Topology, variant: Variant) -> None:
    """Leave the only port there is in TIME_WAIT, for some time."""
    topology.client.set_sysctl("net.ipv4.ip_local_port_range", f"{PORT} {PORT}")
    leave_behind(old, server, topology, variant)
    assert server.socket.poll(A_WHILE) == set()
    assert states(topology.client, variant.family, PORT) == ["TIME_WAIT"]


@clause("connect.tcp.TIME_WAIT.tw_reuse")
@needs("tcp_tw_reuse")
@waits(A_WHILE)
@cases({"1": {REUSE: 1}, "2": {REUSE: 2}, "default": {}})
@variants(families=INTERNET)
def test_reused_over_loopback(
    sock: Socket, new_socket: SocketMaker, server: Server, topology: Topology, variant: Variant, case: dict[str, int]
) -> None:
    """Over loopback 1 and 2 let the port be chosen again."""
    for name, value in case.items():
        topology.client.set_sysctl(name, value)
    leave_only_port(new_socket("old"), server, topology, variant)
    assert sock.connect(server.address) == 0
    assert port_of(sock.getsockname().value) == PORT
    assert_connected(sock, server)


@clause("connect.tcp.TIME_WAIT.tw_reuse", case="not")
@needs("tcp_tw_reuse")
@waits(A_WHILE)
@cases({"0": {REUSE: 0}, "no-timestamps": {REUSE: 1, TIMESTAMPS: 0}})
@variants(families=INTERNET)
def test_not_reused_over_loopback(
    sock: Socket, new_socket: SocketMaker, server: Server, topology: Topology, variant: Variant, case: dict[str, int]
) -> None:
    """With 0, or without timestamps, there is no port."""
    for name, value in case.items():
        topology.client.set_sysctl(name, value)
    leave_only_port(new_socket("old"), server, topology, variant)
    assert_unavailable(sock, server)


@clause("connect.tcp.TIME_WAIT.tw_reuse", case="remote")
@needs("tcp_tw_reuse")
@topology("pair")
@waits(A_WHILE)
@variants(families=INTERNET)
def test_reused_with_another_host(
    sock: Socket, new_socket: SocketMaker, server: Server, topology: Topology, variant: Variant
) -> None:
    """With another host 1 does so, and 2 does not."""
    leave_only_port(new_socket("old"), server, topology, variant)
    topology.client.set_sysctl(REUSE, 2)
    assert_unavailable(sock, server)
    topology.client.set_sysctl(REUSE, 1)
    assert sock.connect(server.address) == 0
    assert port_of(sock.getsockname().value) == PORT
    assert_connected(sock, server)


@clause("connect.tcp.TIME_WAIT.tw_reuse", case="delay")
@needs("tcp_tw_reuse_delay")
@waits(A_WHILE)
@variants(families=INTERNET)
def test_reused_after_a_delay(
    sock: Socket, new_socket: SocketMaker, server: Server, topology: Topology, variant: Variant
) -> None:
    """The port is not chosen before the delay is over."""
    topology.client.set_sysctl(REUSE, 1)
    topology.client.set_sysctl(DELAY, 60_000)
    leave_only_port(new_socket("old"), server, topology, variant)
    assert_unavailable(sock, server)
    topology.client.set_sysctl(DELAY, 1)
    assert sock.connect(server.address) == 0
    assert_connected(sock, server)


@clause("connect.tcp.TIME_WAIT.tw_reuse.default")
@needs("time-wait-shown")
@waits(A_WHILE)
@variants(families=INTERNET)
def test_reuse_is_off(
    sock: Socket, new_socket: SocketMaker, server: Server, topology: Topology, variant: Variant
) -> None:
    """Nobody has set anything: the port is not chosen again."""
    leave_only_port(new_socket("old"), server, topology, variant)
    assert sock.connect(server.address) == EADDRNOTAVAIL

"""BPF programs of a control group: they decide on the connects of the sockets that were made in it alone."""

import struct
from collections.abc import Iterator
from errno import EISCONN, EPERM, EPROTO

import pytest

from fixtures import (
    ALL,
    INTERNET,
    Bytes,
    Calls,
    Inet6,
    Server,
    Servers,
    Socket,
    SocketMaker,
    Variant,
    assert_connected,
    assert_no_connection,
    assert_not_connected,
    assert_peer,
    assert_usable,
    clause,
    needs,
    port_of,
    variants,
)
from fixtures.contexts import (
    CONNECT4,
    CONNECT6,
    DENY,
    UNIX_CONNECT,
    Cgroup,
    cgroup,
    deny_port,
    deny_with,
    redirect,
)
from netns import Topology

HOOKS = {"inet": CONNECT4, "inet6": CONNECT6, "unix": UNIX_CONNECT}
TRANSPORTS = ["stream", "dgram"]
STRANGE = Bytes(struct.pack("=H26x", 77))


@pytest.fixture
def group() -> Iterator[Cgroup]:
    """A control group of the row's own."""
    with cgroup() as made:
        yield made


@pytest.fixture
def hook(variant: Variant) -> int:
    """The hook at which the programs for the variant's family stand."""
    return HOOKS[variant.family]


@pytest.fixture
def grouped(group: Cgroup, calls: Calls, topology: Topology, variant: Variant) -> Socket:
    """A socket that was made in the group."""
    namespace = topology.client.namespace
    return group.make_socket(calls, namespace, variant.family, variant.type, nonblocking=variant.nonblocking)


@clause("connect.cgroup-bpf.EPERM")
@needs("cgroup-bpf")
@variants(families=INTERNET, entries=ALL)
@variants(families=INTERNET, modes=["nonblocking"])
@variants(families=INTERNET, types=["dgram"])
def test_denied(grouped: Socket, server: Server, group: Cgroup, hook: int, new_socket: SocketMaker) -> None:
    """A program that says no denies each attempt of the group's socket, until it is taken away; others are free."""
    program = group.attach(hook, DENY)
    assert grouped.connect(server.address) == EPERM
    assert grouped.connect(server.address) == EPERM
    assert_not_connected(grouped)
    assert_no_connection(server)
    assert_usable(new_socket("outside"), server)
    group.detach(program)
    assert_usable(grouped, server)


@clause("connect.cgroup-bpf.EPERM", case="port")
@needs("cgroup-bpf")
@variants(families=INTERNET, types=TRANSPORTS)
def test_one_port_denied(grouped: Socket, server: Server, servers: Servers, group: Cgroup, hook: int) -> None:
    """A program sees the address that the call was given, and may say no to one port alone."""
    other = servers.make("other")
    group.attach(hook, deny_port(port_of(server.address)))
    assert grouped.connect(server.address) == EPERM
    assert_usable(grouped, other)


@clause("connect.cgroup-bpf.EPERM", case="other-family")
@needs("cgroup-bpf")
@variants(families=INTERNET, types=TRANSPORTS)
def test_other_family_denied(grouped: Socket, server: Server, group: Cgroup, hook: int) -> None:
    """A program for the other family is not asked."""
    group.attach(CONNECT4 if hook == CONNECT6 else CONNECT6, DENY)
    assert_usable(grouped, server)


@clause("connect.cgroup-bpf.EPERM", case="mapped")
@needs("cgroup-bpf")
@variants(families=["inet6"], types=TRANSPORTS)
def test_mapped_address_denied(grouped: Socket, servers: Servers, group: Cgroup) -> None:
    """An IPv6 socket's program is asked for mapped addresses, too, and IPv4's is not."""
    server = servers.make(family="inet")
    mapped = Inet6("::ffff:127.0.0.1", port_of(server.address))
    program = group.attach(CONNECT6, DENY)
    assert grouped.connect(mapped) == EPERM
    group.detach(program)
    group.attach(CONNECT4, DENY)
    assert grouped.connect(mapped) == 0
    assert grouped.getpeername() == mapped


@clause("connect.cgroup-bpf.EPERM", case="inet-address")
@needs("cgroup-bpf")
@variants(families=["inet6"], types=["dgram"])
def test_inet_address_denied(grouped: Socket, servers: Servers, group: Cgroup) -> None:
    """An IPv6 datagram socket that is given an IPv4 address asks IPv4's program, and not its own."""
    server = servers.make(family="inet")
    program = group.attach(CONNECT4, DENY)
    assert grouped.connect(server.address) == EPERM
    assert_not_connected(grouped)
    group.detach(program)
    group.attach(CONNECT6, DENY)
    assert grouped.connect(server.address) == 0
    assert grouped.getpeername() == Inet6("::ffff:127.0.0.1", port_of(server.address))


@clause("connect.cgroup-bpf.EPERM", case="strange-family")
@needs("cgroup-bpf")
@variants(families=INTERNET, types=TRANSPORTS)
def test_strange_family_denied(grouped: Socket, group: Cgroup, hook: int) -> None:
    """The program is asked before the address's family is looked at."""
    group.attach(hook, DENY)
    assert grouped.connect(STRANGE) == EPERM
    assert_not_connected(grouped)


@clause("connect.cgroup-bpf.EPERM", case="unspecified")
@needs("cgroup-bpf")
@variants(families=INTERNET, types=TRANSPORTS)
def test_nothing_specified(grouped: Socket, server: Server, group: Cgroup, hook: int) -> None:
    """AF_UNSPEC does not connect, and no program is asked."""
    group.attach(hook, DENY)
    assert grouped.connect(Bytes(bytes(16))) == 0
    assert_not_connected(grouped)
    assert grouped.connect(server.address) == EPERM


@clause("connect.cgroup-bpf.EPERM", case="connected")
@needs("cgroup-bpf")
@variants(families=INTERNET)
def test_denied_when_connected(grouped: Socket, server: Server, group: Cgroup, hook: int) -> None:
    """A connected stream socket is told so, whatever a program would say, and stays connected."""
    assert grouped.connect_and_wait(server.address) == 0
    assert_connected(grouped, server)
    group.attach(hook, DENY)
    assert grouped.connect(server.address) == EISCONN
    assert grouped.getpeername() == server.address


@clause("connect.cgroup-bpf.EPERM", case="associated")
@needs("cgroup-bpf")
@variants(families=INTERNET, types=["dgram"])
def test_denied_when_associated(grouped: Socket, server: Server, servers: Servers, group: Cgroup, hook: int) -> None:
    """A denied attempt leaves a datagram socket's association as it was."""
    assert grouped.connect(server.address) == 0
    group.attach(hook, DENY)
    assert grouped.connect(servers.make("other").address) == EPERM
    assert_peer(grouped, server.address)
    assert grouped.send(b"still") == 0
    assert server.socket.recv() == b"still"


@clause("connect.cgroup-bpf.errno")
@needs("cgroup-bpf-retval")
@variants(families=INTERNET, types=TRANSPORTS)
def test_denied_with_an_errno(grouped: Socket, server: Server, group: Cgroup, hook: int) -> None:
    """A program that says no may choose the errno."""
    program = group.attach(hook, deny_with(EPROTO))
    assert grouped.connect(server.address) == EPROTO
    assert_not_connected(grouped)
    assert_no_connection(server)
    group.detach(program)
    assert_usable(grouped, server)


@clause("connect.cgroup-bpf.redirect")
@needs("cgroup-bpf")
@variants(families=INTERNET)
def test_redirected(grouped: Socket, server: Server, servers: Servers, group: Cgroup, hook: int) -> None:
    """A program may change where the call leads: the peer is the new one, and the caller's own bytes are as before."""
    group.attach(hook, redirect(port_of(server.address)))
    assert grouped.connect_and_wait(servers.closed()) == 0
    assert_connected(grouped, server)


@clause("connect.cgroup-bpf.redirect")
@needs("cgroup-bpf")
@variants(families=INTERNET, types=["dgram"])
def test_datagrams_redirected(grouped: Socket, server: Server, servers: Servers, group: Cgroup, hook: int) -> None:
    """The same for the association of a datagram socket."""
    group.attach(hook, redirect(port_of(server.address)))
    assert grouped.connect(servers.make("other").address) == 0
    assert_peer(grouped, server.address)
    assert grouped.send(b"hello") == 0
    assert server.socket.recv() == b"hello"


@clause("connect.cgroup-bpf.unix")
@needs("cgroup-bpf-unix")
@variants(families=["unix"], entries=ALL)
@variants(families=["unix"], types=["dgram", "seqpacket"])
@variants(families=["unix"], types=["stream", "dgram"], modes=["nonblocking"])
def test_unix_denied(grouped: Socket, server: Server, group: Cgroup, hook: int, new_socket: SocketMaker) -> None:
    """The program for UNIX sockets denies them, and those for the internet families do not."""
    program = group.attach(hook, DENY)
    assert grouped.connect(server.address) == EPERM
    assert_not_connected(grouped)
    assert_no_connection(server)
    assert_usable(new_socket("outside"), server)
    group.detach(program)
    group.attach(CONNECT4, DENY)
    assert_usable(grouped, server)

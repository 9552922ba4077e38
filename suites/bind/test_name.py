"""The name that bind gives a socket, and what it refuses."""

from collections.abc import Callable
from errno import EADDRINUSE, EBADF, EFAULT, EINVAL

import pytest

from fixtures import (
    INTERNET,
    Address,
    Memory,
    Outcome,
    Server,
    Servers,
    Socket,
    SocketMaker,
    assert_talk,
    cases,
    clause,
    variants,
)

FAMILIES = [*INTERNET, "unix"]
ENTRIES = ["syscall", "libc", "compat32", "socketcall"]


@pytest.fixture
def address(servers: Servers) -> Address:
    """An address that nobody has."""
    return servers.free_address()


@clause("bind.name")
@variants(families=FAMILIES, modes=["blocking", "nonblocking"], entries=ENTRIES)
def test_reached_by_the_name(sock: Socket, address: Address, new_socket: SocketMaker) -> None:
    """The socket has the name, and who connects to the name reaches it."""
    assert sock.bind(address) == 0
    assert sock.getsockname() == address
    assert sock.listen() == 0
    client = new_socket("client", nonblocking=True)
    assert client.connect_and_wait(address) == 0
    assert_talk(client, sock.accept())


@clause("bind.EINVAL.bound")
@variants(families=FAMILIES, types=["stream", "dgram"], entries=ENTRIES)
def test_bound_already(sock: Socket, servers: Servers) -> None:
    """A second name is refused, and so is the same one once more, which is also in use."""
    first, second = servers.free_address("first"), servers.free_address("second")
    assert sock.bind(first) == 0
    assert sock.bind(second) == EINVAL
    assert sock.bind(first) in (EINVAL, EADDRINUSE)
    assert sock.getsockname() == first


@clause("bind.EADDRINUSE")
@variants(families=FAMILIES, types=["stream", "dgram"], entries=ENTRIES)
def test_in_use(sock: Socket, server: Server, address: Address) -> None:
    """The name of a server is refused, and the socket can still be bound to another."""
    assert sock.bind(server.address) == EADDRINUSE
    assert sock.bind(address) == 0
    assert sock.getsockname() == address


@clause("bind.EFAULT")
@cases({"null": lambda _: 0, "unmapped": lambda _: 8, "prot-none": lambda memory: memory.edge})
@variants(families=INTERNET, types=["stream", "dgram"], entries=["syscall", "libc", "compat32"])
def test_bad_pointer(sock: Socket, address: Address, memory: Memory, case: Callable[[Memory], int]) -> None:
    """An address that is not there is a fault, and so is one whose last byte is not; a whole one is none."""
    data = address.pack()
    assert bind_raw(sock, case(memory), len(data)) == EFAULT
    assert bind_raw(sock, memory.ending_at_edge(data) + 1, len(data)) == EFAULT
    assert bind_raw(sock, memory.ending_at_edge(data), len(data)) == 0
    assert sock.getsockname() == address


@clause("bind.EBADF")
@cases({"closed": None, "negative": -1, "out-of-range": 2**20})
@variants(families=FAMILIES, entries=ENTRIES)
def test_no_descriptor(sock: Socket, address: Address, case: int | None) -> None:
    """A closed descriptor is refused, and a number that is none; the address stays free."""
    bad = sock if case is None else Socket(sock.calls, case, "nothing")
    if case is None:
        sock.close()
    assert bad.bind(address) == EBADF


def bind_raw(sock: Socket, pointer: int, length: int) -> Outcome:
    """bind(2) with any pointer."""
    return sock.calls.make("bind", sock.fd, pointer, length, shown=[sock.shown, hex(pointer), str(length)])

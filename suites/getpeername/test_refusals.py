"""What getpeername refuses: sockets without a peer, descriptors that are none, lengths and pointers."""

import os
from collections.abc import Callable, Iterator
from errno import EBADF, EFAULT, EINVAL, ENOTCONN, ENOTSOCK

import pytest

from fixtures import (
    INTERNET,
    Bytes,
    Memory,
    Server,
    Socket,
    cases,
    clause,
    variants,
)
from suites.getpeername.asking import UNTOUCHED, Asked, ask, before_edge, number_at_edge

FAMILIES = [*INTERNET, "unix"]
TYPES = ["stream", "dgram"]


@pytest.fixture
def pipe() -> Iterator[int]:
    """The reading end of a pipe."""
    ends = os.pipe()
    yield ends[0]
    for fd in ends:
        os.close(fd)


@clause("getpeername.ENOTCONN")
@variants(families=FAMILIES, types=TYPES)
@variants(families=["unix"], types=["seqpacket"])
def test_no_peer(sock: Socket, server: Server) -> None:
    """Neither a fresh socket has a peer nor one that waits for others; the same socket has one once it is connected."""
    asked = Asked(128)
    assert ask(sock, asked.name, asked.size) == ENOTCONN
    assert (asked.stored, asked.length) == (b"", 128)
    assert server.socket.getpeername() == ENOTCONN
    assert sock.connect_and_wait(server.address) == 0
    assert sock.getpeername() == server.address


@clause("getpeername.ENOTCONN", case="dissolved")
@variants(families=INTERNET, types=["dgram"])
def test_peer_given_up(connected: Socket, server: Server) -> None:
    """A peer that was given up by AF_UNSPEC is gone."""
    assert connected.getpeername() == server.address
    assert connected.connect(Bytes(bytes(16))) == 0
    assert connected.getpeername() == ENOTCONN


@clause("getpeername.EBADF")
@cases({"closed": None, "negative": -1, "out-of-range": 2**20})
@variants(families=FAMILIES, types=TYPES)
def test_no_descriptor(connected: Socket, server: Server, case: int | None) -> None:
    """A closed descriptor and a number that is none are refused; until it is closed the same number is good."""
    assert connected.getpeername() == server.address
    bad = connected if case is None else Socket(connected.calls, case, "nothing")
    if case is None:
        connected.close()
    asked = Asked(128)
    assert ask(bad, asked.name, asked.size) == EBADF
    assert asked.stored == b""


@clause("getpeername.ENOTSOCK")
@variants(families=FAMILIES, types=TYPES)
def test_no_socket(connected: Socket, server: Server, pipe: int) -> None:
    """A pipe has no peer in this sense, and says so otherwise than a socket without one."""
    asked = Asked(128)
    assert ask(Socket(connected.calls, pipe, "pipe"), asked.name, asked.size) == ENOTSOCK
    assert asked.stored == b""
    assert connected.getpeername() == server.address


@clause("getpeername.EINVAL")
@cases({"minus-1": -1, "minus-16": -16, "INT_MIN": -(2**31)})
@variants(families=FAMILIES, types=TYPES)
def test_negative_length(connected: Socket, server: Server, case: int) -> None:
    """A negative length is no length; the largest that there is, is one."""
    asked, neighbour = Asked(case), Asked(2**31 - 1)
    assert ask(connected, asked.name, asked.size) == EINVAL
    assert asked.stored == b""
    assert ask(connected, neighbour.name, neighbour.size) == 0
    assert (neighbour.stored, neighbour.length) == (server.address.pack(), len(server.address.pack()))


POINTERS = cases({"null": lambda _: 0, "unmapped": lambda _: 8, "prot-none": lambda memory: memory.edge})


@clause("getpeername.EFAULT", case="addr")
@POINTERS
@variants(families=FAMILIES, types=TYPES)
def test_bad_buffer(connected: Socket, server: Server, memory: Memory, case: Callable[[Memory], int]) -> None:
    """A buffer that is not there is a fault; with a length of 0 nobody needs one."""
    asked, nothing = Asked(128), Asked(0)
    assert ask(connected, case(memory), asked.size) == EFAULT
    assert ask(connected, case(memory), nothing.size) == 0
    assert nothing.length == len(server.address.pack())
    assert connected.getpeername() == server.address


@clause("getpeername.EFAULT", case="addrlen")
@POINTERS
@variants(families=FAMILIES, types=TYPES)
def test_bad_length(connected: Socket, server: Server, memory: Memory, case: Callable[[Memory], int]) -> None:
    """A length that is not there is a fault, and so is one of which a part is not; one that just fits is none."""
    asked = Asked(128)
    assert ask(connected, asked.name, case(memory)) == EFAULT
    assert ask(connected, asked.name, number_at_edge(memory, 128, readable=3)) == EFAULT
    assert asked.stored == b""
    assert ask(connected, asked.name, number_at_edge(memory, 128)) == 0
    assert asked.stored == server.address.pack()


@clause("getpeername.EFAULT", case="edge")
@variants(families=FAMILIES, types=TYPES)
def test_buffer_at_the_edge(connected: Socket, server: Server, memory: Memory) -> None:
    """A buffer that ends before the address does is a fault; one that ends with it is none, and holds it."""
    whole, asked = server.address.pack(), Asked(128)
    assert ask(connected, memory.ending_at_edge(UNTOUCHED * (len(whole) - 1)), asked.size) == EFAULT
    asked = Asked(128)
    assert ask(connected, memory.ending_at_edge(UNTOUCHED * len(whole)), asked.size) == 0
    assert asked.length == len(whole)
    assert before_edge(memory, len(whole)) == whole

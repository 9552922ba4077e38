"""The peer's name: what accept stores where addr and addrlen point."""

from collections.abc import Callable
from errno import EFAULT

from fixtures import INTERNET, Memory, Socket, assert_talk, cases, clause, variants
from suites.accept.accepting import Name, accept
from suites.accept.conftest import Connect

ENTRIES = ["syscall", "libc", "socketcall", "io_uring"]


@clause("accept.name")
@cases({"whole": 128, "one-less": -1, "family": 2, "none": 0})
@variants(families=INTERNET, entries=ENTRIES)
def test_name_of_the_client(listener: Socket, connect: Connect, case: int) -> None:
    """As much of the name is stored as there is room for; the length is the whole one."""
    client = connect("client").getsockname().value
    whole = client.pack()
    room = len(whole) + case if case < 0 else case
    name = Name(listener, room)
    accepted = accept(listener, name.pointer, name.size)
    assert accepted == 0
    assert name.stored == whole[:room].rstrip(b"\xa5")
    assert name.length == len(whole)
    assert accepted.value.getpeername() == client


@clause("accept.name.null")
@variants(families=[*INTERNET, "unix"], entries=ENTRIES)
def test_no_name_wanted(listener: Socket, connect: Connect) -> None:
    """With a null pointer for the name, a length that can't be read is not looked at."""
    client = connect("client")
    accepted = accept(listener, 0, 8)
    assert accepted == 0
    assert_talk(accepted.value, client)


POINTERS = cases({"unmapped": lambda _: 8, "prot-none": lambda memory: memory.edge})


@clause("accept.EFAULT", case="addr")
@POINTERS
@variants(families=INTERNET)
def test_bad_buffer(listener: Socket, connect: Connect, memory: Memory, case: Callable[[Memory], int]) -> None:
    """A buffer that is not there is a fault, also where the first bytes of the name would fit."""
    for label in ("first", "second"):
        connect(label)
    name = Name(listener, 128)
    assert accept(listener, case(memory), name.size) == EFAULT
    assert accept(listener, memory.edge - 4, name.size) == EFAULT


@clause("accept.EFAULT", case="addrlen")
@POINTERS
@variants(families=INTERNET)
def test_bad_length(listener: Socket, connect: Connect, memory: Memory, case: Callable[[Memory], int]) -> None:
    """A length that is not there is a fault, and so is one of which only a part is there."""
    for label in ("first", "second"):
        connect(label)
    name = Name(listener, 128)
    assert accept(listener, name.pointer, case(memory)) == EFAULT
    assert accept(listener, name.pointer, memory.edge - 2) == EFAULT
    assert name.stored == b""

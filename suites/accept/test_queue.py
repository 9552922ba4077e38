"""The queue of connections: who is accepted first, and what accept does while there is nobody."""

from errno import EAGAIN, EINVAL

from fixtures import INTERNET, Address, Socket, assert_talk, clause, variants
from suites.accept.accepting import accept
from suites.accept.conftest import Connect

FAMILIES = [*INTERNET, "unix"]
ENTRIES = ["syscall", "libc", "socketcall", "io_uring"]


@clause("accept.new-socket")
@variants(families=FAMILIES, entries=ENTRIES)
@variants(families=["unix"], types=["seqpacket"])
def test_first_come_first_served(listener: Socket, connect: Connect) -> None:
    """Each call returns another socket, in the order in which the clients connected."""
    first, second = connect("first"), connect("second")
    one, other = accept(listener), accept(listener)
    assert one == 0
    assert other == 0
    assert len({listener.fd, one.value.fd, other.value.fd}) == 3
    assert_talk(one.value, first)
    assert_talk(other.value, second)


@clause("accept.blocks")
@variants(families=FAMILIES)
def test_waits_for_a_connection(listener: Socket, connect: Connect) -> None:
    """The call waits until a client connects, and returns that connection."""
    waiting = listener.calls.start("accept4", listener.fd, 0, 0, 0, shown=[listener.shown, "NULL", "NULL", "0"])
    waiting.assert_waits(0.05)
    connect("client")
    accepted = waiting.result()
    assert accepted == 0
    listener.calls.opened(accepted.returned, "accepted")


@clause("accept.EAGAIN")
@variants(families=FAMILIES, modes=["nonblocking"], entries=["syscall", "libc", "socketcall"])
def test_nobody_there(listener: Socket, connect: Connect) -> None:
    """Without a connection the call fails at once; with one it succeeds, and the next fails again."""
    assert accept(listener) == EAGAIN
    client = connect("client")
    accepted = accept(listener)
    assert accepted == 0
    assert_talk(accepted.value, client)
    assert accept(listener) == EAGAIN


@clause("accept.EINVAL")
@variants(families=FAMILIES, entries=ENTRIES)
def test_not_listening(sock: Socket, address: Address, connect: Connect) -> None:
    """Neither a fresh socket can accept nor a bound one; the same socket can once it listens."""
    assert accept(sock) == EINVAL
    assert sock.bind(address) == 0
    assert accept(sock) == EINVAL
    assert sock.listen() == 0
    client = connect("client")
    accepted = accept(sock)
    assert accepted == 0
    assert_talk(accepted.value, client)

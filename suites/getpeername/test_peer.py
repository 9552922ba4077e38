"""Whose address it is, and how much of it: what getpeername stores where it succeeds."""

from errno import ENOTCONN

from fixtures import (
    INTERNET,
    Server,
    Servers,
    Socket,
    SocketMaker,
    cases,
    clause,
    variants,
)
from suites.getpeername.asking import Asked, ask

FAMILIES = [*INTERNET, "unix"]
TYPES = ["stream", "dgram"]


@clause("getpeername.peer.stream")
@variants(families=FAMILIES, modes=["blocking", "nonblocking"])
@variants(families=["unix"], types=["seqpacket"])
def test_both_ends(connected: Socket, server: Server) -> None:
    """Each end is told the other's name, twice the same, and none is told its own."""
    accepted = server.accepted()
    for _ in range(2):
        assert connected.getpeername() == server.address
        assert accepted.getpeername() == connected.getsockname().value
    assert accepted.getsockname() == server.address


@clause("getpeername.peer.stream", case="second")
@variants(families=FAMILIES)
def test_each_its_own(connected: Socket, server: Server, servers: Servers, new_socket: SocketMaker) -> None:
    """Of two connections each has its own peer, and what happens to the one is nothing to the other."""
    other, second = servers.make("second"), new_socket("other")
    assert second.connect_and_wait(other.address) == 0
    assert second.getpeername() == other.address
    assert connected.getpeername() == server.address
    second.close()
    assert connected.getpeername() == server.address


@clause("getpeername.peer.dgram")
@variants(families=FAMILIES, types=["dgram"], modes=["blocking", "nonblocking"])
def test_datagrams(connected: Socket, server: Server, servers: Servers) -> None:
    """The socket is told the peer that it set last; the peer, which nobody asked, has none."""
    assert connected.getpeername() == server.address
    assert server.socket.getpeername() == ENOTCONN
    other = servers.make("other")
    assert connected.connect(other.address) == 0
    assert connected.getpeername() == other.address
    assert other.socket.getpeername() == ENOTCONN


@clause("getpeername.truncated")
@cases({"none": 0, "one-byte": 1, "family": 2, "part": 7})
@variants(families=FAMILIES, types=TYPES)
@variants(families=["unix"], types=["seqpacket"], lines=["part"])
def test_short_buffer(connected: Socket, server: Server, case: int) -> None:
    """What fits is stored and nothing behind it; the length is the whole one."""
    whole, asked = server.address.pack(), Asked(case)
    assert ask(connected, asked.name, asked.size) == 0
    assert asked.stored == whole[:case]
    assert asked.length == len(whole)
    assert connected.getpeername() == server.address


@clause("getpeername.truncated", case="edge")
@cases({"one-less": -1, "just-fits": 0, "one-more": 1})
@variants(families=FAMILIES, types=TYPES)
def test_buffer_about_as_long(connected: Socket, server: Server, case: int) -> None:
    """One byte less loses the last byte; one more changes nothing, the byte behind the address included."""
    whole = server.address.pack()
    asked = Asked(len(whole) + case)
    assert ask(connected, asked.name, asked.size) == 0
    assert (asked.stored, asked.length) == (whole[: len(whole) + min(case, 0)], len(whole))

"""Arguments that no socket call takes: bad descriptors, things that are no socket, bad pointers, lengths, families."""

import os
import struct
from collections.abc import Callable
from errno import EAFNOSUPPORT, EBADF, EFAULT, EINVAL, ENOTSOCK

from fixtures import (
    ALL,
    BOTH,
    INTERNET,
    Bytes,
    Memory,
    Server,
    Servers,
    Socket,
    assert_no_connection,
    assert_not_connected,
    assert_peer,
    assert_usable,
    cases,
    clause,
    variants,
    with_port,
)

INT_MIN, INT_MAX = -(2**31), 2**31 - 1
FAMILIES = [*INTERNET, "unix"]


@clause("connect.EBADF.closed")
@variants(families=FAMILIES, entries=ALL)
def test_closed_descriptor(sock: Socket, server: Server) -> None:
    """A descriptor that was closed is bad, each time."""
    _ = server.address
    sock.close()
    assert sock.connect(server.address) == EBADF
    assert sock.connect(server.address) == EBADF
    assert_no_connection(server)


@clause("connect.EBADF.{case}")
@cases({"negative": (-1, -100, INT_MIN), "out-of-range": (9999, 2**20, INT_MAX)}, every_entry=True)
@variants(families=FAMILIES, entries=ALL)
def test_bad_number(server: Server, sock: Socket, case: tuple[int, ...]) -> None:
    """A number that no descriptor has is bad."""
    address = server.address
    for number in case:
        assert Socket(sock.calls, number, "nothing").connect(address) == EBADF
    assert_no_connection(server)


def is_open(number: int) -> bool:
    """Whether this process has a descriptor of that number."""
    try:
        os.fstat(number)
    except OSError as error:
        if error.errno != EBADF:
            raise
        return False
    return True


@clause("connect.EBADF.out-of-range", case="table")
@variants(families=["inet", "unix"], types=["stream"], entries=ALL)
def test_number_behind_the_table(server: Server, sock: Socket) -> None:
    """A kernel's table has room for 64 descriptors or twice that again and again; the first behind it is bad, too."""
    address = server.address
    numbers = [1 << power for power in range(6, 21)]
    for number in (each for each in numbers if not is_open(each)):
        assert Socket(sock.calls, number, "nothing").connect(address) == EBADF
    assert_no_connection(server)


@clause("connect.ENOTSOCK.{case}")
@cases({"regular": "regular", "pipe": "pipe", "device": "device", "epoll": "epoll"})
@variants(families=FAMILIES, entries=ALL)
def test_no_socket(server: Server, sock: Socket, no_socket: Callable[[str], int], case: str) -> None:
    """A descriptor of something else than a socket is told so."""
    other = Socket(sock.calls, no_socket(case), case)
    assert other.connect(server.address) == ENOTSOCK
    assert_no_connection(server)


@clause("connect.ENOTSOCK.pipe", case="write-end")
@variants(families=FAMILIES, entries=ALL)
def test_write_end_of_a_pipe(server: Server, sock: Socket, no_socket: Callable[[str], int]) -> None:
    """Either end of a pipe is told so."""
    assert Socket(sock.calls, no_socket("pipe-write"), "pipe").connect(server.address) == ENOTSOCK


POINTERS = cases(
    {
        "null": lambda _: 0,
        "unmapped": lambda _: 8,
        "prot-none": lambda memory: memory.edge,
    },
    every_entry=True,
)


@clause("connect.EFAULT.{case}")
@POINTERS
@variants(families=INTERNET, types=["stream"], entries=ALL)
@variants(families=INTERNET, types=["stream"], modes=["nonblocking"])
@variants(families=["unix"], types=["stream", "seqpacket"], entries=ALL)
@variants(families=["unix"], types=["stream", "seqpacket"], modes=["nonblocking"])
def test_bad_pointer(sock: Socket, server: Server, memory: Memory, case: Callable[[Memory], int]) -> None:
    """An address that cannot be read is a fault, and leaves the socket as it was."""
    length = len(server.address.pack())
    assert sock.connect_raw(case(memory), length) == EFAULT
    assert_not_connected(sock)
    assert_no_connection(server)
    assert_usable(sock, server)


@clause("connect.EFAULT.{case}", case="associated")
@POINTERS
@variants(families=FAMILIES, types=["dgram"], entries=ALL)
@variants(families=FAMILIES, types=["dgram"], modes=["nonblocking"])
def test_bad_pointer_when_associated(
    sock: Socket, server: Server, memory: Memory, case: Callable[[Memory], int]
) -> None:
    """A fault leaves a datagram socket's association in force."""
    assert sock.connect(server.address) == 0
    assert sock.connect_raw(case(memory), len(server.address.pack())) == EFAULT
    assert_peer(sock, server.address)
    assert sock.send(b"still here") == 0
    assert server.socket.recv() == b"still here"


@clause("connect.EFAULT.kernel-address")
@variants(families=FAMILIES, types=["stream", "dgram"], modes=BOTH, entries=["syscall", "io_uring"])
def test_kernel_address(sock: Socket, server: Server) -> None:
    """An address of the kernel's own, which fits into no 32-bit pointer, is a fault."""
    assert sock.connect_raw(0xFFFF800000000000, len(server.address.pack())) == EFAULT
    assert_not_connected(sock)
    assert_usable(sock, server)


@clause("connect.EFAULT.straddle")
@variants(families=FAMILIES, types=["stream"], entries=ALL)
@variants(families=FAMILIES, types=["stream"], modes=["nonblocking"])
@variants(families=["unix"], types=["seqpacket"], entries=ALL)
def test_pointer_across_the_edge(sock: Socket, server: Server, memory: Memory) -> None:
    """An address of which a part cannot be read is a fault; one that just fits is not."""
    data = server.address.pack()
    for readable in (1, len(data) - 1):
        pointer = memory.ending_at_edge(data[:readable])
        assert sock.connect_raw(pointer, len(data)) == EFAULT
    assert_not_connected(sock)
    assert_usable(sock, server)


@clause("connect.EFAULT.straddle", case="just-fits")
@variants(families=FAMILIES, types=["stream", "dgram"], entries=ALL)
@variants(families=["unix"], types=["seqpacket"], entries=ALL)
def test_pointer_up_to_the_edge(sock: Socket, server: Server, memory: Memory) -> None:
    """The neighbouring case: an address whose last byte is the last that can be read is no fault."""
    data = server.address.pack()
    assert sock.connect_raw(memory.ending_at_edge(data), len(data)) == 0
    assert sock.getpeername() == server.address


@clause("connect.EINVAL.addrlen-negative")
@cases({"minus-1": -1, "minus-16": -16, "INT_MIN": INT_MIN}, every_entry=True)
@variants(families=FAMILIES, types=["stream", "dgram"], entries=ALL)
@variants(families=FAMILIES, types=["stream", "dgram"], modes=["nonblocking"])
@variants(families=["unix"], types=["seqpacket"], entries=ALL)
@variants(families=["unix"], types=["seqpacket"], modes=["nonblocking"])
def test_negative_length(sock: Socket, server: Server, case: int) -> None:
    """A negative length is invalid whatever the address is."""
    assert sock.connect(server.address, case) == EINVAL
    assert_not_connected(sock)
    assert_usable(sock, server)


@clause("connect.EINVAL.addrlen-too-large")
@cases({"129": 129, "4096": 4096, "INT_MAX": INT_MAX}, every_entry=True)
@variants(families=FAMILIES, types=["stream", "dgram"], entries=ALL)
@variants(families=FAMILIES, types=["stream", "dgram"], modes=["nonblocking"])
@variants(families=["unix"], types=["seqpacket"], entries=ALL)
@variants(families=["unix"], types=["seqpacket"], modes=["nonblocking"])
def test_length_beyond_any_address(sock: Socket, server: Server, case: int) -> None:
    """A length beyond sockaddr_storage is invalid although the bytes can be read."""
    readable = sock.calls.place(server.address.pack().ljust(4096, b"\0"))
    assert sock.connect_raw(readable, case) == EINVAL
    assert_not_connected(sock)
    assert_usable(sock, server)


@clause("connect.EINVAL.addrlen-too-large", case="just-fits")
@variants(families=INTERNET, types=["stream", "dgram"], entries=ALL)
@variants(families=INTERNET, types=["stream", "dgram"], modes=["nonblocking"])
def test_length_of_the_largest_address(sock: Socket, server: Server) -> None:
    """The neighbouring case: 128 bytes are sockaddr_storage, and what follows the address is not looked at."""
    padded = Bytes(server.address.pack().ljust(128, b"\xff"))
    assert sock.connect_and_wait(padded) == 0
    assert sock.getpeername() == server.address


@clause("connect.EINVAL.addrlen-short.inet")
@cases({str(length): length for length in (0, 1, 2, 3, 7, 8, 15)})
@variants(families=["inet"], types=["stream", "dgram"], entries=ALL)
@variants(families=["inet"], types=["stream", "dgram"], modes=["nonblocking"])
def test_short_address(sock: Socket, server: Server, case: int) -> None:
    """Anything shorter than a sockaddr_in is invalid to AF_INET."""
    assert sock.connect(server.address, case) == EINVAL
    assert_not_connected(sock)
    assert_usable(sock, server)


@clause("connect.EINVAL.unix.length")
@cases({str(length): length for length in (0, 1, 2, 111, 112, 128)})
@variants(families=["unix"], types=["stream", "dgram", "seqpacket"], entries=ALL)
@variants(families=["unix"], types=["stream", "dgram", "seqpacket"], modes=["nonblocking"])
def test_unix_length(sock: Socket, server: Server, case: int) -> None:
    """A UNIX address without a name, or longer than sockaddr_un, is invalid."""
    padded = Bytes(server.address.pack().ljust(128, b"\0"))
    assert sock.connect(padded, case) == EINVAL
    assert_not_connected(sock)
    assert_usable(sock, server)


@clause("connect.EINVAL.unix.length", case="just-fits")
@variants(families=["unix"], types=["stream", "dgram", "seqpacket"], entries=ALL)
@variants(families=["unix"], types=["stream", "dgram", "seqpacket"], modes=["nonblocking"])
def test_longest_unix_address(sock: Socket, server: Server) -> None:
    """The neighbouring case: 110 bytes are a whole sockaddr_un."""
    assert sock.connect(Bytes(server.address.pack().ljust(110, b"\0"))) == 0
    assert sock.getpeername() == server.address


def _with_family(family: int, length: int) -> Bytes:
    return Bytes(struct.pack("=H", family) + bytes(length - 2))


INET_STRANGERS = {
    "77": _with_family(77, 16),
    "65535": _with_family(65535, 16),
    "AF_INET6": _with_family(10, 28),
    "AF_UNIX": _with_family(1, 110),
}
INET6_STRANGERS = {"77": _with_family(77, 28), "65535": _with_family(65535, 28), "AF_UNIX": _with_family(1, 110)}


@clause("connect.EAFNOSUPPORT.{family}.{type}")
@cases(INET_STRANGERS)
@variants(families=["inet"], types=["stream", "dgram"], entries=ALL)
@variants(families=["inet"], types=["stream", "dgram"], modes=["nonblocking"])
def test_foreign_family_to_inet(sock: Socket, server: Server, case: Bytes) -> None:
    """AF_INET takes no address that carries another family."""
    assert sock.connect(case) == EAFNOSUPPORT
    assert_not_connected(sock)
    assert sock.connect_and_wait(server.address) == 0
    assert sock.getpeername() == server.address


@clause("connect.EAFNOSUPPORT.{family}.{type}")
@cases(INET6_STRANGERS)
@variants(families=["inet6"], types=["stream", "dgram"], entries=ALL)
@variants(families=["inet6"], types=["stream", "dgram"], modes=["nonblocking"])
def test_foreign_family_to_inet6(sock: Socket, server: Server, case: Bytes) -> None:
    """AF_INET6 takes no address that carries another family."""
    assert sock.connect(case) == EAFNOSUPPORT
    assert_not_connected(sock)
    assert sock.connect_and_wait(server.address) == 0
    assert sock.getpeername() == server.address


@clause("connect.EAFNOSUPPORT.{family}.{type}")
@cases({"77": _with_family(77, 16), "AF_INET6": _with_family(10, 28)})
@variants(families=["inet"], types=["raw"], entries=ALL)
def test_foreign_family_to_raw(sock: Socket, servers: Servers, case: Bytes) -> None:
    """Raw sockets take no address that carries another family either."""
    assert sock.connect(case) == EAFNOSUPPORT
    assert_not_connected(sock)
    there = with_port(servers.make().address, 77)
    assert sock.connect(there) == 0
    assert_peer(sock, there)


@clause("connect.EINVAL.addrlen-short.inet6")
@cases({str(length): length for length in (0, 1, 2, 3, 8, 15, 16, 23)})
@variants(families=["inet6"], types=["stream", "dgram"], entries=ALL)
@variants(families=["inet6"], types=["stream", "dgram"], modes=["nonblocking"])
def test_short_inet6_address(sock: Socket, server: Server, case: int) -> None:
    """Anything shorter than the first sockaddr_in6 is invalid to AF_INET6."""
    assert sock.connect(server.address, case) == EINVAL
    assert_not_connected(sock)
    assert_usable(sock, server)


@clause("connect.EINVAL.addrlen-short.inet6", case="just-fits")
@cases({"24": 24, "27": 27})
@variants(families=["inet6"], types=["stream", "dgram"], entries=ALL)
def test_inet6_address_without_scope(sock: Socket, server: Server, case: int) -> None:
    """The neighbouring case: the address without its scope id is enough."""
    assert sock.connect(server.address, case) == 0
    assert sock.getpeername() == server.address


UNIX_STRANGERS = cases({"AF_INET": _with_family(2, 16), "77": _with_family(77, 110), "AF_INET6": _with_family(10, 28)})


@clause("connect.EAFNOSUPPORT.unix")
@UNIX_STRANGERS
@variants(families=["unix"], types=["stream", "dgram", "seqpacket"], entries=ALL)
def test_foreign_family_to_unix(sock: Socket, case: Bytes) -> None:
    """AF_UNIX takes no address that carries another family, and says so as any family would."""
    assert sock.connect(case) == EAFNOSUPPORT


@clause("connect.EINVAL.unix.family")
@UNIX_STRANGERS
@variants(families=["unix"], types=["stream", "dgram", "seqpacket"], entries=ALL)
@variants(families=["unix"], types=["stream", "dgram", "seqpacket"], modes=["nonblocking"])
def test_foreign_family_is_invalid_to_unix(sock: Socket, server: Server, case: Bytes) -> None:
    """AF_UNIX calls an address that carries another family invalid."""
    assert sock.connect(case) == EINVAL
    assert_not_connected(sock)
    assert sock.connect(server.address) == 0
    assert sock.getpeername() == server.address

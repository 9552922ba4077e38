"""How the call is entered and in what order its arguments are looked at: pointers, lengths, errno, precedence."""

import ctypes
import os
import socket
from errno import (
    EAFNOSUPPORT,
    EALREADY,
    EBADF,
    ECONNREFUSED,
    EFAULT,
    EINPROGRESS,
    EINVAL,
    EISCONN,
    ENOTCONN,
    EOPNOTSUPP,
    ESRCH,
)
from pathlib import Path

from fixtures import (
    ALL,
    BOTH,
    CALLS,
    INTERNET,
    SOCKETCALL,
    Bytes,
    Inet,
    Inet6,
    LibcEntry,
    Memory,
    Server,
    Servers,
    Socket,
    SocketcallEntry,
    assert_connected,
    assert_no_connection,
    assert_not_connected,
    assert_peer,
    assert_usable,
    cases,
    clause,
    needs,
    port_of,
    system_call,
    variants,
)

FAMILIES = [*INTERNET, "unix"]
TYPES = variants(families=FAMILIES, types=["stream", "dgram"], entries=ALL)


@clause("connect.api.addr-not-modified")
@TYPES
@variants(families=["unix"], types=["seqpacket"], entries=ALL)
def test_address_that_cannot_be_written(sock: Socket, server: Server, memory: Memory) -> None:
    """An address in read-only memory is as good, for a success and for a failure."""
    data = server.address.pack()
    pointer = memory.holding(data)
    memory.make_read_only()
    assert sock.connect_raw(pointer, 1) == EINVAL
    assert sock.connect_raw(pointer, len(data)) == 0
    assert ctypes.string_at(pointer, len(data)) == data
    assert sock.getpeername() == server.address


@clause("connect.api.addrlen-meaning")
@TYPES
@variants(families=["unix"], types=["seqpacket"], entries=ALL)
def test_length_is_what_is_read(sock: Socket, server: Server, memory: Memory) -> None:
    """One byte more than can be read is a fault; what can be read is not."""
    data = server.address.pack()
    pointer = memory.ending_at_edge(data)
    assert sock.connect_raw(pointer, len(data) + 1) == EFAULT
    assert_not_connected(sock)
    assert sock.connect_raw(pointer, len(data)) == 0
    assert sock.getpeername() == server.address


@clause("connect.api.syscall-entry-x86_64")
@cases({"syscall": "syscall", "libc": "libc"})
@variants(families=FAMILIES, types=["stream"], modes=BOTH)
def test_system_call_and_function(sock: Socket, server: Server, servers: Servers, case: str) -> None:
    """The number and the function do the same: refuse, connect, and say that it is connected."""
    sock = sock.through(case)
    assert sock.connect(Bytes(b"\2")) == EINVAL
    assert sock.connect_and_wait(server.address) == 0
    accepted = assert_connected(sock, server)
    assert accepted.connect(servers.make("other").address) == EISCONN


@clause("connect.api.socketcall")
@needs("entry:socketcall")
@variants(families=FAMILIES, types=["stream", "dgram"], modes=BOTH)
def test_socketcall(sock: Socket, server: Server) -> None:
    """By socketcall the call has the same outcomes."""
    sock = sock.through("socketcall")
    assert sock.connect_raw(8, len(server.address.pack())) == EFAULT
    assert sock.connect(server.address, 1) == EINVAL
    assert Socket(sock.calls, -1, "nothing").connect(server.address) == EBADF
    assert_not_connected(sock)
    assert_usable(sock, server)


@clause("connect.api.socketcall", case="arguments")
@needs("entry:socketcall")
@variants(families=["inet"])
def test_arguments_of_socketcall(sock: Socket, server: Server) -> None:
    """Arguments that cannot be read are a fault; the same call with good ones connects."""
    entry = SocketcallEntry()
    sock = sock.through(entry)
    call = sock.calls.elsewhere("connect", shown=["8"], how="with arguments at address 8")
    returned, error = entry.int80(SOCKETCALL, system_call("connect").socketcall, 8)
    assert call.ended(error) == EFAULT
    assert returned == -1
    assert sock.connect(server.address) == 0
    assert_connected(sock, server)


def libc_with_errno(error: int) -> LibcEntry:
    """The C library's calls; errno is set before each connect()."""
    function = ctypes.CDLL(None, use_errno=True).connect

    def marked(*arguments: ctypes.c_long) -> int:
        ctypes.set_errno(error)
        return int(function(*arguments))

    return LibcEntry({"connect": marked})


@clause("connect.ret.errno-unchanged-on-success")
@variants(families=FAMILIES, types=["stream", "dgram"])
@variants(families=["unix"], types=["seqpacket"])
def test_errno_after_success(sock: Socket, server: Server) -> None:
    """A call that succeeds leaves errno alone."""
    entry = libc_with_errno(ESRCH)
    call = sock.connect_elsewhere(server.address, "with errno set to ESRCH before it", entry.name)
    assert entry.invoke("connect", *call.arguments) == (0, ESRCH)
    assert call.ended(0) == 0
    assert sock.connect(server.address) in (0, EISCONN)
    assert sock.getpeername() == server.address


@clause("connect.EBADF.o_path")
@cases({"directory": os.O_DIRECTORY, "socket": 0}, every_entry=True)
@variants(families=["unix"], types=["stream", "dgram", "seqpacket"], entries=ALL)
def test_descriptor_of_a_path(sock: Socket, server: Server, folder: Path, case: int) -> None:
    """A descriptor of O_PATH is bad."""
    address = server.address
    fd = os.open(folder if case else folder / "server1", os.O_PATH | case)
    try:
        assert Socket(sock.calls, fd, "path").connect(address) == EBADF
    finally:
        os.close(fd)
    assert_no_connection(server)


@clause("connect.EFAULT.null-zero-length")
@variants(families=FAMILIES, types=["stream", "dgram"], entries=ALL)
@variants(families=["unix"], types=["seqpacket"], entries=ALL)
def test_nothing_of_no_length(sock: Socket, server: Server) -> None:
    """NULL with length 0 is invalid, and no fault; with length 1 it is one."""
    assert sock.connect_raw(0, 0) == EINVAL
    assert sock.connect_raw(0, 1) == EFAULT
    assert_not_connected(sock)
    assert_usable(sock, server)


@clause("connect.addrlen-oversize-accepted")
@cases({str(length): length for length in (17, 29, 64, 127, 128)})
@variants(families=["inet"], types=["stream", "dgram"], entries=ALL)
@variants(families=["inet6"], types=["stream", "dgram"], entries=ALL, lines=["29", "64", "127", "128"])
def test_longer_than_the_address(sock: Socket, server: Server, servers: Servers, case: int) -> None:
    """What follows the address is not looked at, where it refuses and where it connects."""
    if_refused = Bytes(servers.closed().pack().ljust(case, b"\xff"))
    if_taken = Bytes(server.address.pack().ljust(case, b"\xff"))
    assert sock.connect(if_refused) == (ECONNREFUSED if server.kind == "stream" else 0)
    assert sock.getpeername() == (ENOTCONN if server.kind == "stream" else servers.closed())
    assert sock.connect(if_taken) == 0
    assert sock.getpeername() == server.address


@clause("connect.EINVAL.unspec-short")
@variants(families=INTERNET, types=["stream", "dgram"], modes=BOTH, entries=ALL)
@variants(families=["unix"], types=["dgram"], modes=BOTH, entries=ALL)
def test_shortest_unspec(sock: Socket, server: Server) -> None:
    """One byte is invalid and two are enough; neither keeps the socket from connecting."""
    assert sock.connect(Bytes(bytes(1))) == EINVAL
    assert sock.connect(Bytes(bytes(2))) == 0
    assert_not_connected(sock)
    assert_usable(sock, server)


@clause("connect.EINVAL.unspec-short", case="associated")
@variants(families=FAMILIES, types=["dgram"], entries=ALL)
def test_one_byte_dissolves_nothing(sock: Socket, server: Server) -> None:
    """One byte leaves an association in force."""
    assert sock.connect(server.address) == 0
    assert sock.connect(Bytes(bytes(1))) == EINVAL
    assert_peer(sock, server.address)


@clause("connect.precedence.EBADF-before-EFAULT")
@variants(families=["inet"], entries=CALLS)
def test_descriptor_before_pointer(sock: Socket) -> None:
    """The descriptor is looked at first."""
    for number in (-1, 9999):
        assert Socket(sock.calls, number, "nothing").connect_raw(8, 16) == EBADF
        assert Socket(sock.calls, number, "nothing").connect_raw(0, -1) == EBADF


@clause("connect.precedence.EFAULT-before-ENOTSOCK")
@variants(families=["inet"], entries=ALL)
def test_address_before_kind_of_file(sock: Socket) -> None:
    """The address is fetched before the file is looked at."""
    fd = os.open(os.devnull, os.O_RDWR)
    try:
        device = Socket(sock.calls, fd, "device")
        assert device.connect_raw(8, 16) == EFAULT
        assert device.connect_raw(8, -1) == EINVAL
    finally:
        os.close(fd)


@clause("connect.precedence.EALREADY-before-EINVAL")
@variants(families=INTERNET, modes=["nonblocking"], entries=CALLS)
def test_attempt_before_address(sock: Socket, servers: Servers) -> None:
    """While an attempt is under way a bad address is told that it is, and the attempt goes on."""
    assert sock.connect(servers.full().address) == EINPROGRESS
    for bad in (b"\2\0", b"\x4d\0".ljust(28, b"\0"), b"\1\0".ljust(28, b"\0")):
        assert sock.connect(Bytes(bad)) == EALREADY
    assert sock.tcp_state() == "SYN_SENT"


@clause("connect.precedence.EISCONN-ignores-address")
@variants(families=INTERNET, entries=ALL)
def test_connection_before_address(sock: Socket, server: Server) -> None:
    """On a connection a bad address is told that there is one."""
    assert sock.connect(server.address) == 0
    for bad in (b"\2\0", b"\x4d\0".ljust(28, b"\0"), b"\1\0".ljust(28, b"\0")):
        assert sock.connect(Bytes(bad)) == EISCONN
    assert_connected(sock, server)


@clause("connect.EAFNOSUPPORT.inet6.sockaddr_in-length")
@variants(families=["inet6"], modes=BOTH, entries=ALL)
def test_sockaddr_in_for_inet6(sock: Socket, server: Server, servers: Servers) -> None:
    """Of its own length it is too short, and of the right length it is of the wrong family."""
    inet = servers.make("inet", family="inet").address.pack()
    assert sock.connect(Bytes(inet)) == EINVAL
    assert sock.connect(Bytes(inet.ljust(28, b"\0"))) == EAFNOSUPPORT
    assert_not_connected(sock)
    assert_usable(sock, server)


@clause("connect.inet6.dgram.accepts-sockaddr_in")
@variants(families=["inet6"], types=["dgram"], modes=BOTH, entries=ALL)
def test_sockaddr_in_for_inet6_datagrams(sock: Socket, servers: Servers) -> None:
    """It is the mapped address, and datagrams flow both ways."""
    inet = servers.make("inet", family="inet")
    assert sock.connect(inet.address) == 0
    assert sock.getpeername() == Inet6("::ffff:127.0.0.1", 7001)
    name = sock.getsockname().value
    assert name == Inet6("::ffff:127.0.0.1", port_of(name))
    assert sock.send(b"hello") == 0
    assert inet.socket.recv_from() == (b"hello", Inet("127.0.0.1", port_of(name)))


@clause("connect.inet6.dgram.accepts-sockaddr_in", case="v6only")
@variants(families=["inet6"], types=["dgram"], modes=BOTH)
def test_sockaddr_in_for_inet6_only(sock: Socket, server: Server, servers: Servers) -> None:
    """A socket for IPv6 only takes no sockaddr_in, and keeps the peer that it has."""
    inet = servers.make("inet", family="inet")
    assert sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1, name="IPV6_V6ONLY") == 0
    assert sock.connect(server.address) == 0
    assert sock.connect(inet.address) == EAFNOSUPPORT
    assert_peer(sock, server.address)


@clause("connect.EOPNOTSUPP.listener")
@variants(families=INTERNET)
def test_listener_as_posix_has_it(sock: Socket, servers: Servers) -> None:
    """A listener can't connect."""
    assert sock.bind(servers.free_address()) == 0
    assert sock.listen() == 0
    assert sock.connect(servers.make("other").address) == EOPNOTSUPP

"""What the page says of the call as such: its purpose, its prototype, what it returns, and that its list is not all."""

from collections.abc import Callable
from errno import EACCES, EBADF, ECONNREFUSED, EINVAL, ELOOP, ENOENT, ENOTDIR
from pathlib import Path

from fixtures import (
    ALL,
    BOTH,
    FAMILIES,
    INTERNET,
    EntryPoint,
    Server,
    Servers,
    Socket,
    SocketMaker,
    Unix,
    assert_connected,
    assert_not_connected,
    assert_talk,
    assert_usable,
    cases,
    clause,
    internet,
    needs,
    topology,
    variants,
    with_port,
)

ENTRIES = cases({"syscall": "syscall", "libc": "libc"})


@clause("connect.api.purpose")
@variants(families=[*INTERNET, "unix"], entries=ALL)
@variants(families=["unix"], types=["seqpacket"], entries=ALL)
def test_purpose(sock: Socket, server: Server) -> None:
    """One call starts the connection; nothing else is needed on the client's side before data can flow."""
    assert sock.connect(server.address) == 0
    assert sock.send(b"x") == 0
    assert server.accepted().recv() == b"x"


@clause("connect.api.prototype")
@needs("cc")
@variants(families=[*INTERNET, "unix"])
def test_prototype(sock: Socket, server: Server, compiled_entry: EntryPoint) -> None:
    """A compiler takes the prototype, and the function that it binds connects."""
    sock = sock.through(compiled_entry)
    assert sock.connect(server.address) == 0
    assert_connected(sock, server)


@clause("connect.api.family-interprets-address", case="own")
@variants(families=["inet"], types=["stream", "dgram"], entries=ALL)
def test_address_of_own_family(sock: Socket, server: Server) -> None:
    """A sockaddr_in names a peer to an AF_INET socket."""
    assert sock.connect(server.address) == 0
    assert sock.getpeername() == server.address


@clause("connect.api.family-interprets-address", case="other")
@variants(families=["inet6"], entries=ALL)
@variants(families=["unix"], types=["stream", "dgram", "seqpacket"], entries=ALL)
def test_address_of_other_family(sock: Socket, servers: Servers) -> None:
    """The same bytes mean nothing to a socket of another family."""
    inet = servers.make("inet", family="inet", kind="stream")
    assert sock.connect(inet.address) == EINVAL
    assert_not_connected(sock)
    assert_usable(sock, servers.make())


@clause("connect.ret.zero-on-success")
@ENTRIES
@variants(families=INTERNET, types=["stream", "dgram"])
@variants(families=["unix"], types=["stream", "dgram", "seqpacket"], modes=BOTH)
def test_zero(sock: Socket, server: Server, case: str) -> None:
    """A call that succeeds returns exactly 0."""
    sock = sock.through(case)
    outcome = sock.connect(server.address)
    assert outcome == 0
    assert outcome.returned == 0
    assert sock.getpeername() == server.address


@clause("connect.ret.zero-on-success")
@ENTRIES
@variants(families=INTERNET, types=["raw"])
def test_zero_for_raw(sock: Socket, server: Server, case: str) -> None:
    """So does one on a raw socket, whose peer's name has the port that it was given."""
    sock, peer = sock.through(case), with_port(server.address, 7001)
    outcome = sock.connect(peer)
    assert outcome == 0
    assert outcome.returned == 0
    assert sock.getpeername() == peer


@clause("connect.ret.minus1-errno", case="descriptor")
@ENTRIES
@variants(families=[*INTERNET, "unix"])
def test_minus_one_for_a_bad_descriptor(sock: Socket, server: Server, case: str) -> None:
    """A call that fails at its first argument returns exactly -1 and sets errno."""
    sock, address = sock.through(case), server.address
    sock.close()
    outcome = sock.connect(address)
    assert outcome == EBADF
    assert outcome.returned == -1


@clause("connect.ret.minus1-errno", case="refused")
@ENTRIES
@variants(families=INTERNET)
@variants(families=["unix"], types=["stream", "seqpacket"], modes=BOTH)
def test_minus_one_for_a_refusal(sock: Socket, servers: Servers, case: str) -> None:
    """A call that fails in the protocol returns exactly -1 and sets errno."""
    sock = sock.through(case)
    outcome = sock.connect(servers.closed())
    assert outcome == ECONNREFUSED
    assert outcome.returned == -1


def _missing(folder: Path) -> Path:
    return folder / "missing"


def _through_a_file(folder: Path) -> Path:
    (folder / "file").write_text("no directory", encoding="ascii")
    return folder / "file" / "socket"


def _through_a_loop(folder: Path) -> Path:
    (folder / "loop").symlink_to("loop")
    return folder / "loop"


@clause("connect.err.list-not-exhaustive")
@cases({"ENOENT": (_missing, ENOENT), "ENOTDIR": (_through_a_file, ENOTDIR), "ELOOP": (_through_a_loop, ELOOP)})
@variants(families=["unix"], types=["stream", "dgram", "seqpacket"], entries=ALL)
@variants(families=["unix"], types=["stream", "dgram", "seqpacket"], modes=["nonblocking"])
def test_errors_of_unix(sock: Socket, server: Server, folder: Path, case: tuple[Callable[[Path], Path], int]) -> None:
    """UNIX sockets answer with errors of path names, which the list does not have."""
    path, error = case
    assert sock.connect(Unix(bytes(path(folder)))) == error
    assert_not_connected(sock)
    assert_usable(sock, server)


@clause("connect.err.list-not-exhaustive", case="EACCES")
@topology("pair")
@variants(families=["inet"], types=["dgram"], entries=ALL)
@variants(families=["inet"], types=["dgram"], modes=["nonblocking"])
def test_error_of_internet(sock: Socket, server: Server) -> None:
    """A broadcast address without SO_BROADCAST is answered with EACCES, which the list does not have."""
    assert sock.connect(internet(FAMILIES["inet"], "192.0.2.255", 7001)) == EACCES
    assert_not_connected(sock)
    assert_usable(sock, server)


@clause("connect.seealso.exists")
@variants(families=[*INTERNET, "unix"], entries=ALL)
@variants(families=["unix"], types=["seqpacket"], entries=ALL)
def test_the_other_calls(new_socket: SocketMaker, servers: Servers) -> None:
    """socket, bind, listen, getsockname and accept do their part around a connection."""
    listener, client = new_socket("listener"), new_socket("client")
    address = servers.free_address()
    assert listener.bind(address) == 0
    assert listener.listen() == 0
    assert listener.getsockname() == address
    assert client.connect(address) == 0
    assert_talk(client, listener.accept())

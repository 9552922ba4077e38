"""The names of UNIX sockets: abstract, unnamed, given by the kernel, and whose they are."""

import os
import re
import socket
import struct
from errno import ECONNREFUSED, ENOENT, EPROTOTYPE

from fixtures import (
    ALL,
    BOTH,
    Server,
    Servers,
    Socket,
    SocketMaker,
    Unix,
    assert_connected,
    assert_no_connection,
    assert_not_connected,
    assert_talk,
    assert_usable,
    cases,
    clause,
    needs,
    variants,
)
from fixtures.contexts import (
    ANOTHER_USER,
    NOBODY,
)
from netns import Namespace

SO_PASSPIDFD = 76
STREAMS = ["stream", "seqpacket"]
TYPES = ["stream", "dgram", "seqpacket"]
AUTOBOUND = re.compile(rb"\0[0-9a-f]{5}")


@clause("connect.unix.client-unnamed")
@variants(families=["unix"], types=STREAMS, entries=ALL)
@variants(families=["unix"], types=STREAMS, modes=["nonblocking"])
def test_client_has_no_name(sock: Socket, server: Server) -> None:
    """A client that was not bound has no name before and after, and its server sees none."""
    assert sock.getsockname() == Unix()
    assert sock.connect(server.address) == 0
    assert sock.getsockname() == Unix()
    accepted = server.accepted()
    assert accepted.getpeername() == Unix()
    assert accepted.getsockname() == server.address


@clause("connect.unix.client-unnamed")
@variants(families=["unix"], types=["dgram"], entries=ALL)
@variants(families=["unix"], types=["dgram"], modes=["nonblocking"])
def test_datagram_client_has_no_name(sock: Socket, server: Server) -> None:
    """The same for datagrams."""
    assert sock.connect(server.address) == 0
    assert sock.getsockname() == Unix()
    assert sock.getpeername() == server.address


@clause("connect.unix.autobind.passcred")
@needs("abstract-names")
@variants(families=["unix"], types=TYPES, entries=ALL)
@variants(families=["unix"], types=TYPES, modes=["nonblocking"])
def test_passcred_names_the_client(sock: Socket, server: Server) -> None:
    """With SO_PASSCRED the client gets an abstract name when it connects, not sooner."""
    assert sock.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1, name="SO_PASSCRED") == 0
    assert sock.getsockname() == Unix()
    assert sock.connect(server.address) == 0
    assert AUTOBOUND.fullmatch(sock.getsockname().value.path)
    assert sock.getpeername() == server.address


@clause("connect.unix.autobind.passcred", case="seen")
@needs("abstract-names")
@variants(families=["unix"], types=STREAMS)
def test_the_server_sees_the_name(sock: Socket, server: Server, new_socket: SocketMaker) -> None:
    """The server sees that name; two clients have different ones, and a bound one keeps its own."""
    other, bound = new_socket("other"), new_socket("bound")
    assert bound.bind(Unix(b"\0mine")) == 0
    for each in (sock, other, bound):
        assert each.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1, name="SO_PASSCRED") == 0
        assert each.connect(server.address) == 0
        assert server.accepted().getpeername() == each.getsockname().value
    assert sock.getsockname().value != other.getsockname().value
    assert bound.getsockname() == Unix(b"\0mine")


@clause("connect.unix.autobind.passpidfd")
@needs("abstract-names")
@needs("passpidfd")
@variants(families=["unix"], types=TYPES)
def test_passpidfd_names_the_client(sock: Socket, server: Server) -> None:
    """With SO_PASSPIDFD the client gets a name, too."""
    assert sock.setsockopt(socket.SOL_SOCKET, SO_PASSPIDFD, 1, name="SO_PASSPIDFD") == 0
    assert sock.connect(server.address) == 0
    assert AUTOBOUND.fullmatch(sock.getsockname().value.path)


@clause("connect.unix.getpeername", case="abstract")
@needs("abstract-names")
@variants(families=["unix"], types=TYPES, entries=ALL)
@variants(families=["unix"], types=TYPES, modes=["nonblocking"])
def test_abstract_peer_name(sock: Socket, servers: Servers) -> None:
    """An abstract peer name comes back whole, with its NUL bytes."""
    peer = servers.at(Unix(b"\0a\0name\0"))
    assert sock.connect(peer.address) == 0
    assert sock.getpeername() == Unix(b"\0a\0name\0")


def peer_credentials(sock: Socket) -> tuple[int, int, int]:
    """Process, user and group of SO_PEERCRED."""
    number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12, name="SO_PEERCRED").value
    pid, uid, gid = struct.unpack("=iII", number.to_bytes(12, "little"))
    return pid, uid, gid


@clause("connect.unix.SO_PEERCRED")
@variants(families=["unix"], types=STREAMS, modes=BOTH, entries=["syscall", "compat32"])
def test_credentials_of_the_peer(sock: Socket, server: Server) -> None:
    """Each side sees the other's process and user, and nobody's before the call."""
    mine = (os.getpid(), os.geteuid(), os.getegid())
    before = peer_credentials(sock)
    assert sock.connect(server.address) == 0
    assert before == (0, 0xFFFFFFFF, 0xFFFFFFFF)
    assert peer_credentials(sock) == mine
    assert peer_credentials(server.accepted()) == mine


@clause("connect.unix.SO_PEERCRED", case="user")
@needs("abstract-names")
@needs("second-uid")
@variants(families=["unix"], types=STREAMS)
def test_credentials_are_those_of_the_moment(sock: Socket, servers: Servers) -> None:
    """The server sees the user who connected, although the thread is somebody else by the time it asks."""
    server = servers.at(Unix(b"\0open"))
    _ = server.address
    with sock.context(ANOTHER_USER):
        assert sock.connect(server.address) == 0
    assert peer_credentials(server.accepted())[1] == NOBODY
    assert peer_credentials(sock)[1] == os.geteuid()


WRONG_NAMES = {
    "missing": b"\0other",
    "prefix": b"\0nam",
    "longer": b"\0names",
    "with-a-NUL": b"\0name\0",
    "path": b"name",
}


@clause("connect.ECONNREFUSED.unix.abstract")
@needs("abstract-names")
@cases({name: path for name, path in WRONG_NAMES.items() if name != "path"})
@variants(families=["unix"], types=TYPES, entries=ALL)
@variants(families=["unix"], types=TYPES, modes=["nonblocking"])
def test_abstract_names_are_all_of_their_bytes(sock: Socket, servers: Servers, case: bytes) -> None:
    """A name that is not the bound one byte for byte is refused; the bound one is not."""
    server, longer = servers.at(Unix(b"\0name")), servers.at(Unix(b"\0name\0\0"), "longer")
    _ = server.address, longer.address
    assert sock.connect(Unix(case)) == ECONNREFUSED
    assert_not_connected(sock)
    assert sock.connect(server.address) == 0
    assert sock.getpeername() == server.address


@clause("connect.ENOENT.unix.empty")
@needs("abstract-names")
@variants(families=["unix"], types=TYPES)
def test_empty_path(sock: Socket) -> None:
    """An empty path does not exist."""
    assert sock.connect(Unix(b"\0")) == ENOENT


@clause("connect.ECONNREFUSED.unix.empty")
@needs("abstract-names")
@cases({"one-byte": b"\0", "all-bytes": bytes(108)})
@variants(families=["unix"], types=TYPES, entries=ALL)
@variants(families=["unix"], types=TYPES, modes=["nonblocking"])
def test_empty_path_is_an_abstract_name(sock: Socket, server: Server, case: bytes) -> None:
    """Linux takes it for an abstract name that nobody has."""
    assert sock.connect(Unix(case)) == ECONNREFUSED
    assert_not_connected(sock)
    assert_usable(sock, server)


PAIRS = cases({"to-stream": "stream", "to-dgram": "dgram", "to-seqpacket": "seqpacket"})


@clause("connect.EPROTOTYPE.unix.abstract")
@needs("abstract-names")
@PAIRS
@variants(families=["unix"], types=["stream"], modes=BOTH, lines=["to-dgram", "to-seqpacket"])
@variants(families=["unix"], types=["dgram"], modes=BOTH, lines=["to-stream", "to-seqpacket"])
@variants(families=["unix"], types=["seqpacket"], modes=BOTH, lines=["to-stream", "to-dgram"])
def test_abstract_socket_of_another_type(sock: Socket, servers: Servers, case: str) -> None:
    """To a socket of another type an abstract name is one that nobody has, until somebody of its type takes it."""
    other = servers.at(Unix(b"\0name"), "other", kind=case)
    assert sock.connect(other.address) == ECONNREFUSED
    assert_not_connected(sock)
    assert_no_connection(other)
    assert_usable(sock, servers.at(Unix(b"\0name")))


@clause("connect.EPROTOTYPE.unix.abstract.documented")
@needs("abstract-names")
@PAIRS
@variants(families=["unix"], types=["stream"], lines=["to-dgram", "to-seqpacket"])
@variants(families=["unix"], types=["dgram"], lines=["to-stream", "to-seqpacket"])
@variants(families=["unix"], types=["seqpacket"], lines=["to-stream", "to-dgram"])
def test_abstract_socket_of_another_type_as_documented(sock: Socket, servers: Servers, case: str) -> None:
    """A peer of another type is a wrong protocol type."""
    other = servers.at(Unix(b"\0name"), "other", kind=case)
    assert sock.connect(other.address) == EPROTOTYPE


@clause("connect.unix.abstract-no-permissions")
@needs("abstract-names")
@needs("second-uid")
@variants(families=["unix"], types=TYPES)
def test_anybody_reaches_an_abstract_name(sock: Socket, servers: Servers) -> None:
    """Another user connects to an abstract name, whatever the umask was when it was bound."""
    before = os.umask(0o777)
    try:
        server = servers.at(Unix(b"\0name"))
        _ = server.address
    finally:
        os.umask(before)
    with sock.context(ANOTHER_USER):
        assert sock.connect(server.address) == 0
    assert sock.getpeername() == server.address


@clause("connect.unix.netns.pathname")
@needs("second-namespace")
@variants(families=["unix"], types=TYPES, modes=BOTH)
def test_path_from_another_namespace(new_socket: SocketMaker, server: Server) -> None:
    """A socket of another network namespace reaches a listener at a path."""
    with Namespace("elsewhere") as elsewhere:
        stranger = new_socket("stranger", namespace=elsewhere)
        assert_usable(stranger, server)


@clause("connect.unix.netns.abstract")
@needs("second-namespace")
@needs("abstract-names")
@variants(families=["unix"], types=TYPES, modes=BOTH)
def test_abstract_name_from_another_namespace(sock: Socket, new_socket: SocketMaker, servers: Servers) -> None:
    """A socket of another namespace does not reach an abstract name; one of its own does, from anywhere."""
    server = servers.at(Unix(b"\0name"))
    _ = server.address
    with Namespace("elsewhere") as elsewhere:
        stranger = new_socket("stranger", namespace=elsewhere)
        assert stranger.connect(server.address) == ECONNREFUSED
        assert_not_connected(stranger)
        assert_no_connection(server)
        with elsewhere.inside():
            assert_usable(sock, server)


def assert_connects_with(client: Socket, listener: Socket) -> None:
    """A client that connects to the abstract name is connected with this listener."""
    assert client.connect(Unix(b"\0name")) == 0
    assert_talk(client, listener.accept())


@clause("connect.unix.netns.abstract", case="same-name")
@needs("second-namespace")
@needs("abstract-names")
@variants(families=["unix"], types=STREAMS)
def test_one_name_in_two_namespaces(sock: Socket, new_socket: SocketMaker, servers: Servers) -> None:
    """Two listeners of one name in two namespaces are told apart."""
    here = servers.at(Unix(b"\0name"), "here")
    _ = here.address
    with Namespace("elsewhere") as elsewhere:
        there, stranger = new_socket("there", namespace=elsewhere), new_socket("stranger", namespace=elsewhere)
        assert there.bind(Unix(b"\0name")) == 0
        assert there.listen() == 0
        assert_connects_with(stranger, there)
        assert_no_connection(here)
        assert sock.connect(here.address) == 0
        assert_connected(sock, here)

"""The paths of UNIX sockets: links, permissions, what is missing, what is no socket, and how long a path may be."""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from errno import EACCES, ECONNREFUSED, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR
from pathlib import Path

from fixtures import (
    ALL,
    BOTH,
    Bytes,
    Server,
    Servers,
    Socket,
    Unix,
    assert_not_connected,
    assert_usable,
    cases,
    clause,
    needs,
    variants,
)
from fixtures.contexts import (
    ANOTHER_USER,
    WITHOUT_CAPABILITIES,
    with_read_only,
)

TYPES = ["stream", "dgram", "seqpacket"]


def path_of(server: Server) -> Path:
    """The path that a server is bound to."""
    return Path(os.fsdecode(server.address.pack()[2:-1]))


def at(path: Path) -> Unix:
    """The address of a path."""
    return Unix(bytes(path))


def missing(folder: Path) -> Path:
    """A name that nothing has."""
    return folder / "none"


def missing_directory(folder: Path) -> Path:
    """A name in a directory that does not exist."""
    return folder / "none" / "none"


def dangling(folder: Path) -> Path:
    """A link that leads nowhere."""
    (folder / "link").symlink_to("none")
    return folder / "link"


def through_a_file(folder: Path) -> Path:
    """A name in what is no directory."""
    (folder / "file").touch()
    return folder / "file" / "none"


def a_loop(folder: Path) -> Path:
    """A link to a link to the link."""
    (folder / "one").symlink_to("other")
    (folder / "other").symlink_to("one")
    return folder / "one"


def long_component(folder: Path) -> Path:
    """A link whose target has a component of 256 bytes."""
    (folder / "link").symlink_to("x" * 256)
    return folder / "link"


Making = Callable[[Path], Path]


def refused_with(sock: Socket, server: Server, path: Path, error: int) -> None:
    """The path ends in the error, twice; the socket is as it was, and connects to a path that is right."""
    assert sock.connect(at(path)) == error
    assert sock.connect(at(path)) == error
    assert_not_connected(sock)
    assert_usable(sock, server)


@clause("connect.ENOENT.unix.missing")
@cases({"name": missing, "directory": missing_directory, "dangling": dangling})
@variants(families=["unix"], types=TYPES, entries=ALL)
@variants(families=["unix"], types=TYPES, modes=["nonblocking"])
def test_missing(sock: Socket, server: Server, folder: Path, case: Making) -> None:
    """What does not exist is told so."""
    refused_with(sock, server, case(folder), ENOENT)


@clause("connect.ENOENT.unix.missing", case="removed")
@variants(families=["unix"], types=TYPES)
def test_removed(sock: Socket, server: Server, servers: Servers) -> None:
    """A socket file that was removed is missing, although somebody listens."""
    path = path_of(server)
    path.unlink()
    refused_with(sock, servers.make("other"), path, ENOENT)


@clause("connect.ENOTDIR.unix.prefix")
@variants(families=["unix"], types=TYPES, entries=ALL)
@variants(families=["unix"], types=TYPES, modes=["nonblocking"])
def test_through_a_file(sock: Socket, server: Server, folder: Path) -> None:
    """A path through a file is told so."""
    refused_with(sock, server, through_a_file(folder), ENOTDIR)


@clause("connect.ENOTDIR.unix.trailing-slash")
@variants(families=["unix"], types=TYPES, entries=ALL)
@variants(families=["unix"], types=TYPES, modes=["nonblocking"])
def test_trailing_slash(sock: Socket, server: Server) -> None:
    """A slash behind a socket's name asks for a directory."""
    assert sock.connect(Unix(bytes(path_of(server)) + b"/")) == ENOTDIR
    assert_not_connected(sock)
    assert_usable(sock, server)


@clause("connect.ELOOP.unix.loop")
@variants(families=["unix"], types=TYPES, entries=ALL)
@variants(families=["unix"], types=TYPES, modes=["nonblocking"])
def test_loop(sock: Socket, server: Server, folder: Path) -> None:
    """Links that lead to each other are told so."""
    refused_with(sock, server, a_loop(folder), ELOOP)


def chain(folder: Path, target: Path, links: int) -> Path:
    """A chain of so many symbolic links to the target."""
    last = target
    for number in range(links):
        link = folder / f"l{number}"
        link.symlink_to(last)
        last = link
    return last


@clause("connect.ELOOP.unix.depth")
@variants(families=["unix"], types=TYPES, modes=BOTH)
def test_forty_one_links(sock: Socket, server: Server, folder: Path) -> None:
    """The forty-first link is one too many."""
    refused_with(sock, server, chain(folder, path_of(server), 41), ELOOP)


@clause("connect.ELOOP.unix.depth", case="just-fits")
@variants(families=["unix"], types=TYPES, modes=BOTH)
def test_forty_links(sock: Socket, server: Server, folder: Path) -> None:
    """The neighbouring case: forty links lead to the socket."""
    assert sock.connect(at(chain(folder, path_of(server), 40))) == 0
    assert sock.getpeername() == server.address


@clause("connect.ENAMETOOLONG.unix.component")
@variants(families=["unix"], types=TYPES, entries=ALL)
@variants(families=["unix"], types=TYPES, modes=["nonblocking"])
def test_long_component(sock: Socket, server: Server, folder: Path) -> None:
    """A component of 256 bytes is too long."""
    refused_with(sock, server, long_component(folder), ENAMETOOLONG)


def a_file(path: Path) -> Path:
    """An ordinary file."""
    path.touch()
    return path


def a_directory(path: Path) -> Path:
    """A directory."""
    path.mkdir()
    return path


def a_fifo(path: Path) -> Path:
    """A FIFO."""
    os.mkfifo(path)
    return path


def a_device(path: Path) -> Path:
    """A device."""
    path.symlink_to(os.devnull)
    return path


@clause("connect.ECONNREFUSED.unix.not-socket")
@cases({"file": a_file, "directory": a_directory, "FIFO": a_fifo, "device": a_device})
@variants(families=["unix"], types=TYPES, entries=ALL)
@variants(families=["unix"], types=TYPES, modes=["nonblocking"])
def test_another_kind_of_file(sock: Socket, server: Server, folder: Path, case: Making) -> None:
    """What is no socket refuses."""
    refused_with(sock, server, case(folder / "other"), ECONNREFUSED)


@clause("connect.EACCES.unix.write")
@needs("second-uid")
@cases({"0555": 0o555, "0000": 0, "0444": 0o444, "0755": 0o755})
@variants(families=["unix"], types=TYPES, modes=BOTH)
def test_no_write_permission(sock: Socket, server: Server, case: int) -> None:
    """Without write permission on the socket file another user is refused, until it is given."""
    path = path_of(server)
    path.chmod(case)
    with sock.context(ANOTHER_USER):
        assert sock.connect(server.address) == EACCES
        assert_not_connected(sock)
        path.chmod(0o222)
        assert_usable(sock, server)


@clause("connect.EACCES.unix.write", case="just-enough")
@needs("second-uid")
@variants(families=["unix"], types=TYPES)
def test_write_permission_alone(sock: Socket, server: Server) -> None:
    """The neighbouring case: write permission is all that is needed."""
    path_of(server).chmod(0o022)
    with sock.context(ANOTHER_USER):
        assert_usable(sock, server)


@clause("connect.EACCES.unix.write", case="own-file")
@variants(families=["unix"], types=TYPES, modes=BOTH)
def test_no_write_permission_for_the_owner(sock: Socket, server: Server) -> None:
    """Without the rights of root the owner, too, needs write permission."""
    path = path_of(server)
    path.chmod(0o577)
    with sock.context(WITHOUT_CAPABILITIES):
        assert sock.connect(server.address) == EACCES
        assert_not_connected(sock)
        path.chmod(0o200)
        assert_usable(sock, server)


@clause("connect.EACCES.unix.search")
@variants(families=["unix"], types=TYPES, modes=BOTH)
def test_no_search_permission(sock: Socket, servers: Servers, folder: Path) -> None:
    """Without search permission on a directory of the path nobody gets through; reading it does not help."""
    inner = a_directory(folder / "inner")
    server = servers.at(at(inner / "socket"))
    _ = server.address
    inner.chmod(0o666)
    with sock.context(WITHOUT_CAPABILITIES):
        assert sock.connect(server.address) == EACCES
        assert_not_connected(sock)
        inner.chmod(0o100)
        assert_usable(sock, server)


@clause("connect.EACCES.unix.dac-override")
@variants(families=["unix"], types=TYPES, modes=BOTH)
def test_rights_of_root(sock: Socket, servers: Servers, folder: Path) -> None:
    """With CAP_DAC_OVERRIDE no permission of a file or a directory is in the way."""
    inner = a_directory(folder / "inner")
    server = servers.at(at(inner / "socket"))
    path_of(server).chmod(0)
    inner.chmod(0)
    assert_usable(sock, server)


def by_symlink(path: Path) -> Path:
    """A symbolic link to the socket."""
    link = path.with_name("link")
    link.symlink_to(path)
    return link


def by_hard_link(path: Path) -> Path:
    """A hard link to the socket."""
    link = path.with_name("link")
    link.hardlink_to(path)
    return link


def by_new_name(path: Path) -> Path:
    """The socket under a new name."""
    return path.rename(path.with_name("renamed"))


@clause("connect.unix.symlink")
@variants(families=["unix"], types=TYPES, entries=ALL)
@variants(families=["unix"], types=TYPES, modes=["nonblocking"])
def test_symbolic_link(sock: Socket, server: Server) -> None:
    """A symbolic link leads to the socket."""
    assert sock.connect(at(by_symlink(path_of(server)))) == 0
    assert sock.getpeername() == server.address


@clause("connect.unix.getpeername")
@cases({"symlink": by_symlink, "hard-link": by_hard_link, "renamed": by_new_name})
@variants(families=["unix"], types=TYPES, modes=BOTH)
def test_name_of_the_peer(sock: Socket, server: Server, case: Making) -> None:
    """The peer's name is the path that it was bound to, whatever path led there."""
    bound = server.address
    assert sock.connect(at(case(path_of(server)))) == 0
    assert sock.getpeername() == bound


@contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Have another working directory for a block."""
    before = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
    os.chdir(folder)
    try:
        yield
    finally:
        os.fchdir(before)
        os.close(before)


@clause("connect.unix.relative-path")
@variants(families=["unix"], types=TYPES, entries=ALL)
@variants(families=["unix"], types=TYPES, modes=["nonblocking"])
def test_relative_path(sock: Socket, server: Server, folder: Path) -> None:
    """A relative path begins at the working directory."""
    path, elsewhere = path_of(server), a_directory(folder / "elsewhere")
    with working_in(elsewhere):
        assert sock.connect(Unix(os.fsencode(path.name))) == ENOENT
    with working_in(folder):
        assert sock.connect(Unix(os.fsencode(path.name))) == 0
    assert sock.getpeername() == server.address


@clause("connect.unix.hardlink-rename")
@cases({"hard-link": by_hard_link, "renamed": by_new_name})
@variants(families=["unix"], types=TYPES, modes=BOTH)
def test_other_names(sock: Socket, server: Server, case: Making) -> None:
    """A further link and a new name lead to the listener, and the old name goes its own way."""
    path = path_of(server)
    other = case(path)
    path.unlink(missing_ok=True)
    assert sock.connect(at(path)) == ENOENT
    assert sock.connect(at(other)) == 0
    assert sock.getpeername() == server.address


@clause("connect.unix.hardlink-rename", case="descriptor")
@variants(families=["unix"], types=TYPES)
def test_descriptor_of_the_file(sock: Socket, server: Server) -> None:
    """A descriptor of the file leads to the listener when the path is gone."""
    path = path_of(server)
    fd = os.open(path, os.O_PATH)
    try:
        path.unlink()
        assert sock.connect(Unix(b"/proc/self/fd/%d" % fd)) == 0
    finally:
        os.close(fd)
    assert sock.getpeername() == server.address


@clause("connect.unix.no-nul")
@cases({"without": b"", "garbage-behind": b"\0garbage"})
@variants(families=["unix"], types=TYPES, entries=ALL)
@variants(families=["unix"], types=TYPES, modes=["nonblocking"])
def test_end_of_the_path(sock: Socket, server: Server, case: bytes) -> None:
    """A path ends where the length says, or at a NUL before."""
    assert sock.connect(Bytes(server.address.pack()[:-1] + case)) == 0
    assert sock.getpeername() == server.address


@clause("connect.unix.path108")
@variants(families=["unix"], types=TYPES, entries=ALL)
@variants(families=["unix"], types=TYPES, modes=["nonblocking"])
def test_longest_path(sock: Socket, servers: Servers, folder: Path) -> None:
    """A path of 108 bytes, without a NUL, names a socket; one of 107 bytes names another."""
    prefix = bytes(folder) + b"/"
    whole = prefix + b"x" * (108 - len(prefix))
    server = servers.at(Bytes(Unix(whole).pack()[:-1]))
    shorter = servers.at(Unix(whole[:-1]), "shorter")
    _ = shorter.address
    assert sock.connect(server.address) == 0
    assert sock.getpeername() == Unix(whole)


@clause("connect.unix.readonly-fs")
@needs("mounts")
@variants(families=["unix"], types=TYPES)
def test_read_only_mount(sock: Socket, server: Server, folder: Path) -> None:
    """A mount that is read-only is no obstacle."""
    address = server.address
    mode = path_of(server).stat().st_mode
    assert stat.S_ISSOCK(mode)
    with sock.context(with_read_only(folder)):
        assert sock.connect(address) == 0
    assert sock.getpeername() == address

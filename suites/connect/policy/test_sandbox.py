"""What a process has forbidden itself: Landlock domains and seccomp filters; and what needs no rights at all."""

import socket
import struct
from collections.abc import Callable, Iterator
from errno import EACCES, EAFNOSUPPORT, EINVAL, ENOTCONN, EOPNOTSUPP, EPERM, EPROTO
from functools import partial

import pytest

from fixtures import (
    ALL,
    BOTH,
    CALLS,
    INTERNET,
    Address,
    Bytes,
    Calls,
    Inet6,
    Outcome,
    RunningRow,
    Server,
    Servers,
    Socket,
    SocketMaker,
    Unix,
    assert_connected,
    assert_no_connection,
    assert_not_connected,
    assert_usable,
    cases,
    clause,
    needs,
    port_of,
    variants,
)
from fixtures.contexts import (
    ABSTRACT_UNIX_SOCKET,
    ANOTHER_USER,
    BIND_TCP,
    CONNECT_TCP,
    UNNAMED_PORT,
    WITHOUT_CAPABILITIES,
    Sandbox,
    filter_connect,
    labelled,
    landlock,
)

SandboxMaker = Callable[..., Sandbox]
NAME = Unix(b"\0kconform")
UNIX_TYPES = ["stream", "dgram", "seqpacket"]
UNSPECIFIED = Bytes(bytes(16))


@pytest.fixture
def sandbox(row: RunningRow, calls: Calls) -> Iterator[SandboxMaker]:
    """Makes sandboxes of what restricts a thread; their threads end with the row."""
    made: list[Sandbox] = []

    def make(*restrictions: Callable[[], None]) -> Sandbox:
        def restrict() -> None:
            for each in restrictions:
                each()

        made.append(Sandbox(calls, " and ".join(dict.fromkeys(map(_named, restrictions))), restrict))
        return made[-1]

    yield make
    for each in made:
        row.stuck.update(each.threads.close())


def _named(restriction: Callable[[], None]) -> str:
    """What a restriction is, for the record of the calls that are made under it."""
    function = getattr(restriction, "func", restriction)
    return {landlock: "in a Landlock domain", filter_connect: "under a seccomp filter"}[function]


@clause("connect.landlock.tcp")
@needs("landlock-tcp")
@variants(families=INTERNET, entries=ALL)
@variants(families=INTERNET, modes=["nonblocking"])
def test_ports_without_a_rule(
    sock: Socket, server: Server, servers: Servers, sandbox: SandboxMaker, new_socket: SocketMaker
) -> None:
    """Inside, a port without a rule is denied, again and again, and one with a rule is not; outside all are open."""
    allowed = servers.make("allowed")
    inside = sandbox(partial(landlock, net=CONNECT_TCP, connect_to=(port_of(allowed.address),))).socket(sock)
    assert inside.connect(server.address) == EACCES
    assert_not_connected(inside)
    assert inside.connect(server.address) == EACCES
    assert inside.tcp_state() == "CLOSE"
    assert_no_connection(server)
    assert_usable(inside, allowed)
    assert_usable(new_socket("outside"), server)


@clause("connect.landlock.tcp", case="connected")
@needs("landlock-tcp")
@variants(families=INTERNET, modes=BOTH)
def test_denied_to_a_connected_socket(sock: Socket, server: Server, servers: Servers, sandbox: SandboxMaker) -> None:
    """A denied attempt leaves a connection alone that was there before."""
    assert sock.connect_and_wait(server.address) == 0
    inside = sandbox(partial(landlock, net=CONNECT_TCP)).socket(sock)
    assert inside.connect(servers.make("other").address) == EACCES
    assert_connected(inside, server)


@clause("connect.landlock.tcp", case="unhandled")
@needs("landlock-tcp")
@cases({"bind": partial(landlock, net=BIND_TCP), "allowed": partial(landlock, net=CONNECT_TCP, connect_to=(7001,))})
@variants(families=INTERNET)
def test_domains_that_allow(sock: Socket, server: Server, sandbox: SandboxMaker, case: Callable[[], None]) -> None:
    """A domain that handles only bind, and one with a rule for the port, forbid nothing here."""
    assert port_of(server.address) == 7001
    assert_usable(sandbox(case).socket(sock), server)


@clause("connect.landlock.tcp", case="stacked")
@needs("landlock-tcp")
@variants(families=INTERNET)
def test_domain_in_a_domain(sock: Socket, server: Server, servers: Servers, sandbox: SandboxMaker) -> None:
    """Each domain around a thread has to allow the port: a second one takes away and never gives."""
    both, first, second = (servers.make(label) for label in ("both", "first", "second"))
    outer = (port_of(both.address), port_of(first.address))
    inner = (port_of(both.address), port_of(second.address))
    domains = [partial(landlock, net=CONNECT_TCP, connect_to=ports) for ports in (outer, inner)]
    inside = sandbox(*domains).socket(sock)
    assert inside.connect(first.address) == EACCES
    assert inside.connect(second.address) == EACCES
    assert inside.connect(server.address) == EACCES
    assert_usable(inside, both)


@clause("connect.landlock.tcp", case="mapped")
@needs("landlock-tcp")
@variants(families=["inet6"], modes=BOTH)
def test_mapped_address_is_denied(sock: Socket, servers: Servers, sandbox: SandboxMaker) -> None:
    """A mapped IPv4 address has its port, too."""
    server = servers.make(family="inet")
    mapped = Inet6("::ffff:127.0.0.1", port_of(server.address))
    inside = sandbox(partial(landlock, net=CONNECT_TCP)).socket(sock)
    assert inside.connect(mapped) == EACCES
    assert_not_connected(inside)
    assert_no_connection(server)
    assert sock.connect_and_wait(mapped) == 0
    assert sock.getpeername() == mapped


@clause("connect.landlock.tcp", case="not-tcp")
@needs("landlock-tcp")
@variants(families=INTERNET, types=["dgram"], modes=BOTH)
@variants(families=["unix"], types=UNIX_TYPES)
def test_what_is_no_tcp(sock: Socket, server: Server, sandbox: SandboxMaker) -> None:
    """UDP and UNIX sockets are not affected."""
    assert_usable(sandbox(partial(landlock, net=BIND_TCP | CONNECT_TCP)).socket(sock), server)


@clause("connect.landlock.argument-errors")
@needs("landlock-tcp")
@cases(
    {
        "short": (lambda address: address.pack()[:10], EINVAL),
        "family": (lambda address: struct.pack("=H", 77) + address.pack()[2:], EAFNOSUPPORT),
        "unspecified": (lambda address: bytes(len(address.pack())), 0),
    }
)
@variants(families=INTERNET)
def test_arguments_that_are_wrong_anyway(
    sock: Socket, server: Server, sandbox: SandboxMaker, case: tuple[Callable[[Address], bytes], int]
) -> None:
    """A malformed address gives the same error inside as outside, and AF_UNSPEC is always allowed."""
    inside = sandbox(partial(landlock, net=CONNECT_TCP)).socket(sock)
    wrong = Bytes(case[0](server.address))
    assert inside.connect(wrong) == case[1]
    assert sock.connect(wrong) == case[1]
    assert inside.connect(server.address) == EACCES
    assert_not_connected(sock)


@clause("connect.landlock.argument-errors", case="dissolve")
@needs("landlock-tcp")
@variants(families=INTERNET, modes=BOTH)
def test_connection_may_be_dissolved(sock: Socket, server: Server, sandbox: SandboxMaker) -> None:
    """AF_UNSPEC dissolves a connection inside; it can't be made again there."""
    assert sock.connect_and_wait(server.address) == 0
    assert sock.getpeername() == server.address
    inside = sandbox(partial(landlock, net=CONNECT_TCP)).socket(sock)
    assert inside.connect(UNSPECIFIED) == 0
    assert inside.getpeername() == ENOTCONN
    assert inside.tcp_state() == "CLOSE"
    assert inside.connect(server.address) == EACCES


@clause("connect.landlock.fastopen-gap")
@needs("landlock-tcp")
@variants(families=INTERNET)
def test_implicit_connect(sock: Socket, server: Server, sandbox: SandboxMaker) -> None:
    """A send that connects is either denied, and nothing happens, or it is not seen at all, and it connects."""
    inside = sandbox(partial(landlock, net=CONNECT_TCP)).socket(sock)
    assert inside.connect(server.address) == EACCES
    outcome = _send_fast(inside, b"hello", server.address)
    assert outcome in (0, EACCES)
    assert inside.tcp_state() == {0: "ESTABLISHED", EACCES: "CLOSE"}[outcome.error]


@clause("connect.landlock.abstract")
@needs("abstract-names")
@needs("landlock-scope")
@variants(families=["unix"], types=["stream", "dgram"], entries=ALL)
@variants(families=["unix"], types=["seqpacket"])
@variants(families=["unix"], types=UNIX_TYPES, modes=["nonblocking"])
def test_abstract_name_outside(sock: Socket, server: Server, sandbox: SandboxMaker, new_socket: SocketMaker) -> None:
    """An abstract name that belongs to somebody outside the domain is denied inside; a path is not."""
    _listen(new_socket("named", nonblocking=True))
    inside = sandbox(partial(landlock, scoped=ABSTRACT_UNIX_SOCKET)).socket(sock)
    assert inside.connect(NAME) == EPERM
    assert_not_connected(inside)
    assert inside.connect(NAME) == EPERM
    outside = new_socket("outside")
    assert outside.connect(NAME) == 0
    assert outside.getpeername() == NAME
    assert_usable(inside, server)


@clause("connect.landlock.abstract", case="inside")
@needs("abstract-names")
@needs("landlock-scope")
@variants(families=["unix"], types=UNIX_TYPES)
def test_abstract_name_inside(sock: Socket, sandbox: SandboxMaker, new_socket: SocketMaker) -> None:
    """One that belongs to somebody in the domain is not denied, inside or outside."""
    box = sandbox(partial(landlock, scoped=ABSTRACT_UNIX_SOCKET))
    _listen(box.run(lambda: new_socket("named", nonblocking=True)))
    assert box.socket(sock).connect(NAME) == 0
    assert sock.getpeername() == NAME
    outside = new_socket("outside")
    assert outside.connect(NAME) == 0
    assert outside.getpeername() == NAME


@clause("connect.landlock.abstract", case="unscoped")
@needs("abstract-names")
@needs("landlock-scope")
@variants(families=["unix"], types=UNIX_TYPES)
def test_abstract_name_without_a_scope(sock: Socket, sandbox: SandboxMaker, new_socket: SocketMaker) -> None:
    """A domain that scopes nothing of the kind denies nothing of it; nobody there is still nobody there."""
    inside = sandbox(partial(landlock, net=CONNECT_TCP)).socket(sock)
    _listen(new_socket("named", nonblocking=True))
    assert inside.connect(NAME) == 0
    assert sock.getpeername() == NAME


@clause("connect.seccomp.errno")
@needs("seccomp")
@variants(families=INTERNET, entries=CALLS)
@variants(families=INTERNET, types=["dgram"], modes=["nonblocking"])
@variants(families=["unix"], types=["stream", "dgram"])
def test_filter_that_denies(sock: Socket, server: Server, sandbox: SandboxMaker) -> None:
    """The filter's errno is the call's, whatever the arguments are, and the kernel does nothing; outside it does."""
    inside = sandbox(partial(filter_connect, EPROTO)).socket(sock)
    assert inside.connect(server.address) == EPROTO
    assert inside.connect_raw(0, -1) == EPROTO
    assert_not_connected(inside)
    assert_no_connection(server)
    assert_usable(sock, server)


@clause("connect.seccomp.errno", case="zero")
@needs("seccomp")
@variants(families=INTERNET)
def test_filter_that_pretends(sock: Socket, server: Server, sandbox: SandboxMaker) -> None:
    """A filter whose errno is 0 makes the call succeed without doing anything."""
    inside = sandbox(partial(filter_connect, 0)).socket(sock)
    assert inside.connect(server.address) == 0
    assert_not_connected(inside)
    assert_no_connection(server)


@clause("connect.seccomp.errno", case="ring")
@needs("seccomp")
@variants(families=INTERNET, entries=["io_uring"])
def test_filter_that_is_passed_by(sock: Socket, server: Server, sandbox: SandboxMaker) -> None:
    """A request to a ring is no system call of that name: the filter does not see it."""
    assert_usable(sandbox(partial(filter_connect, EPROTO)).socket(sock), server)


@clause("connect.EACCES.selinux")
@needs("selinux")
@variants(families=INTERNET, modes=BOTH)
def test_label_that_may_not_connect(sock: Socket, servers: Servers, new_socket: SocketMaker) -> None:
    """A socket with a label that the policy does not let connect is denied; one with the maker's own is not."""
    server = servers.make(port=UNNAMED_PORT)
    with labelled():
        confined = new_socket("confined")
    assert confined.connect(server.address) == EACCES
    assert_not_connected(confined)
    assert_no_connection(server)
    assert_usable(sock, server)


@clause("connect.privileges.may-be-required")
@variants(families=INTERNET, entries=ALL)
@variants(families=INTERNET, types=["dgram"])
@variants(families=["unix"], types=UNIX_TYPES)
def test_without_capabilities(sock: Socket, server: Server) -> None:
    """A thread without any capability connects."""
    with sock.context(WITHOUT_CAPABILITIES):
        assert_usable(sock, server)


@clause("connect.privileges.may-be-required", case="nobody")
@needs("second-uid")
@variants(families=INTERNET, types=["stream", "dgram"])
def test_as_nobody(sock: Socket, server: Server) -> None:
    """A user without privileges connects."""
    with sock.context(ANOTHER_USER):
        assert_usable(sock, server)


@clause("connect.privileges.may-be-required", case="nobody")
@needs("abstract-names")
@needs("second-uid")
@variants(families=["unix"], types=UNIX_TYPES)
def test_as_nobody_to_a_name(sock: Socket, new_socket: SocketMaker) -> None:
    """An abstract name has no permissions: a user without privileges connects to another's."""
    _listen(new_socket("named", nonblocking=True))
    with sock.context(ANOTHER_USER):
        assert sock.connect(NAME) == 0
    assert sock.getpeername() == NAME


def _listen(named: Socket) -> None:
    """Give a socket the abstract name, and let it listen where its type does."""
    assert named.bind(NAME) == 0
    assert named.listen() in (0, EOPNOTSUPP)


def _send_fast(sock: Socket, data: bytes, to: Address) -> Outcome:
    """sendto(2) with MSG_FASTOPEN: a send that connects first."""
    name = to.pack()
    place, target = sock.calls.place(data), sock.calls.place(name)
    flags = socket.MSG_FASTOPEN | socket.MSG_NOSIGNAL
    shown = [sock.shown, repr(data), str(len(data)), "MSG_FASTOPEN|MSG_NOSIGNAL", str(to), str(len(name))]
    return sock.calls.make(
        "sendto",
        sock.fd,
        place,
        len(data),
        flags,
        target,
        len(name),
        shown=shown,
        complete=lambda sent: sent == len(data),
        known={1: len(data), 4: len(name)},
    )

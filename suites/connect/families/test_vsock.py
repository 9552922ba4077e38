"""VSOCK: addresses, and connections within this machine.

A VSOCK socket belongs to no network namespace, and what it sends may go to the machine's host. So each of these tests
connects only to a context that is known to be this machine's own (``fixtures.probes.families``), or with an address
that a kernel cannot send anything to.
"""

import struct
from collections.abc import Callable, Iterator
from errno import (
    EAFNOSUPPORT,
    EALREADY,
    ECONNREFUSED,
    ECONNRESET,
    EINPROGRESS,
    EINVAL,
    EISCONN,
    ENODEV,
    ENOTCONN,
    ETIMEDOUT,
)

import pytest

from fixtures import (
    ALL,
    BOTH,
    CALLS,
    POLLOUT,
    Bytes,
    Socket,
    SocketMaker,
    Vsock,
    assert_talk,
    cases,
    clause,
    needs,
    not_exercised,
    variants,
    waits,
)
from fixtures.probes import (
    VMADDR_CID_ANY,
    VMADDR_CID_LOCAL,
    SilentGuest,
)
from netns import INET6
from suites.connect.names import UNSPEC

AF_VSOCK, AF_INET = 40, 2
SO_VM_SOCKETS_CONNECT_TIMEOUT = 6
NOBODY = Vsock(VMADDR_CID_ANY, 7001)  # No machine has this context.
NOWHERE = Vsock(0x6B63, 7001)
BAD = {
    "inet": Bytes(struct.pack("=H", AF_INET) + NOBODY.pack()[2:]),
    "inet6": Bytes(struct.pack("=H", INET6) + NOBODY.pack()[2:]),
    "unspec": Bytes(bytes(2) + NOBODY.pack()[2:]),
    "nothing": Bytes(b""),
    "one-byte": Bytes(NOBODY.pack()[:1]),
    "family-alone": Bytes(NOBODY.pack()[:2]),
    "no-context": Bytes(NOBODY.pack()[:8]),
    "one-too-short": Bytes(NOBODY.pack()[:15]),
}
ListenerMaker = Callable[[str], Socket]


@pytest.fixture
def listening(new_socket: SocketMaker) -> ListenerMaker:
    """Opens listeners at the local context, at ports of the kernel's choice."""

    def make(label: str) -> Socket:
        made = new_socket(label, nonblocking=True)
        assert made.bind(Vsock(VMADDR_CID_LOCAL, VMADDR_CID_ANY)) == 0
        assert made.listen() == 0
        return made

    return make


@pytest.fixture
def silent() -> Iterator[Vsock]:
    """An address in a guest of this process's that never answers."""
    with SilentGuest() as guest:
        yield Vsock(guest.cid, 7001)


def assert_connected(sock: Socket, listener: Socket) -> Socket:
    """The socket is connected to the listener, on both sides; gives the accepted socket."""
    here = sock.getsockname().value
    assert here.port not in (0, VMADDR_CID_ANY)
    assert sock.getpeername() == listener.getsockname().value
    accepted = listener.accept()
    assert accepted.getpeername() == Vsock(VMADDR_CID_LOCAL, here.port)
    assert_talk(sock, accepted)
    assert sock.so_error() == 0
    return accepted


@clause("connect.EINVAL.vsock.family-length")
@cases(BAD)
@variants(families=["vsock"], types=["stream"])
@variants(families=["vsock"], types=["seqpacket"], entries=ALL, lines=["inet"])
@variants(families=["vsock"], types=["stream"], modes=["nonblocking"], lines=["one-too-short"])
def test_bad_address(sock: Socket, case: Bytes) -> None:
    """It is invalid, as often as it is tried, and leaves no attempt, no peer and no error."""
    assert sock.connect(case) == EINVAL
    assert sock.connect(case) == EINVAL
    assert sock.getpeername() == ENOTCONN
    assert sock.getsockname() == Vsock(VMADDR_CID_ANY, VMADDR_CID_ANY)
    assert sock.so_error() == 0


@clause("connect.EINVAL.vsock.family-length", case="listener")
@variants(families=["vsock"], types=["stream", "seqpacket"])
def test_listener(sock: Socket) -> None:
    """A listener is told that the address is invalid, a good one too, and listens on."""
    assert sock.bind(Vsock(VMADDR_CID_ANY, VMADDR_CID_ANY)) == 0
    here = sock.getsockname().value
    assert sock.listen() == 0
    for address in (NOBODY, UNSPEC, NOBODY):
        assert sock.connect(address) == EINVAL
    assert sock.getsockname() == here
    assert sock.getpeername() == ENOTCONN
    assert sock.poll() == set()


@clause("connect.EAFNOSUPPORT.vsock")
@variants(families=["vsock"], types=["stream"])
def test_other_family_as_posix_has_it(sock: Socket) -> None:
    """An address of another family is not supported."""
    assert sock.connect(BAD["inet"]) == EAFNOSUPPORT


@clause("connect.vsock.success")
@needs("vsock-loopback")
@variants(families=["vsock"], types=["stream"], modes=BOTH, entries=ALL)
@variants(families=["vsock"], types=["seqpacket"])
def test_connect(sock: Socket, listening: ListenerMaker) -> None:
    """It reaches the listener that it names, and no other."""
    listener, other = listening("listener"), listening("other")
    assert sock.connect_and_wait(listener.getsockname().value) == 0
    assert_connected(sock, listener)
    assert other.poll() == set()


@clause("connect.vsock.EISCONN")
@needs("vsock-loopback")
@variants(families=["vsock"], types=["stream"], modes=BOTH)
@variants(families=["vsock"], types=["seqpacket"])
def test_connect_again(sock: Socket, listening: ListenerMaker) -> None:
    """A connected socket is told so, for the same address, another, and a bad one; its connection goes on."""
    listener, other = listening("listener"), listening("other")
    assert sock.connect_and_wait(listener.getsockname().value) == 0
    accepted = assert_connected(sock, listener)
    for address in (listener.getsockname().value, other.getsockname().value, BAD["inet"], UNSPEC):
        assert sock.connect(address) == EISCONN
    assert sock.getpeername() == listener.getsockname().value
    assert_talk(sock, accepted)
    assert listener.poll() == set()
    assert other.poll() == set()


@clause("connect.vsock.EISCONN", case="accepted")
@needs("vsock-loopback")
@variants(families=["vsock"], types=["stream"])
def test_connect_an_accepted_socket(sock: Socket, listening: ListenerMaker) -> None:
    """So is the socket that was accepted."""
    listener, other = listening("listener"), listening("other")
    assert sock.connect(listener.getsockname().value) == 0
    accepted = assert_connected(sock, listener)
    assert accepted.connect(other.getsockname().value) == EISCONN
    assert_talk(sock, accepted)
    assert other.poll() == set()


@clause("connect.vsock.ECONNRESET")
@needs("vsock-loopback")
@variants(families=["vsock"], types=["stream"], entries=CALLS)
@variants(families=["vsock"], types=["seqpacket"])
def test_nobody_listens(sock: Socket, listening: ListenerMaker) -> None:
    """The attempt is reset each time, and the socket connects to who listens."""
    closed, listener = listening("closed"), listening("listener")
    nobody = closed.getsockname().value
    assert closed.close() == 0
    assert sock.connect(nobody) == ECONNRESET
    sock.so_error()  # Some kernels leave the error of a call there.
    assert sock.getpeername() == ENOTCONN
    assert sock.connect(nobody) == ECONNRESET
    assert sock.connect(listener.getsockname().value) == 0
    assert_connected(sock, listener)


@clause("connect.vsock.ECONNRESET", case="background")
@needs("vsock-loopback")
@variants(families=["vsock"], types=["stream"], modes=["nonblocking"])
def test_nobody_listens_in_the_background(sock: Socket, listening: ListenerMaker) -> None:
    """In the background the reset is in SO_ERROR, once."""
    closed = listening("closed")
    nobody = closed.getsockname().value
    assert closed.close() == 0
    assert sock.connect(nobody) == EINPROGRESS
    sock.wait_writable()
    assert sock.so_error() == ECONNRESET
    assert sock.so_error() == 0
    assert sock.getpeername() == ENOTCONN


@clause("connect.vsock.ECONNREFUSED.posix")
@needs("vsock-loopback")
@variants(families=["vsock"], types=["stream"])
def test_nobody_listens_as_posix_has_it(sock: Socket, listening: ListenerMaker) -> None:
    """The attempt is refused."""
    closed = listening("closed")
    nobody = closed.getsockname().value
    assert closed.close() == 0
    assert sock.connect_and_wait(nobody) == ECONNREFUSED


@clause("connect.vsock.EINPROGRESS")
@needs("vsock-loopback")
@variants(families=["vsock"], types=["stream", "seqpacket"], modes=["nonblocking"])
def test_in_the_background(sock: Socket, listening: ListenerMaker) -> None:
    """It goes on in the background and completes; a second call finds it under way, or over."""
    listener = listening("listener")
    address = listener.getsockname().value
    assert sock.connect(address) == EINPROGRESS
    assert sock.connect(address) in (EALREADY, EISCONN)
    sock.wait_writable()
    assert sock.so_error() == 0
    assert sock.poll() == {POLLOUT}
    assert sock.connect(address) == EISCONN
    assert_connected(sock, listener)


@clause("connect.vsock.EINPROGRESS", case="pending")
@needs("vhost-vsock")
@variants(families=["vsock"], types=["stream"], modes=["nonblocking"])
def test_pending(sock: Socket, silent: Vsock) -> None:
    """While nobody answers it is under way, for each address, and the socket is ready for nothing."""
    assert sock.connect(silent) == EINPROGRESS
    assert sock.connect(silent) == EALREADY
    assert sock.connect(NOBODY) == EALREADY
    assert sock.select() == set()
    assert sock.so_error() == 0
    assert sock.getpeername() == ENOTCONN


TIMEOUT = struct.pack("=qq", 0, 300_000)


@clause("connect.vsock.ETIMEDOUT")
@needs("vhost-vsock")
@cases({"set": 0.3, "default": 2.0})
@waits(2)
@variants(families=["vsock"], types=["stream"], modes=["nonblocking"], lines=["set"])
@variants(families=["vsock"], types=["stream"])
def test_nobody_answers(sock: Socket, silent: Vsock, case: float) -> None:
    """It times out after its time, and can be tried again."""
    if case != 2.0:
        assert sock.setsockopt(AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, TIMEOUT, level_name="AF_VSOCK") == 0
    started = sock.connect_and_wait(silent)
    assert started == ETIMEDOUT
    assert sock.nonblocking or started.seconds >= case - 0.05
    assert sock.so_error() == 0
    assert sock.getpeername() == ENOTCONN
    assert sock.connect_and_wait(silent) == ETIMEDOUT


@clause("connect.vsock.ENODEV")
@needs("vsock-alone")
@variants(families=["vsock"], types=["stream"], modes=BOTH)
def test_no_transport(sock: Socket) -> None:
    """Nothing leads to the context: there is no such device, each time, and no peer."""
    assert sock.connect(NOWHERE) == ENODEV
    assert sock.connect(NOWHERE) == ENODEV
    assert sock.getpeername() == ENOTCONN
    assert sock.so_error() == 0


@clause("connect.vsock.dgram")
@variants(families=["vsock"], types=["dgram"])
def test_datagrams(new_socket: SocketMaker) -> None:
    """The peer is set without a packet, and taken away by AF_UNSPEC."""
    try:
        sock = new_socket()
    except OSError as error:
        not_exercised(f"no transport of VSOCK has datagrams here: {error}")
    assert sock.connect(BAD["inet"]) == EINVAL
    assert sock.connect(NOWHERE) == 0
    assert sock.getpeername() == NOWHERE
    assert sock.connect(UNSPEC) == 0
    assert sock.getpeername() == ENOTCONN

"""What tests with a scripted peer share: how attempts begin and end, and what ICMP messages do to a socket."""

from errno import EINPROGRESS

from fixtures import (
    DEADLINE,
    POLLERR,
    POLLOUT,
    Peer,
    Socket,
)
from netns import Packet


def pending(sock: Socket, peer: Peer) -> Packet:
    """Begin an attempt in the background; returns its SYN."""
    assert sock.connect(peer.address) == EINPROGRESS
    return peer.hears("S")


def connected(sock: Socket, peer: Peer) -> Packet:
    """Connect in the background; returns a segment of data from the client, which nobody has acknowledged."""
    peer.establishes(pending(sock, peer))
    assert sock.send(b"ping") == 0
    return peer.hears("PA")


def assert_call_succeeds(sock: Socket, peer: Peer) -> None:
    """A call that waits returns 0 when the peer has established the connection."""
    call = sock.start_connect(peer.address)
    peer.establishes(peer.hears("S"))
    assert call.result() == 0


def assert_no_error_arrives(sock: Socket, peer: Peer) -> None:
    """What the peer has sent leaves no error: the socket is writable, and SO_ERROR holds nothing."""
    peer.settles()
    assert sock.poll() == {POLLOUT}
    assert sock.so_error() == 0


def assert_error_arrives(sock: Socket, peer: Peer, error: int) -> None:
    """poll reports an error, and SO_ERROR holds it."""
    assert sock.poll(DEADLINE, ask=()) == {POLLERR}
    peer.settles()  # The queue of errors is filled an instant before SO_ERROR.
    assert sock.so_error() == error

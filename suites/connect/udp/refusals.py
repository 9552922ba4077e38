"""A datagram that is refused, because nobody is bound to where it goes."""

from fixtures import (
    DEADLINE,
    POLLERR,
    Address,
    Socket,
)


def be_refused(sock: Socket, to: Address | None = None) -> None:
    """Send a datagram that is refused, to the peer or to an address, and wait for the error, without fetching it."""
    assert sock.send(b"anybody?", to=to) == 0
    assert sock.poll(DEADLINE, ask=()) == {POLLERR}

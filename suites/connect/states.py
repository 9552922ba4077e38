"""The state of a TCP connection, for tests that wait until it changes."""

from fixtures import (
    Socket,
)


def state_of(sock: Socket) -> str:
    """The state of the connection, such as ``SYN_SENT``; the call that reads it is not in the transcript."""
    with sock.calls.aside():
        return sock.tcp_state()

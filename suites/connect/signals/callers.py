"""A connect that waits in the kernel, and what state its socket is in."""

from fixtures import (
    Address,
    Socket,
    UnderWay,
    until,
    until_asleep,
)


def begun(sock: Socket, address: Address) -> UnderWay:
    """A connect that waits in the kernel."""
    attempt = sock.start_connect(address)
    until(lambda: state_of(sock) == "SYN_SENT", "the socket is in SYN_SENT")
    until_asleep(attempt.native_id)
    return attempt


def state_of(sock: Socket) -> str:
    """The state of the connection, looked at without a trace in the transcript."""
    with sock.calls.aside():
        return sock.tcp_state()

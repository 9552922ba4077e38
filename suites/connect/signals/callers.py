"""A connect that waits in the kernel."""

from fixtures import (
    Address,
    Socket,
    UnderWay,
    until,
    until_asleep,
)
from suites.connect.states import state_of


def begun(sock: Socket, address: Address) -> UnderWay:
    """A connect that waits in the kernel."""
    attempt = sock.start_connect(address)
    until(lambda: state_of(sock) == "SYN_SENT", "the socket is in SYN_SENT")
    until_asleep(attempt.native_id)
    return attempt

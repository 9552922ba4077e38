"""A connect that waits in the kernel, and what state its socket is in."""

import fcntl
import sys
import termios

from fixtures import Address, Socket, until
from fixtures.calls import UnderWay
from fixtures.waiting import until_asleep


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


def until_acknowledged(sock: Socket) -> None:
    """Wait until the other side has acknowledged all that was sent, so that it has the connection, too.

    A client is connected before its last segment of the handshake has been seen; a listener has its connections in the
    order in which these arrive.
    """
    until(lambda: _unacknowledged(sock) == 0, "the peer has acknowledged what was sent")


def _unacknowledged(sock: Socket) -> int:
    """Bytes that are not acknowledged, by SIOCOUTQ as tcp(7) has it."""
    return int.from_bytes(fcntl.ioctl(sock.fd, termios.TIOCOUTQ, bytes(4)), sys.byteorder)

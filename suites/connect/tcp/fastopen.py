"""TCP Fast Open in tests: the option that defers a connect, and a send that connects."""

import socket

from fixtures import (
    Address,
    Outcome,
    Socket,
)
from fixtures.probes import (
    TCP_FASTOPEN_CONNECT,
)
from netns import Host

SYSCTL = "net.ipv4.tcp_fastopen"
CLIENT, SERVER, WITHOUT_COOKIE, EVERY_LISTENER = 0x1, 0x2 | 0x200, 0x4, 0x400
COOKIE_OPTION = 34


def allow(host: Host, *flags: int) -> None:
    """Let a host use Fast Open in these ways."""
    host.set_sysctl(SYSCTL, sum(flags))


def defer(sock: Socket) -> Outcome:
    """Ask that connect() leaves the SYN to the first write: TCP_FASTOPEN_CONNECT."""
    return sock.setsockopt(
        socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1, name="TCP_FASTOPEN_CONNECT", level_name="IPPROTO_TCP"
    )


def write(sock: Socket, data: bytes, to: Address | bytes | None = None, *, wait: bool = True) -> Outcome:
    """sendto(2), with MSG_FASTOPEN where there is an address; waiting, unless the socket or the test does not."""
    named = b"" if to is None else to if isinstance(to, bytes) else to.pack()
    place = sock.calls.place(data)
    target = sock.calls.place(named) if to is not None else 0
    flags = socket.MSG_NOSIGNAL | (0 if to is None else socket.MSG_FASTOPEN) | (0 if wait else socket.MSG_DONTWAIT)
    words = "MSG_NOSIGNAL" + ("" if to is None else "|MSG_FASTOPEN") + ("" if wait else "|MSG_DONTWAIT")
    shown = [sock.shown, repr(data), str(len(data)), words, str(to), str(len(named))]
    return sock.calls.make(
        "sendto",
        sock.fd,
        place,
        len(data),
        flags,
        target,
        len(named),
        shown=shown,
        complete=lambda n: n == len(data),
        known={1: len(data), 4: len(named)},
    )

"""An epoll instance that stays open over several waits, so that edges can be told from levels."""

import select
from types import TracebackType
from typing import Self

from fixtures import (
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLOUT,
    POLLRDHUP,
    Socket,
)

_NAMES = {
    select.EPOLLIN: POLLIN,
    select.EPOLLOUT: POLLOUT,
    select.EPOLLERR: POLLERR,
    select.EPOLLHUP: POLLHUP,
    select.EPOLLRDHUP: POLLRDHUP,
}


class Watch:
    """Watches one socket by epoll, for its edges or for its levels."""

    def __init__(self, sock: Socket, *, edges: bool) -> None:
        self._poller = select.epoll()
        asked = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP
        self._poller.register(sock.fd, asked | (select.EPOLLET if edges else 0))

    def events(self, within: float = 0.0) -> set[str]:
        """The names of what is reported within so many seconds; the empty set if nothing is."""
        found = self._poller.poll(within)
        return {_NAMES.get(1 << bit, hex(1 << bit)) for _, mask in found for bit in range(32) if mask >> bit & 1}

    def __enter__(self) -> Self:
        """Watch for a block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop watching."""
        self._poller.close()

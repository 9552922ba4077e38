"""What this suite needs to stand on: a socket that is connected already, since connect is not what it tries."""

import pytest

from fixtures import (
    Server,
    Socket,
)


@pytest.fixture
def connected(sock: Socket, server: Server) -> Socket:
    """The socket under test, connected to the server; where it can't be, the row can't be judged."""
    outcome = sock.connect_and_wait(server.address)
    if not outcome.succeeded:
        raise OSError(outcome.error, f"connect() on '{sock.label}' failed: {outcome!r}")
    return sock

"""What this suite stands on: a socket under test that listens, and clients that connect to it."""

from collections.abc import Callable

import pytest

from fixtures import Address, Servers, Socket, SocketMaker

Connect = Callable[[str], Socket]


@pytest.fixture
def address(servers: Servers) -> Address:
    """The address of the listener."""
    return servers.free_address()


@pytest.fixture
def listener(sock: Socket, address: Address) -> Socket:
    """The socket under test, bound and listening; where it can't be, the row can't be judged."""
    for outcome in (sock.bind(address), sock.listen()):
        if not outcome.succeeded:
            raise OSError(outcome.error, f"'{sock.label}' can't listen: {outcome!r}")
    return sock


@pytest.fixture
def connect(new_socket: SocketMaker, address: Address) -> Connect:
    """Connects another client to the listener, without waiting for it to be accepted."""

    def make(label: str) -> Socket:
        client = new_socket(label, nonblocking=True)
        outcome = client.connect_and_wait(address)
        if not outcome.succeeded:
            raise OSError(outcome.error, f"'{label}' can't connect: {outcome!r}")
        return client

    return make

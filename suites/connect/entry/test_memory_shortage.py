"""Resources that run out: memory. It takes a kernel that can be asked to refuse single allocations."""

from errno import EINPROGRESS, ENOBUFS, ENOMEM

from fixtures import (
    INTERNET,
    Server,
    Servers,
    Socket,
    SocketMaker,
    assert_usable,
    clause,
    needs,
    variants,
)
from fixtures.contexts import (
    with_failing,
)

ALLOCATIONS = 30  # One connect makes fewer.


def errors_when_short(new_socket: SocketMaker, server: Server) -> set[int]:
    """Connect again and again, each time with another allocation refused; gives the errors."""
    errors: set[int] = set()
    for nth in range(1, ALLOCATIONS):
        sock = new_socket(f"sock{nth}", nonblocking=True)
        with sock.context(with_failing(nth)):
            outcome = sock.connect(server.address)
        if outcome.error in (ENOBUFS, ENOMEM):
            assert_usable(sock, server)
        errors.add(outcome.error)
        sock.close()
    return errors


@clause("connect.ENOBUFS")
@needs("fault-injection")
@variants(families=INTERNET)
def test_no_memory(sock: Socket, new_socket: SocketMaker, servers: Servers) -> None:
    """An attempt goes on without what was refused, or fails for want of it; the socket is usable later."""
    server = servers.make(backlog=2 * ALLOCATIONS)
    errors = errors_when_short(new_socket, server)
    assert errors & {ENOBUFS, ENOMEM}
    assert errors <= {ENOBUFS, ENOMEM, EINPROGRESS}
    assert sock.connect(server.address) == 0


@clause("connect.ENOMEM")
@needs("fault-injection")
@variants(families=["unix"], types=["stream", "seqpacket"])
def test_no_memory_for_a_unix_connection(sock: Socket, new_socket: SocketMaker, servers: Servers) -> None:
    """The attempt fails with ENOMEM and with nothing else, or needs no memory any more."""
    server = servers.make(backlog=2 * ALLOCATIONS)
    assert errors_when_short(new_socket, server) == {0, ENOMEM}
    assert sock.connect(server.address) == 0

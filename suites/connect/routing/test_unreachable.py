"""No route leads there: ENETUNREACH, told by the call itself in both modes."""

from errno import ENETUNREACH

from fixtures import (
    ALL,
    BOTH,
    FAMILIES,
    INTERNET,
    Server,
    Socket,
    Variant,
    assert_not_connected,
    assert_peer,
    clause,
    internet,
    variants,
    with_port,
)

NOWHERE = {"inet": "192.0.2.1", "inet6": "2001:db8:ffff::1"}


@clause("connect.ENETUNREACH.noroute.{tcp}")
@variants(families=INTERNET, types=["stream", "dgram"], modes=BOTH, entries=ALL)
def test_no_route(sock: Socket, server: Server, variant: Variant) -> None:
    """Without a route the call fails at once, again and again, and the socket can still be used."""
    nowhere = internet(FAMILIES[variant.family], NOWHERE[variant.family], 7001)
    assert sock.connect(nowhere) == ENETUNREACH
    assert sock.connect(nowhere) == ENETUNREACH
    assert_not_connected(sock)
    assert sock.connect_and_wait(server.address) == 0
    assert sock.getpeername() == server.address


@clause("connect.ENETUNREACH.raw")
@variants(families=INTERNET, types=["raw"], modes=BOTH, entries=ALL)
def test_no_route_for_raw(sock: Socket, server: Server, variant: Variant) -> None:
    """Raw sockets look for the route when they connect, too."""
    assert sock.connect(internet(FAMILIES[variant.family], NOWHERE[variant.family])) == ENETUNREACH
    assert_not_connected(sock)
    assert sock.connect(with_port(server.address, 77)) == 0
    assert_peer(sock, with_port(server.address, 77))

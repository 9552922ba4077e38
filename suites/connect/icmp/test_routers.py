"""What a router between client and server makes of connect: its routes, and the ICMP messages that it sends."""

import time
from collections.abc import Callable
from errno import EACCES, EHOSTUNREACH, ENETUNREACH, ENOTCONN

import pytest

from fixtures import (
    BOTH,
    DEADLINE,
    FAMILIES,
    INTERNET,
    POLLERR,
    POLLOUT,
    Address,
    Server,
    Socket,
    SocketMaker,
    Variant,
    assert_peer,
    assert_usable,
    cases,
    clause,
    internet,
    topology,
    variants,
    waits,
)
from netns import Host, Topology
from suites.connect.icmp_messages import receive_errors
from suites.connect.times import RETRANSMISSION

BEHIND = {"inet": ("203.0.113.1", "203.0.113.0/24"), "inet6": ("2001:db8:b::1", "2001:db8:b::/48")}
Refusal = tuple[Callable[[Host, str], None] | None, int, int]
# The method that adds the router's route to the net, and the errno of its answer over IPv4 and IPv6.
ROUTERS: dict[str, Refusal] = {
    "noroute": (None, ENETUNREACH, ENETUNREACH),
    "unreachable": (Host.add_unreachable, EHOSTUNREACH, ENETUNREACH),
    "prohibit": (Host.add_prohibit, EHOSTUNREACH, EACCES),
}


@pytest.fixture
def behind(variant: Variant) -> Address:
    """An address that the client sends to by way of the router."""
    return internet(FAMILIES[variant.family], BEHIND[variant.family][0], 7001)


def refuse(topology: Topology, variant: Variant, add: Callable[[Host, str], None] | None) -> None:
    """Let the router refuse the net behind it."""
    if add is not None:
        add(topology.host("router"), BEHIND[variant.family][1])


@clause("connect.icmp.router.{case}")
@topology("routed")
@waits(RETRANSMISSION)
@cases(ROUTERS)
@variants(families=INTERNET, modes=BOTH)
@variants(families=INTERNET, entries=["compat32"])
@variants(families=["inet6"], entries=["io_uring"])
def test_a_router_that_refuses(
    sock: Socket,
    server: Server,
    new_socket: SocketMaker,
    topology: Topology,
    behind: Address,
    variant: Variant,
    case: Refusal,
) -> None:
    """The router's answer to a SYN is the attempt's end, and concerns nobody else who goes through it."""
    refuse(topology, variant, case[0])
    assert sock.connect_and_wait(behind) == case[1 + INTERNET.index(variant.family)]
    assert sock.getpeername() == ENOTCONN
    assert sock.close() == 0
    assert_usable(new_socket(), server)


@clause("connect.EHOSTUNREACH.noroute", case="router")
@topology("routed")
@waits(RETRANSMISSION)
@variants(families=INTERNET)
def test_a_router_without_an_entry(sock: Socket, behind: Address) -> None:
    """The document's name for a missing entry holds for that of a router, too."""
    assert sock.connect(behind) == EHOSTUNREACH


def with_every_error(new_socket: SocketMaker, variant: Variant) -> Socket:
    """A socket with IP_RECVERR, which reports errors that may pass, too."""
    made = new_socket("witness")
    assert receive_errors(made, variant.family) == 0
    return made


def ask_until_told(witness: Socket) -> None:
    """Send until an error comes: a router may answer one host no more often than once in a second."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        assert witness.send(b"anybody?") == 0
        if POLLERR in witness.poll(1.1, ask=()).value:
            return
    assert witness.poll(ask=()) == {POLLERR}


@clause("connect.udp.softerror-needs-recverr")
@topology("routed")
@waits(1.1)
@cases({name: ROUTERS[name] for name in ("noroute", "unreachable")})
@variants(families=INTERNET, types=["dgram"])
def test_a_router_and_datagrams(
    sock: Socket,
    server: Server,
    new_socket: SocketMaker,
    topology: Topology,
    behind: Address,
    variant: Variant,
    case: Refusal,
) -> None:
    """Of two sockets that send to where the router has no route only the one with IP_RECVERR gets an error."""
    refuse(topology, variant, case[0])
    witness = with_every_error(new_socket, variant)
    for each in (sock, witness):
        assert each.connect(behind) == 0
    assert sock.send(b"anybody?") == 0
    ask_until_told(witness)
    assert witness.so_error() == case[1 + INTERNET.index(variant.family)]
    assert sock.poll() == {POLLOUT}
    assert_peer(sock, behind)
    assert_usable(sock, server)

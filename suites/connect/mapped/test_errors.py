"""What mapped addresses are answered: by routes of IPv4, by a peer that resets, and by ICMP under either RECVERR."""

from collections.abc import Callable
from errno import EACCES, EAGAIN, ECONNREFUSED, EHOSTUNREACH, EINPROGRESS, EINVAL, ENETUNREACH
from socket import MSG_ERRQUEUE

from fixtures import (
    DEADLINE,
    INTERNET,
    POLLERR,
    POLLOUT,
    Peer,
    Server,
    Socket,
    SocketMaker,
    Variant,
    assert_not_connected,
    assert_peer,
    assert_usable,
    cases,
    clause,
    topology,
    variants,
)
from netns import Host, Topology
from suites.connect.icmp_messages import EVERY, NAMED, SIX, Message, receive_errors
from suites.connect.scripted import assert_error_arrives, assert_no_error_arrives, connected

TYPES = ("stream", "dgram")
SERVER = {"inet": "192.0.2.2/32", "inet6": "2001:db8:1::2/128"}  # In the topology "pair", and nothing beside it.
Refusal = tuple[Callable[[Host, str], None], int]  # The method that adds the route, and the errno.
ROUTES: dict[str, Refusal] = {
    "blackhole": (Host.add_blackhole, EINVAL),
    "unreachable": (Host.add_unreachable, EHOSTUNREACH),
    "prohibit": (Host.add_prohibit, EACCES),
    "throw": (Host.add_throw, ENETUNREACH),
}
OTHER = {"inet6": "inet", "mapped": "inet6"}


@clause("connect.route.{case}.inet")
@topology("pair")
@cases(ROUTES)
@variants(families=["mapped"], types=TYPES)
def test_a_route_that_refuses(
    sock: Socket,
    new_socket: SocketMaker,
    server: Server,
    six: Server,
    topology: Topology,
    case: Refusal,
) -> None:
    """A route of IPv4 refuses a mapped address at once, twice, and not the host's IPv6 one; without it all is well."""
    case[0](topology.client, SERVER["inet"])
    for _ in range(2):
        assert sock.connect(server.address) == case[1]
        assert_not_connected(sock)
    assert_usable(new_socket("other"), six)
    topology.client.delete_route(SERVER["inet"])
    assert_usable(sock, server)


@clause("connect.route.{case}.inet6", case="mapped")
@topology("pair")
@cases(ROUTES)
@variants(families=["mapped"], types=TYPES, lines=["unreachable"])
def test_a_route_of_the_other_family(
    sock: Socket,
    new_socket: SocketMaker,
    server: Server,
    six: Server,
    topology: Topology,
    case: Refusal,
) -> None:
    """A route of IPv6 refuses the host's IPv6 address, and does nothing to its mapped one."""
    case[0](topology.client, SERVER["inet6"])
    assert new_socket("other").connect(six.address) == case[1]
    assert_usable(sock, server)


@clause("connect.ECONNREFUSED.tcp.remote", case="late")
@topology("scripted")
@variants(families=[*INTERNET, "mapped"], modes=["nonblocking"])
def test_reset_that_comes_later(sock: Socket, peer: Peer) -> None:
    """A reset ends a pending attempt, told once; one that acknowledges another number does not."""
    assert sock.connect(peer.address) == EINPROGRESS
    syn = peer.hears("S")
    peer.says(syn, "RA", ack=syn.next_seq + 1)
    peer.settles()
    assert sock.tcp_state() == "SYN_SENT"
    assert sock.poll() == set()
    peer.says(syn, "RA")
    sock.wait_writable()
    assert sock.so_error() == ECONNREFUSED
    assert_not_connected(sock)


def other_option(sock: Socket, variant: Variant) -> None:
    """Set the option that is the other family's: IPV6_RECVERR for a mapped peer, IP_RECVERR for an IPv6 one."""
    assert receive_errors(sock, OTHER[variant.family]) == 0


@clause("connect.ipv6.v4mapped.other-recverr")
@topology("scripted")
@cases(EVERY)
@variants(families=["mapped"], types=["dgram"], lines=["host-unreachable"])
@variants(families=["inet6"], types=["dgram"], lines=["address-unreachable"])
def test_what_may_pass_under_the_other_option(sock: Socket, peer: Peer, variant: Variant, case: Message) -> None:
    """An error that may pass arrives under the peer's own option alone."""
    other_option(sock, variant)
    assert sock.connect(peer.address) == 0
    assert sock.send(b"one") == 0
    case.about(peer, peer.hears())
    assert_no_error_arrives(sock, peer)
    assert receive_errors(sock, variant.family) == 0
    assert sock.send(b"two") == 0
    case.about(peer, peer.hears())
    assert_error_arrives(sock, peer, case.errno)
    assert sock.recv_now(MSG_ERRQUEUE) == b"two"


@clause("connect.ipv6.v4mapped.other-recverr", case="final")
@topology("scripted")
@cases(NAMED | SIX)
@variants(families=["mapped"], types=["dgram"], lines=["prot-unreachable"])
@variants(families=["inet6"], types=["dgram"], lines=["prohibited"])
def test_a_final_error_under_the_other_option(sock: Socket, peer: Peer, variant: Variant, case: Message) -> None:
    """A final error is told, and no copy of it is queued."""
    other_option(sock, variant)
    assert sock.connect(peer.address) == 0
    assert sock.send(b"one") == 0
    case.about(peer, peer.hears())
    assert POLLERR in sock.poll(DEADLINE, ask=()).value
    assert sock.so_error() == case.errno
    assert sock.recv_now(MSG_ERRQUEUE) == EAGAIN
    assert_peer(sock, peer.address)


@clause("connect.ipv6.v4mapped.other-recverr", case="connection")
@topology("scripted")
@cases(EVERY)
@variants(families=["mapped"], modes=["nonblocking"], lines=["host-unreachable"])
@variants(families=["inet6"], modes=["nonblocking"], lines=["address-unreachable"])
def test_a_connection_under_the_other_option(sock: Socket, peer: Peer, variant: Variant, case: Message) -> None:
    """A connection gets no error either, until it has the peer's own option, and goes on."""
    other_option(sock, variant)
    sent = connected(sock, peer)
    case.about(peer, sent)
    peer.settles()
    assert sock.poll() == {POLLOUT}
    assert receive_errors(sock, variant.family) == 0
    case.about(peer, sent)
    assert POLLERR in sock.poll(DEADLINE, ask=()).value
    assert sock.so_error() == case.errno
    assert sock.tcp_state() == "ESTABLISHED"

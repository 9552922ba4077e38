"""Resets that meet an attempt: in SYN_SENT, in SYN_RECV after a simultaneous open, and those that are none of its."""

from collections.abc import Callable
from errno import EALREADY, ECONNREFUSED, ECONNRESET, EINPROGRESS, ENOTCONN

import pytest

from fixtures import (
    ALL,
    FAMILIES,
    INTERNET,
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLOUT,
    POLLRDHUP,
    Inet,
    Inet6,
    Peer,
    Server,
    Servers,
    Socket,
    SocketMaker,
    Variant,
    assert_no_connection,
    assert_not_connected,
    assert_talk,
    assert_usable,
    clause,
    needs,
    topology,
    until_asleep,
    variants,
    waits,
)
from netns import Match, Packet, Rule, Topology
from suites.connect.scripted import assert_call_succeeds
from suites.connect.times import RETRANSMISSION

FAILED = {POLLIN, POLLOUT, POLLERR, POLLHUP, POLLRDHUP}


def assert_completes(sock: Socket, peer: Peer, answer: Callable[[], object]) -> None:
    """The attempt is pending and holds no error, and the peer's answer completes it."""
    assert sock.poll() == set()
    assert sock.so_error() == 0
    assert sock.connect(peer.address) == EALREADY
    answer()
    sock.wait_writable()
    assert sock.so_error() == 0
    assert sock.tcp_state() == "ESTABLISHED"
    assert sock.getpeername() == peer.address


def crossed(sock: Socket, peer: Peer) -> Packet:
    """Begin an attempt in the background that meets a SYN of the peer's; gives the client's answer to that."""
    assert sock.connect(peer.address) == EINPROGRESS
    peer.says(peer.hears("S"), "S")
    answer = peer.hears("SA")
    assert sock.tcp_state() == "SYN_RECV"
    return answer


@clause("connect.ECONNRESET.syn")
@topology("scripted")
@variants(families=INTERNET)
def test_a_request_is_reset(sock: Socket, peer: Peer) -> None:
    """The peer resets the request."""
    peer.whenever("S", lambda syn: peer.says(syn, "RA"))
    assert sock.connect(peer.address) == ECONNRESET


@clause("connect.ECONNREFUSED.tcp.reset")
@topology("scripted")
@variants(families=INTERNET, entries=ALL)
def test_a_reset_wakes_the_call(sock: Socket, peer: Peer) -> None:
    """A call that sleeps is woken by the reset; nothing is sent afterwards, and the next attempt can succeed."""
    call = sock.start_connect(peer.address)
    syn = peer.hears("S")
    until_asleep(call.native_id)
    peer.says(syn, "RA")
    assert call.result() == ECONNREFUSED
    assert sock.tcp_state() == "CLOSE"
    assert_not_connected(sock)
    assert peer.has_heard_nothing_more() == []
    assert_call_succeeds(sock, peer)


@clause("connect.ECONNREFUSED.tcp.reset")
@topology("scripted")
@variants(families=INTERNET, modes=["nonblocking"])
def test_a_reset_in_the_background(sock: Socket, peer: Peer) -> None:
    """In the background it is told once."""
    assert sock.connect(peer.address) == EINPROGRESS
    peer.says(peer.hears("S"), "RA")
    sock.wait_writable()
    peer.settles()  # The error may show an instant before the socket is closed.
    assert sock.poll() == FAILED
    assert sock.so_error() == ECONNREFUSED
    assert sock.tcp_state() == "CLOSE"
    assert_not_connected(sock)


@clause("connect.ECONNREFUSED.tcp.reset", case="strange")
@topology("scripted")
@variants(families=INTERNET, modes=["nonblocking"])
def test_a_reset_of_something_else(sock: Socket, peer: Peer) -> None:
    """A reset that does not acknowledge the SYN does nothing, and is not answered."""
    assert sock.connect(peer.address) == EINPROGRESS
    syn = peer.hears("S")
    for flags, offset in (("R", 1), ("RA", 0), ("RA", 2), ("RA", -1)):
        peer.says(syn, flags, ack=syn.seq + offset)
        assert peer.has_heard_nothing_more() == []
        assert sock.tcp_state() == "SYN_SENT"
    assert_completes(sock, peer, lambda: peer.establishes(syn))


@clause("connect.tcp.half-an-answer")
@topology("scripted")
@variants(families=INTERNET, modes=["nonblocking"])
def test_an_acknowledgement_alone(sock: Socket, peer: Peer) -> None:
    """An acknowledgement without a SYN does nothing; a SYN that acknowledges something else is answered by a reset."""
    assert sock.connect(peer.address) == EINPROGRESS
    syn = peer.hears("S")
    peer.says(syn, "A")
    assert peer.has_heard_nothing_more() == []
    assert sock.tcp_state() == "SYN_SENT"
    peer.says(syn, "SA", ack=syn.seq + 2)
    assert peer.hears("R").seq == syn.seq + 2
    assert sock.tcp_state() == "SYN_SENT"
    assert_completes(sock, peer, lambda: peer.establishes(syn))


@clause("connect.ECONNRESET.syn_recv")
@topology("scripted")
@variants(families=INTERNET)
def test_a_simultaneous_open_is_reset(sock: Socket, peer: Peer) -> None:
    """A call that sleeps in SYN_RECV is woken by the reset."""
    call = sock.start_connect(peer.address)
    peer.says(peer.hears("S"), "S")
    answer = peer.hears("SA")
    until_asleep(call.native_id)
    assert sock.tcp_state() == "SYN_RECV"
    peer.says(answer, "R")
    assert call.result() == ECONNRESET
    assert sock.tcp_state() == "CLOSE"
    assert_not_connected(sock)


@clause("connect.ECONNRESET.syn_recv")
@topology("scripted")
@variants(families=INTERNET, modes=["nonblocking"])
def test_a_simultaneous_open_is_reset_in_the_background(sock: Socket, peer: Peer) -> None:
    """In the background it is told once, and nothing is sent afterwards."""
    peer.says(crossed(sock, peer), "R")
    sock.wait_writable()
    peer.settles()  # The error may show an instant before the socket is closed.
    assert sock.poll() == FAILED
    assert sock.so_error() == ECONNRESET
    assert sock.tcp_state() == "CLOSE"
    assert_not_connected(sock)
    assert peer.has_heard_nothing_more() == []


@clause("connect.ECONNRESET.syn_recv", case="strange")
@topology("scripted")
@variants(families=INTERNET, modes=["nonblocking"])
def test_a_strange_reset_of_a_simultaneous_open(sock: Socket, peer: Peer) -> None:
    """With another sequence number it does nothing; inside the window it is answered by an acknowledgement."""
    answer = crossed(sock, peer)
    for offset, replies in ((-1, 0), (1_000_000, 0), (5, 1)):
        peer.says(answer, "R", seq=peer.seq(answer) + offset)
        peer.settles()
        assert peer.count("A") == replies
        assert sock.tcp_state() == "SYN_RECV"
    assert_completes(sock, peer, lambda: peer.says(answer, "A"))


@clause("connect.ECONNRESET.syn_recv.refused")
@topology("scripted")
@variants(families=INTERNET, modes=["nonblocking"])
def test_a_simultaneous_open_is_refused(sock: Socket, peer: Peer) -> None:
    """The RFC calls it a refusal."""
    peer.says(crossed(sock, peer), "R")
    sock.wait_writable()
    assert sock.so_error() == ECONNREFUSED


@pytest.fixture
def rejected(server: Server, topology: Topology, variant: Variant) -> Rule:
    """A rule by which the server's host answers each SYN to the server with port unreachable."""
    address = server.address
    assert isinstance(address, Inet | Inet6)
    reject = "icmpv6-port-unreachable" if variant.family == "inet6" else "icmp-port-unreachable"
    match = Match(FAMILIES[variant.family], "tcp", address.port)
    return Rule(topology.server.namespace, "input", match, reject)


@clause("connect.ECONNREFUSED.tcp.icmp-port-unreach")
@needs("nft-reject")
@topology("pair")
@waits(RETRANSMISSION)
@variants(families=INTERNET)
def test_the_port_is_unreachable(
    sock: Socket, server: Server, servers: Servers, rejected: Rule, new_socket: SocketMaker
) -> None:
    """The listener hears nothing; other ports are open meanwhile, and this one is when the rule is gone."""
    assert sock.connect(server.address) == ECONNREFUSED
    assert rejected.packets in (1, 2)
    assert sock.tcp_state() == "CLOSE"
    assert sock.getpeername() == ENOTCONN
    assert_no_connection(server)
    assert_usable(new_socket("neighbour"), servers.make("other"))
    rejected.remove()
    assert sock.connect(server.address) == 0
    assert_talk(sock, server.accepted())


@clause("connect.ECONNREFUSED.tcp.icmp-port-unreach")
@needs("nft-reject")
@topology("pair")
@waits(RETRANSMISSION)
@variants(families=INTERNET, modes=["nonblocking"])
def test_the_port_is_unreachable_in_the_background(sock: Socket, server: Server, rejected: Rule) -> None:
    """In the background SO_ERROR tells."""
    assert sock.connect(server.address) == EINPROGRESS
    sock.wait_writable()
    assert sock.so_error() == ECONNREFUSED
    assert rejected.packets in (1, 2)
    assert sock.getpeername() == ENOTCONN
    assert_no_connection(server)

"""ICMP errors and UDP: what a connected datagram socket is told of, when, how often, and of what it is not."""

from errno import EAGAIN, ECONNREFUSED, ENOTCONN
from socket import MSG_ERRQUEUE
from typing import Any

from fixtures import (
    BOTH,
    DEADLINE,
    INTERNET,
    POLLERR,
    POLLOUT,
    Address,
    Peer,
    Socket,
    SocketMaker,
    Variant,
    assert_peer,
    cases,
    clause,
    topology,
    variants,
)
from netns import Packet
from suites.connect.icmp_messages import (
    DATAGRAM,
    DATAGRAM4,
    DATAGRAM6,
    IGNORED,
    TOO_BIG,
    TOO_BIG6,
    Message,
    final,
    passing,
    receive_errors,
)
from suites.connect.names import UNSPEC
from suites.connect.scripted import assert_error_arrives, assert_no_error_arrives

SAMPLE4, SAMPLE6 = ["prot-unreachable", "port-unreachable"], ["prohibited", "port-unreachable6"]
UNREACHABLE = {"inet": (3, 3), "inet6": (1, 4), "mapped": (3, 3)}


def sends(sock: Socket, peer: Peer, data: bytes = b"one", to: Address | None = None) -> Packet:
    """Send a datagram, to the socket's peer or to an address; returns it as it reached the scripted peer."""
    assert sock.send(data, to) == 0
    return peer.hears()


def provoke(sock: Socket, peer: Peer, message: Message) -> None:
    """Send a datagram which the peer answers by an ICMP message, and wait for the error, without fetching it."""
    message.about(peer, sends(sock, peer))
    assert sock.poll(DEADLINE, ask=()) == {POLLERR}


def assert_exchange(sock: Socket, peer: Peer) -> None:
    """The association is as it was: datagrams come and go."""
    assert_peer(sock, peer.address)
    sent = sends(sock, peer, b"still here")
    peer.tells(sent, b"so am I")
    assert sock.recv() == b"so am I"
    assert sock.poll() == {POLLOUT}


@clause("connect.icmp.{tcp}.final")
@topology("scripted")
@cases(DATAGRAM)
@variants(families=["inet"], types=["dgram"], lines=final(DATAGRAM4))
@variants(families=["inet6"], types=["dgram"], lines=final(DATAGRAM6))
@variants(families=["inet"], types=["dgram"], modes=["nonblocking"], entries=["compat32"], lines=SAMPLE4)
@variants(families=["inet6"], types=["dgram"], modes=["nonblocking"], entries=["compat32"], lines=SAMPLE6)
@variants(families=["mapped"], types=["dgram"], lines=["prot-unreachable"])
def test_a_final_error(sock: Socket, peer: Peer, case: Message) -> None:
    """A send, a receive, or SO_ERROR reports each message, once, and the association stays."""
    assert sock.connect(peer.address) == 0
    provoke(sock, peer, case)
    assert sock.send(b"denied") == case.errno
    provoke(sock, peer, case)
    assert sock.recv_now() == case.errno
    assert sock.recv_now() == EAGAIN
    provoke(sock, peer, case)
    assert sock.so_error() == case.errno
    assert_exchange(sock, peer)


@clause("connect.icmp.udp.passing")
@topology("scripted")
@cases(DATAGRAM | IGNORED)
@variants(families=["inet"], types=["dgram"], lines=[*passing(DATAGRAM4), *IGNORED])
@variants(families=["inet6"], types=["dgram"], lines=passing(DATAGRAM6))
@variants(families=["mapped"], types=["dgram"], lines=["host-unreachable"])
def test_an_error_that_may_pass(sock: Socket, peer: Peer, case: Message) -> None:
    """A message that may pass is told to nobody."""
    assert sock.connect(peer.address) == 0
    case.about(peer, sends(sock, peer))
    peer.settles()
    assert sock.poll() == {POLLOUT}
    assert_exchange(sock, peer)


def assert_only_in_error_queue(sock: Socket, data: bytes) -> None:
    """The queue of errors has this datagram and no other."""
    assert sock.recv_now(MSG_ERRQUEUE) == data
    assert sock.recv_now(MSG_ERRQUEUE) == EAGAIN


@clause("connect.icmp.udp.IP_RECVERR")
@topology("scripted")
@cases(DATAGRAM)
@variants(families=["inet"], types=["dgram"], lines=[*passing(DATAGRAM4), *TOO_BIG, *SAMPLE4])
@variants(families=["inet6"], types=["dgram"], lines=[*passing(DATAGRAM6), *TOO_BIG6, *SAMPLE6])
@variants(families=["mapped"], types=["dgram"], lines=["host-unreachable"])
def test_every_error(sock: Socket, peer: Peer, variant: Variant, case: Message) -> None:
    """With IP_RECVERR the socket reports each message, whether it may pass or not, and none about another port."""
    assert receive_errors(sock, variant.family) == 0
    assert sock.connect(peer.address) == 0
    sent = sends(sock, peer)
    peer.error(sent, (case.type, case.code), info=case.info, dport=sent.dport + 1)
    peer.settles()
    assert sock.poll() == {POLLOUT}
    case.about(peer, sent)
    assert_error_arrives(sock, peer, case.errno)
    assert_only_in_error_queue(sock, b"one")
    assert_exchange(sock, peer)


STRANGE: dict[str, dict[str, Any]] = {
    "source-port": {"sport": lambda sent: sent.sport ^ 1},
    "port": {"dport": lambda sent: sent.dport + 1},
    "address": {"dst": lambda sent: sent.destination[:-1] + "9"},
    "source": {"src": lambda sent: sent.source[:-1] + "9"},
}


@clause("connect.icmp.udp.not-about-it")
@topology("scripted")
@cases(STRANGE)
@variants(families=INTERNET, types=["dgram"])
@variants(families=["mapped"], types=["dgram"], lines=["port", "source"])
def test_an_error_about_something_else(sock: Socket, peer: Peer, variant: Variant, case: dict[str, Any]) -> None:
    """A message that quotes another socket's datagram, or one to somebody else, is not told; the socket's own is."""
    message = UNREACHABLE[variant.family]
    assert sock.connect(peer.address) == 0
    sent = sends(sock, peer)
    peer.error(sent, message, **{field: change(sent) for field, change in case.items()})
    peer.settles()
    assert_exchange(sock, peer)
    peer.error(sent, message)
    assert sock.poll(DEADLINE, ask=()) == {POLLERR}
    assert sock.so_error() == ECONNREFUSED


@clause("connect.icmp.udp.not-about-it", case="peer-before")
@topology("scripted")
@variants(families=INTERNET, types=["dgram"], modes=BOTH)
@variants(families=["mapped"], types=["dgram"])
def test_an_error_about_the_peer_before(sock: Socket, peer: Peer, variant: Variant) -> None:
    """After another connect a message about the first peer is not told, and one about the second is."""
    assert sock.connect(peer.other_address) == 0
    first = sends(sock, peer)
    assert sock.connect(peer.address) == 0
    second = sends(sock, peer)
    peer.error(first, UNREACHABLE[variant.family])
    peer.settles()
    assert_exchange(sock, peer)
    peer.error(second, UNREACHABLE[variant.family])
    assert sock.poll(DEADLINE, ask=()) == {POLLERR}
    assert sock.so_error() == ECONNREFUSED


@clause("connect.icmp.udp.not-about-it", case="neighbour")
@topology("scripted")
@variants(families=INTERNET, types=["dgram"])
def test_an_error_of_the_neighbour(sock: Socket, peer: Peer, new_socket: SocketMaker, variant: Variant) -> None:
    """Of two sockets with the same peer the one is told whose datagram it was."""
    other = new_socket("other")
    assert other.connect(peer.address) == 0
    assert sock.connect(peer.address) == 0
    sends(other, peer)
    peer.error(sends(sock, peer), UNREACHABLE[variant.family])
    assert sock.poll(DEADLINE, ask=()) == {POLLERR}
    assert sock.so_error() == ECONNREFUSED
    assert_exchange(other, peer)


@clause("connect.icmp.udp.dissolved")
@topology("scripted")
@cases(DATAGRAM)
@variants(families=["inet"], types=["dgram"], lines=SAMPLE4)
@variants(families=["inet6"], types=["dgram"], lines=SAMPLE6)
def test_a_final_error_without_association(sock: Socket, peer: Peer, case: Message) -> None:
    """A socket that was connected, and is no more, is told of the final errors of its datagrams."""
    assert sock.connect(peer.address) == 0
    assert sock.connect(UNSPEC) == 0
    assert sock.send(b"one", peer.address) == 0
    case.about(peer, peer.hears())
    peer.settles()
    assert sock.so_error() == case.errno


def dissolve(sock: Socket) -> None:
    """End the association by AF_UNSPEC."""
    assert sock.connect(UNSPEC) == 0
    assert sock.getpeername() == ENOTCONN


@clause("connect.icmp.udp.dissolved.unheard")
@topology("scripted")
@cases(DATAGRAM)
@variants(families=["inet"], types=["dgram"], lines=["host-unreachable", *SAMPLE4])
@variants(families=["inet6"], types=["dgram"], lines=["address-unreachable", *SAMPLE6])
def test_no_error_without_association(sock: Socket, peer: Peer, variant: Variant, case: Message) -> None:
    """No message arrives about a datagram of the association, or about a later one; with IP_RECVERR one does."""
    assert sock.connect(peer.address) == 0
    before = sends(sock, peer)
    dissolve(sock)
    after = sends(sock, peer, b"two", peer.address)
    case.about(peer, before)
    case.about(peer, after)
    assert_no_error_arrives(sock, peer)
    assert receive_errors(sock, variant.family) == 0
    case.about(peer, sends(sock, peer, b"three", peer.address))
    assert_error_arrives(sock, peer, case.errno)

"""ICMP errors and TCP: what each message makes of an attempt, of a connection, and which are not about it at all."""

from errno import EALREADY, EHOSTUNREACH, EINPROGRESS, EISCONN, ENOTCONN
from typing import Any

import pytest

from fixtures import (
    ALL,
    DEADLINE,
    INTERNET,
    PACKETS,
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLOUT,
    POLLRDHUP,
    Inet,
    Inet6,
    Peer,
    Server,
    Socket,
    Variant,
    assert_not_connected,
    assert_talk,
    cases,
    clause,
    needs,
    topology,
    unmapped,
    until,
    until_asleep,
    variants,
    waits,
)
from netns import Match, Packet, Rule, Topology
from suites.connect.icmp_messages import (
    EVERY,
    FOUR,
    IGNORED,
    NAMED,
    SIX,
    SOFT4,
    SOFT6,
    TOO_BIG,
    TOO_BIG6,
    Message,
    receive_errors,
)
from suites.connect.scripted import assert_call_succeeds, connected, pending
from suites.connect.times import RETRANSMISSION

FAILED = {POLLIN, POLLOUT, POLLERR, POLLHUP, POLLRDHUP}
# One of each kind, where the whole table would say nothing more: the first may pass, the second is final.
SAMPLE4, SAMPLE6 = ["host-unreachable", "parameter-problem"], ["address-unreachable", "policy-failed"]
MORE4 = [*SAMPLE4, "net-unreachable", "port-unreachable", "time-exceeded"]
MORE6 = [*SAMPLE6, "no-route", "port-unreachable6", "hop-limit"]


def is_told(sock: Socket, peer: Peer) -> None:
    """Wait until select and poll tell of the message, and the kernel is done with it.

    On another processor it may be told an instant before SO_ERROR has it, and before the socket is closed.
    """
    sock.wait_writable()
    peer.settles()


def assert_goes_on(sock: Socket, peer: Peer, syn: Packet) -> None:
    """The attempt is still pending, nothing was told, and the peer's late answer completes it."""
    assert sock.tcp_state() == "SYN_SENT"
    assert sock.poll() == set()
    assert sock.so_error() == 0
    assert sock.connect(peer.address) == EALREADY
    peer.establishes(syn)
    sock.wait_writable()
    assert sock.so_error() == 0
    assert sock.getpeername() == peer.address


def assert_talks(sock: Socket, peer: Peer, sent: Packet) -> None:
    """The connection is as it was: what was sent is acknowledged, and data comes and goes."""
    assert sock.tcp_state() == "ESTABLISHED"
    peer.says(sent, "PA", payload=b"pong")
    assert sock.recv() == b"pong"
    peer.hears("A")
    assert sock.send(b"again") == 0
    assert peer.hears("PA").payload == b"again"


@clause("connect.icmp.{tcp}.{case}")
@topology("scripted")
@cases(EVERY)
@variants(families=["inet"], modes=["nonblocking"], lines=FOUR)
@variants(families=["inet6"], modes=["nonblocking"], lines=SIX)
@variants(families=["inet"], modes=["nonblocking"], entries=["compat32"], lines=SAMPLE4)
@variants(families=["inet6"], modes=["nonblocking"], entries=["compat32"], lines=SAMPLE6)
@variants(families=["mapped"], modes=["nonblocking"], lines=[*SAMPLE4, "port-unreachable"])
def test_an_error_ends_the_attempt(sock: Socket, peer: Peer, case: Message) -> None:
    """One message about the SYN ends the attempt at once, with its errno, told once; no SYN follows."""
    case.about(peer, pending(sock, peer))
    is_told(sock, peer)
    assert sock.poll() == FAILED
    assert sock.so_error() == case.errno
    assert sock.tcp_state() == "CLOSE"
    assert_not_connected(sock)
    assert peer.has_heard_nothing_more() == []
    assert sock.close() == 0


@clause("connect.icmp.{tcp}.{case}", case="answered")
@topology("scripted")
@cases(EVERY)
@variants(families=["inet"], lines=[*NAMED, "port-unreachable"])
@variants(families=["inet6"], lines=MORE6)
def test_each_syn_is_answered(sock: Socket, peer: Peer, case: Message) -> None:
    """A blocking call fails with the errno of the answer to its first SYN, or its second; the socket connects later."""
    peer.whenever("S", lambda syn: case.about(peer, syn))
    assert sock.connect(peer.address) == case.errno
    assert sock.tcp_state() == "CLOSE"
    assert_not_connected(sock)
    assert peer.count("S") in (1, 2)
    peer.has_heard_nothing_more()
    peer.forgets()
    assert_call_succeeds(sock, peer)
    assert sock.getpeername() == peer.address


@clause("connect.icmp.{tcp}.{case}", case="asleep")
@topology("scripted")
@cases(EVERY)
@variants(families=["inet"], entries=ALL, lines=SAMPLE4)
@variants(families=["inet6"], entries=ALL, lines=SAMPLE6)
@variants(families=["mapped"], lines=SAMPLE4)
def test_an_error_wakes_the_call(sock: Socket, peer: Peer, case: Message) -> None:
    """A call that sleeps is woken by the first message."""
    call = sock.start_connect(peer.address)
    syn = peer.hears("S")
    until_asleep(call.native_id)
    case.about(peer, syn)
    assert call.result() == case.errno
    assert_not_connected(sock)


@clause("connect.icmp.{tcp}.{case}", case="later")
@topology("scripted")
@waits(RETRANSMISSION)
@cases(EVERY)
@variants(families=["inet"], modes=["nonblocking"], lines=SAMPLE4)
@variants(families=["inet6"], modes=["nonblocking"], lines=SAMPLE6)
def test_an_error_about_the_second_syn(sock: Socket, peer: Peer, case: Message) -> None:
    """A message about the SYN that was sent again ends the attempt, too; it quotes the same numbers."""
    first = pending(sock, peer)
    second = peer.hears("S", again=True)
    assert (second.seq, second.sport) == (first.seq, first.sport)
    assert sock.poll() == set()
    case.about(peer, second)
    is_told(sock, peer)
    assert sock.so_error() == case.errno
    assert_not_connected(sock)


@clause("connect.icmp.simultaneous")
@topology("scripted")
@cases(EVERY)
@variants(families=["inet"], modes=["nonblocking"], lines=SAMPLE4)
@variants(families=["inet6"], modes=["nonblocking"], lines=SAMPLE6)
@variants(families=["mapped"], modes=["nonblocking"], lines=["parameter-problem"])
def test_an_error_ends_a_simultaneous_open(sock: Socket, peer: Peer, case: Message) -> None:
    """When both sides have sent their SYNs, a message about the client's answer ends the attempt."""
    peer.says(pending(sock, peer), "S")
    answer = peer.hears("SA")
    assert sock.tcp_state() == "SYN_RECV"
    case.about(peer, answer)
    is_told(sock, peer)
    assert sock.so_error() == case.errno
    assert_not_connected(sock)


STRANGE: dict[str, dict[str, Any]] = {
    "source-port": {"sport": lambda syn: syn.sport ^ 1},
    "port": {"dport": lambda syn: syn.dport + 1},
    "sequence-before": {"seq": lambda syn: (syn.seq - 1) % 2**32},
    "sequence-after": {"seq": lambda syn: (syn.seq + 2) % 2**32},
    "address": {"dst": lambda syn: syn.destination[:-1] + "9"},
}


@clause("connect.icmp.not-about-it")
@topology("scripted")
@cases(STRANGE)
@variants(families=INTERNET, modes=["nonblocking"])
@variants(families=["mapped"], modes=["nonblocking"], lines=["port", "sequence-after"])
def test_an_error_about_something_else(sock: Socket, peer: Peer, variant: Variant, case: dict[str, Any]) -> None:
    """A message that quotes another segment does nothing to the attempt."""
    syn = pending(sock, peer)
    message = (1, 4) if variant.family == "inet6" else (3, 3)
    peer.error(syn, message, **{field: change(syn) for field, change in case.items()})
    peer.settles()
    assert_goes_on(sock, peer, syn)


@clause("connect.icmp.not-about-it", case="too-short")
@topology("scripted")
@cases({"7": (7, False), "8": (8, True)})
@variants(families=INTERNET, modes=["nonblocking"])
def test_a_short_quote(sock: Socket, peer: Peer, variant: Variant, case: tuple[int, bool]) -> None:
    """Eight bytes of the segment are enough to know what a message is about; seven are nothing."""
    syn = pending(sock, peer)
    message, header = ((1, 4), 40) if variant.family == "inet6" else ((3, 3), 20)
    peer.error(syn, message, length=header + case[0])
    peer.settles()
    assert sock.tcp_state() == ("CLOSE" if case[1] else "SYN_SENT")
    assert sock.poll() == (FAILED if case[1] else set())


@clause("connect.icmp.ignored")
@topology("scripted")
@cases(IGNORED | TOO_BIG | TOO_BIG6)
@variants(families=["inet"], modes=["nonblocking"], lines=[*IGNORED, *TOO_BIG])
@variants(families=["inet6"], modes=["nonblocking"], lines=TOO_BIG6)
@variants(families=["mapped"], modes=["nonblocking"], lines=TOO_BIG)
def test_what_ends_nothing(sock: Socket, peer: Peer, case: Message) -> None:
    """Some messages are no errors of the attempt, though they are about its SYN."""
    syn = pending(sock, peer)
    case.about(peer, syn)
    peer.settles()
    assert_goes_on(sock, peer, syn)


@clause("connect.icmp.tcp.retried")
@topology("scripted")
@cases(EVERY)
@variants(families=["inet"], modes=["nonblocking"], lines=SOFT4)
@variants(families=["inet6"], modes=["nonblocking"], lines=SOFT6)
def test_an_error_that_may_pass(sock: Socket, peer: Peer, case: Message) -> None:
    """What may pass does not end an attempt: a later answer completes it."""
    syn = pending(sock, peer)
    case.about(peer, syn)
    peer.settles()
    assert sock.tcp_state() == "SYN_SENT"
    peer.establishes(syn)


@clause("connect.IP_RECVERR.tcp")
@topology("scripted")
@cases(EVERY)
@variants(families=["inet"], modes=["nonblocking"], lines=["net-unreachable", *SAMPLE4])
@variants(families=["inet6"], modes=["nonblocking"], lines=["no-route", *SAMPLE6])
@variants(families=["mapped"], modes=["nonblocking"], lines=["host-unreachable"])
def test_errors_at_once(sock: Socket, peer: Peer, variant: Variant, case: Message) -> None:
    """With IP_RECVERR, too, the attempt ends at once, and the errno is told once by SO_ERROR."""
    assert receive_errors(sock, variant.family) == 0
    case.about(peer, pending(sock, peer))
    is_told(sock, peer)
    assert sock.so_error() == case.errno
    assert sock.tcp_state() == "CLOSE"
    assert_not_connected(sock)


@clause("connect.IP_RECVERR.tcp", case="connected")
@topology("scripted")
@cases(EVERY)
@variants(families=["inet"], modes=["nonblocking"], lines=MORE4)
@variants(families=["inet6"], modes=["nonblocking"], lines=MORE6)
@variants(families=["mapped"], modes=["nonblocking"], lines=["host-unreachable"])
def test_errors_of_a_connection(sock: Socket, peer: Peer, variant: Variant, case: Message) -> None:
    """With IP_RECVERR a connection tells of each error once, and goes on; an error about other data is none of its."""
    assert receive_errors(sock, variant.family) == 0
    sent = connected(sock, peer)
    peer.error(sent, (case.type, case.code), seq=(sent.seq + 1000) % 2**32)
    peer.settles()
    assert sock.poll() == {POLLOUT}
    case.about(peer, sent)
    assert POLLERR in sock.poll(DEADLINE, ask=()).value
    assert sock.so_error() == case.errno
    assert sock.poll() == {POLLOUT}
    assert_talks(sock, peer, sent)


@clause("connect.icmp.connected")
@topology("scripted")
@cases(EVERY | TOO_BIG | TOO_BIG6)
@variants(families=["inet"], modes=["nonblocking"], lines=[*MORE4, *TOO_BIG])
@variants(families=["inet6"], modes=["nonblocking"], lines=[*MORE6, *TOO_BIG6])
@variants(families=["mapped"], modes=["nonblocking"], lines=["host-unreachable", *TOO_BIG])
def test_errors_do_not_end_a_connection(sock: Socket, peer: Peer, case: Message) -> None:
    """Without IP_RECVERR no message breaks a connection, or is told to select and poll; data goes on."""
    sent = connected(sock, peer)
    case.about(peer, sent)
    peer.settles()
    assert sock.poll() == {POLLOUT}
    assert sock.connect(peer.address) == 0
    assert sock.connect(peer.address) == EISCONN
    assert_talks(sock, peer, sent)


@pytest.fixture
def dropped(server: Server, topology: Topology, variant: Variant) -> Rule:
    """A rule by which the client's host drops what it sends to the server, unless a rule that is newer answers it."""
    return Rule(topology.client.namespace, "output", _to(server, variant))


@pytest.fixture
def rejected(server: Server, topology: Topology, variant: Variant) -> Rule:
    """A rule by which the client's own host answers each SYN to the server with host unreachable, inside the call."""
    reject = "icmpv6-addr-unreachable" if variant.family == "inet6" else "icmp-host-unreachable"
    return Rule(topology.client.namespace, "output", _to(server, variant), reject)


def _to(server: Server, variant: Variant) -> Match:
    address = unmapped(server.address)
    assert isinstance(address, Inet | Inet6)
    return Match(PACKETS[variant.family], "tcp", address.port, address.host)


def assert_pending_with_error(sock: Socket, variant: Variant) -> None:
    """The attempt goes on, and SO_ERROR holds EHOSTUNREACH, once."""
    assert sock.tcp_state() == "SYN_SENT"
    assert sock.getpeername() == ENOTCONN
    assert sock.so_error() == EHOSTUNREACH
    if variant.family != "inet6":  # Over IPv6 one message may be reported twice.
        assert sock.so_error() == 0


@clause("connect.tcp.softerr-nonblocking")
@needs("nft-reject")
@waits(RETRANSMISSION)
@cases({"plain": False, "IP_RECVERR": True})
@variants(families=INTERNET, modes=["nonblocking"])
@variants(families=["mapped"], modes=["nonblocking"], lines=["plain"])
def test_an_error_inside_the_call(
    sock: Socket, server: Server, dropped: Rule, rejected: Rule, variant: Variant, case: bool
) -> None:
    """SO_ERROR holds an error that comes while the call holds the socket, but the attempt goes on, and completes."""
    assert not case or receive_errors(sock, variant.family) == 0
    assert sock.connect(server.address) == EINPROGRESS
    rejected.remove()  # Before the second SYN, whose answer would end the attempt: nothing holds the socket by then.
    assert_pending_with_error(sock, variant)
    assert sock.connect(server.address) == EALREADY
    dropped.remove()
    until(lambda: sock.tcp_state() == "ESTABLISHED", "the attempt completed")
    assert_talk(sock, server.accepted())


@clause("connect.tcp.softerr-at-the-end")
@needs("nft-reject")
@waits(3.1)
@pytest.mark.usefixtures("hurried", "dropped")
@variants(families=INTERNET, modes=["nonblocking"])
def test_an_error_inside_the_call_and_silence(sock: Socket, server: Server, rejected: Rule) -> None:
    """The first SYN is answered inside the call, later ones by nobody: in the end the error is the one there was."""
    assert sock.connect(server.address) == EINPROGRESS
    rejected.remove()
    with sock.calls.aside():
        until(lambda: sock.tcp_state() == "CLOSE", "the attempt has ended")
    assert sock.so_error() == EHOSTUNREACH
    assert sock.getpeername() == ENOTCONN


@clause("connect.io_uring.completes-when-decided")
@needs("nft-reject")
@waits(RETRANSMISSION)
@pytest.mark.usefixtures("rejected")
@variants(families=INTERNET, entries=["io_uring"])
@variants(families=["mapped"], entries=["io_uring"])
def test_an_error_inside_a_ring(sock: Socket, server: Server) -> None:
    """A ring waits for the end of the attempt, as a call does that blocks."""
    assert sock.connect(server.address) == EHOSTUNREACH
    assert sock.getpeername() == ENOTCONN

"""Local firewall rules (nf_tables) that reject: by a reset, by ICMP of every kind, on the way out and on the way in."""

from errno import (
    EACCES,
    ECONNREFUSED,
    EHOSTUNREACH,
    EINPROGRESS,
    ENETUNREACH,
    ENOPROTOOPT,
    ENOTCONN,
    EPERM,
)

from fixtures import (
    ALL,
    BOTH,
    DEADLINE,
    INTERNET,
    POLLERR,
    POLLOUT,
    Inet6,
    Server,
    Servers,
    Socket,
    SocketMaker,
    Variant,
    assert_no_connection,
    assert_not_connected,
    assert_peer,
    assert_talk,
    assert_usable,
    cases,
    clause,
    needs,
    port_of,
    topology,
    variants,
    waits,
)
from netns import Topology
from suites.connect.policy.firewall import RuleMaker
from suites.connect.times import RETRANSMISSION

# How a rule rejects, and the errno that its answer becomes.
REJECTED = {
    "icmp-net-unreachable": ENETUNREACH,
    "icmp-host-unreachable": EHOSTUNREACH,
    "icmp-prot-unreachable": ENOPROTOOPT,
    "icmp-port-unreachable": ECONNREFUSED,
    "icmp-net-prohibited": ENETUNREACH,
    "icmp-host-prohibited": EHOSTUNREACH,
    "icmp-admin-prohibited": EHOSTUNREACH,
}
REJECTED6 = {
    "icmpv6-no-route": ENETUNREACH,
    "icmpv6-admin-prohibited": EACCES,
    "icmpv6-addr-unreachable": EHOSTUNREACH,
    "icmpv6-port-unreachable": ECONNREFUSED,
    "icmpv6-policy-fail": EACCES,
    "icmpv6-reject-route": EACCES,
}
# Those that an unconnected attempt and a datagram hear of only in passing: for a connected datagram socket, nothing.
PASSING = {"icmp-net-unreachable", "icmp-host-unreachable", "icmpv6-no-route", "icmpv6-addr-unreachable"}
ICMP = {kind: (kind, code) for kind, code in (REJECTED | REJECTED6).items()}
HARD = [kind for kind in ICMP if kind not in PASSING]


@clause("connect.firewall.output-reject-rst")
@needs("nft-reject")
@variants(families=INTERNET, entries=ALL)
@variants(families=INTERNET, modes=["nonblocking"])
def test_reset(sock: Socket, server: Server, servers: Servers, rule: RuleMaker, new_socket: SocketMaker) -> None:
    """A reject with a reset is a refusal at the first SYN, told once, and only to those that the rule is about."""
    rejecting = rule(server.address, "tcp-reset")
    assert sock.connect_and_wait(server.address) == ECONNREFUSED
    assert rejecting.packets == 1
    assert sock.tcp_state() == "CLOSE"
    assert_not_connected(sock)
    assert_no_connection(server)
    assert_usable(new_socket(), servers.make("other"))
    rejecting.remove()
    assert_usable(new_socket(), server)


@clause("connect.firewall.output-reject-rst", case="again")
@needs("nft-reject")
@variants(families=INTERNET)
def test_reset_again(sock: Socket, server: Server, rule: RuleMaker) -> None:
    """Each attempt of a blocking socket is refused; when the rule is gone the same socket connects."""
    rejecting = rule(server.address, "tcp-reset")
    assert sock.connect(server.address) == ECONNREFUSED
    assert sock.connect(server.address) == ECONNREFUSED
    assert rejecting.packets == 2
    rejecting.remove()
    assert_usable(sock, server)


@clause("connect.firewall.output-reject-rst", case="mapped")
@needs("nft-reject")
@variants(families=["inet6"], modes=BOTH)
def test_reset_of_the_other_family(sock: Socket, servers: Servers, new_socket: SocketMaker, rule: RuleMaker) -> None:
    """A rule about IPv4 is about an IPv6 socket's mapped address, too, and not about its own."""
    four = servers.make("four", family="inet")
    six = servers.make("six", port=port_of(four.address))
    rejecting = rule(four.address, "tcp-reset", protocol="tcp")
    assert sock.connect_and_wait(Inet6("::ffff:127.0.0.1", port_of(four.address))) == ECONNREFUSED
    assert rejecting.packets == 1
    assert_no_connection(four)
    assert_usable(new_socket(), six)


@clause("connect.firewall.input-reject-rst")
@needs("nft-reject")
@topology("pair")
@variants(families=INTERNET, modes=BOTH)
def test_reset_by_the_server(
    sock: Socket, server: Server, rule: RuleMaker, topology: Topology, new_socket: SocketMaker
) -> None:
    """A reset by the server's firewall is a refusal like any other, though somebody listens."""
    rejecting = rule(server.address, "tcp-reset", hook="input", host=topology.server)
    assert sock.connect_and_wait(server.address) == ECONNREFUSED
    assert rejecting.packets == 1
    assert_not_connected(sock)
    assert_no_connection(server)
    rejecting.remove()
    assert_usable(new_socket(), server)


@clause("connect.firewall.output-reject-icmp.tcp")
@needs("nft-reject")
@waits(RETRANSMISSION)
@cases(ICMP)
@variants(families=["inet"], lines=REJECTED)
@variants(families=["inet6"], lines=REJECTED6)
@variants(families=["mapped"], lines=["icmp-admin-prohibited"])
def test_answered_by_icmp(sock: Socket, server: Server, rule: RuleMaker, case: tuple[str, int]) -> None:
    """The answer to the first SYN, or to the second, ends a blocking call with the errno of the ICMP message."""
    rejecting = rule(server.address, case[0])
    assert sock.connect(server.address) == case[1]
    assert rejecting.packets in (1, 2)
    assert sock.tcp_state() == "CLOSE"
    assert sock.getpeername() == ENOTCONN
    assert_no_connection(server)
    rejecting.remove()
    assert sock.connect(server.address) == 0
    assert_talk(sock, server.accepted())


@clause("connect.firewall.output-reject-icmp.tcp")
@needs("nft-reject")
@waits(RETRANSMISSION)
@cases(ICMP)
@variants(families=["inet"], modes=["nonblocking"], lines=["icmp-host-unreachable", "icmp-port-unreachable"])
@variants(families=["inet6"], modes=["nonblocking"], lines=["icmpv6-no-route", "icmpv6-policy-fail"])
def test_answered_in_the_background(
    sock: Socket, server: Server, rule: RuleMaker, new_socket: SocketMaker, case: tuple[str, int]
) -> None:
    """A non-blocking socket is told by SO_ERROR when select wakes up; another one connects when the rule is gone."""
    rejecting = rule(server.address, case[0])
    assert sock.connect(server.address) == EINPROGRESS
    sock.wait_writable()
    assert sock.so_error() == case[1]
    assert sock.getpeername() == ENOTCONN
    assert_no_connection(server)
    assert sock.close() == 0
    rejecting.remove()
    assert_usable(new_socket(), server)


def be_denied(sock: Socket, data: bytes) -> None:
    """Send a datagram that is denied, and wait for the error that the message brings, without fetching it."""
    assert sock.send(data) == EPERM
    assert POLLERR in sock.poll(DEADLINE, ask=()).value


def assert_send_fails_once(sock: Socket, error: int) -> None:
    """The next send fails with the error that arrived, and the socket is writable again."""
    assert sock.send(b"two") == error
    assert sock.poll() == {POLLOUT}


@clause("connect.firewall.output-reject-icmp.udp")
@needs("nft-reject")
@cases(ICMP)
@variants(families=["inet"], types=["dgram"], lines=[kind for kind in REJECTED if kind in HARD])
@variants(families=["inet6"], types=["dgram"], lines=[kind for kind in REJECTED6 if kind in HARD])
@variants(families=["mapped"], types=["dgram"], lines=["icmp-port-unreachable"])
def test_datagram_answered(sock: Socket, server: Server, rule: RuleMaker, case: tuple[str, int]) -> None:
    """connect() succeeds; the send is denied, and the next call fails with the message's errno, once."""
    rejecting = rule(server.address, case[0])
    assert sock.connect(server.address) == 0
    assert rejecting.packets == 0
    be_denied(sock, b"one")
    assert_send_fails_once(sock, case[1])
    be_denied(sock, b"three")
    assert sock.so_error() == case[1]
    assert_peer(sock, server.address)
    rejecting.remove()
    assert_usable(sock, server)


@clause("connect.firewall.output-reject-icmp.udp", case="passing")
@needs("nft-reject")
@cases(ICMP)
@variants(families=["inet"], types=["dgram"], lines=[kind for kind in REJECTED if kind in PASSING])
@variants(families=["inet6"], types=["dgram"], lines=[kind for kind in REJECTED6 if kind in PASSING])
def test_datagram_answered_in_passing(sock: Socket, server: Server, rule: RuleMaker, case: tuple[str, int]) -> None:
    """What may pass is not told to a datagram socket: each send is denied, and that is all."""
    rejecting = rule(server.address, case[0])
    assert sock.connect(server.address) == 0
    assert sock.send(b"one") == EPERM
    assert sock.send(b"two") == EPERM
    assert rejecting.packets == 2
    assert_peer(sock, server.address)
    rejecting.remove()
    assert_usable(sock, server)


@clause("connect.firewall.output-reject-icmp.udp", case="either")
@needs("nft-icmpx")
@cases({"port-unreachable": (ECONNREFUSED, ECONNREFUSED), "admin-prohibited": (EHOSTUNREACH, EACCES)})
@variants(families=INTERNET, types=["dgram"])
def test_datagram_answered_in_either_family(
    sock: Socket, server: Server, rule: RuleMaker, variant: Variant, case: tuple[int, int]
) -> None:
    """A rule for both families answers each in the words of its own ICMP."""
    line = variant.case.removeprefix("either.")
    rule(server.address, f"icmpx-{line}")
    assert sock.connect(server.address) == 0
    assert sock.send(b"one") == EPERM
    assert POLLERR in sock.poll(DEADLINE, ask=()).value
    assert sock.so_error() == case[INTERNET.index(variant.family)]
    assert_peer(sock, server.address)


@clause("connect.firewall.input-reject-icmp.{tcp}")
@needs("nft-reject")
@topology("pair")
@waits(RETRANSMISSION)
@cases({"inet": ("icmp-admin-prohibited", EHOSTUNREACH), "inet6": ("icmpv6-admin-prohibited", EACCES)})
@variants(families=["inet"], lines=["inet"])
@variants(families=["inet6"], lines=["inet6"])
def test_answered_by_the_server(
    sock: Socket, server: Server, rule: RuleMaker, topology: Topology, case: tuple[str, int]
) -> None:
    """The same when the ICMP message is the server's."""
    rejecting = rule(server.address, case[0], hook="input", host=topology.server)
    assert sock.connect(server.address) == case[1]
    assert rejecting.packets in (1, 2)
    assert sock.getpeername() == ENOTCONN
    assert_no_connection(server)
    rejecting.remove()
    assert sock.connect(server.address) == 0
    assert_talk(sock, server.accepted())


@clause("connect.firewall.input-reject-icmp.{tcp}")
@needs("nft-reject")
@topology("pair")
@cases({"inet": ("icmp-port-unreachable", ECONNREFUSED), "inet6": ("icmpv6-policy-fail", EACCES)})
@variants(families=["inet"], types=["dgram"], modes=BOTH, lines=["inet"])
@variants(families=["inet6"], types=["dgram"], modes=BOTH, lines=["inet6"])
def test_datagram_answered_by_the_server(
    sock: Socket, server: Server, rule: RuleMaker, topology: Topology, case: tuple[str, int]
) -> None:
    """The datagram leaves; the message that comes back is told to the next call, once."""
    rejecting = rule(server.address, case[0], hook="input", host=topology.server)
    assert sock.connect(server.address) == 0
    assert sock.send(b"one") == 0
    assert sock.recv() == case[1]
    assert_peer(sock, server.address)
    rejecting.remove()
    assert_usable(sock, server)

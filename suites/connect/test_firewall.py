"""Local firewall rules (nf_tables): what is dropped, what is rejected and how, and what the rule is not about."""

from collections.abc import Callable
from errno import (
    EACCES,
    ECONNREFUSED,
    EHOSTUNREACH,
    EINPROGRESS,
    ENETUNREACH,
    ENOPROTOOPT,
    ENOTCONN,
    EPERM,
    ETIMEDOUT,
)

import pytest

from fixtures import (
    ALL,
    BOTH,
    INTERNET,
    POLLERR,
    POLLOUT,
    READFDS,
    WRITEFDS,
    Address,
    Inet,
    Inet6,
    Server,
    Servers,
    Socket,
    SocketMaker,
    Variant,
    assert_connected,
    assert_no_connection,
    assert_not_connected,
    assert_peer,
    assert_talk,
    assert_usable,
    cases,
    clause,
    needs,
    port_of,
    unmapped,
    until,
    variants,
    waits,
    world,
)
from fixtures.guard import DEADLINE
from fixtures.sockets import FAMILIES
from netns import Host, Match, Rule, World

RuleMaker = Callable[..., Rule]
ONE_RETRY = 3.1  # Seconds of a connect that sends its SYN twice: 1 s and 2 s of waiting.
RETRANSMISSION = 1.1
DATAGRAM = "udp"
usefixtures = pytest.mark.usefixtures

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


@pytest.fixture
def rule(world: World, variant: Variant) -> RuleMaker:
    """Makes rules about packets to an address: dropped on the client's way out where nothing else is said."""
    for each in world.hosts:
        # Limits on ICMP would turn a reject into a drop; no type of message falls under them from here on.
        each.sysctl("net.ipv4.icmp_ratemask", 0)
        if each.namespace.has_sysctl("net.ipv6.icmp.ratelimit"):
            each.sysctl("net.ipv6.icmp.ratelimit", 0)

    def make(
        to: Address,
        reject: str | None = None,
        *,
        hook: str = "output",
        host: Host | None = None,
        protocol: str | None = None,
    ) -> Rule:
        to = unmapped(to)
        if not isinstance(to, Inet | Inet6):
            raise TypeError(f"no firewall rule is about {to}")
        family = FAMILIES["inet6" if isinstance(to, Inet6) else "inet"]
        match = Match(family, protocol or {"stream": "tcp", "dgram": "udp"}[variant.type], to.port, to.host)
        return Rule((host or world.client).namespace, hook, match, reject)

    return make


@clause("connect.firewall.output-drop.tcp")
@needs("nft")
@waits(ONE_RETRY)
@usefixtures("hurried")
@variants(families=INTERNET, doors=ALL)
def test_dropped(sock: Socket, server: Server, rule: RuleMaker) -> None:
    """A SYN that is dropped on its way out is sent again until the attempt times out; without the rule it connects."""
    dropping = rule(server.address)
    outcome = sock.connect(server.address)
    assert outcome == ETIMEDOUT
    assert outcome.seconds > 2.5
    assert dropping.packets == 2
    assert sock.tcp_state() == "CLOSE"
    assert_not_connected(sock)
    assert_no_connection(server)
    dropping.remove()
    assert_usable(sock, server)


@clause("connect.firewall.output-drop.tcp")
@needs("nft")
@waits(ONE_RETRY)
@usefixtures("hurried")
@variants(families=INTERNET, modes=["nonblocking"])
def test_dropped_in_the_background(sock: Socket, server: Server, rule: RuleMaker) -> None:
    """A non-blocking socket, too, hears of the drop only by the timeout, once."""
    dropping = rule(server.address)
    assert sock.connect(server.address) == EINPROGRESS
    assert sock.select() == set()
    assert sock.so_error() == 0
    sock.wait_writable()
    assert sock.select() == {READFDS, WRITEFDS}
    assert sock.so_error() == ETIMEDOUT
    assert dropping.packets == 2
    assert_not_connected(sock)


@clause("connect.firewall.output-drop.tcp", case="removed")
@needs("nft")
@waits(RETRANSMISSION)
@variants(families=INTERNET, modes=["nonblocking"])
def test_drop_ends_in_time(sock: Socket, server: Server, rule: RuleMaker) -> None:
    """A rule that goes away before the SYN is sent again leaves no trace: the attempt completes."""
    dropping = rule(server.address)
    assert sock.connect(server.address) == EINPROGRESS
    assert dropping.packets >= 1
    assert sock.tcp_state() == "SYN_SENT"
    dropping.remove()
    sock.wait_writable()
    assert sock.so_error() == 0
    assert_connected(sock, server)


@clause("connect.firewall.output-drop.tcp", case="neighbour")
@needs("nft")
@cases({"port": "port", "address": "address", "protocol": "protocol"})
@variants(families=INTERNET)
def test_drop_of_a_neighbour(sock: Socket, server: Server, servers: Servers, rule: RuleMaker, case: str) -> None:
    """A rule about another port, address or protocol stops nothing."""
    strangers = {
        "port": lambda: rule(servers.make("other").address),
        "address": lambda: rule(servers.make("other", second_address=True, port=port_of(server.address)).address),
        "protocol": lambda: rule(server.address, protocol=DATAGRAM),
    }
    other = strangers[case]()
    assert sock.connect_and_wait(server.address) == 0
    assert_connected(sock, server)
    assert other.packets == 0


@clause("connect.EPERM.firewall")
@needs("nft-reject")
@cases({"drop": None, "reset": "tcp-reset"})
@variants(families=INTERNET, modes=BOTH, lines=["drop"])
@variants(families=INTERNET, lines=["reset"])
@waits(ONE_RETRY)
@usefixtures("hurried")
def test_stopped_by_a_rule(sock: Socket, server: Server, rule: RuleMaker, case: str | None) -> None:
    """The document has a permission denied for a connection that a local firewall rule stops."""
    rule(server.address, case)
    assert sock.connect_and_wait(server.address) in (EACCES, EPERM)


@clause("connect.firewall.input-drop.tcp")
@needs("nft")
@world("pair")
@waits(ONE_RETRY)
@usefixtures("hurried")
@variants(families=INTERNET, modes=BOTH)
def test_dropped_by_the_server(
    sock: Socket, server: Server, rule: RuleMaker, world: World, new_socket: SocketMaker
) -> None:
    """A SYN that the server's host drops is as good as lost."""
    dropping = rule(server.address, hook="input", host=world.server)
    assert sock.connect_and_wait(server.address) == ETIMEDOUT
    assert dropping.packets == 2
    assert_not_connected(sock)
    assert_no_connection(server)
    dropping.remove()
    assert_usable(new_socket(), server)


@clause("connect.firewall.output-drop.udp")
@needs("nft")
@variants(families=INTERNET, types=["dgram"], doors=ALL)
@variants(families=INTERNET, types=["dgram"], modes=["nonblocking"])
@variants(families=["mapped"], types=["dgram"])
def test_datagrams_dropped(sock: Socket, server: Server, servers: Servers, rule: RuleMaker) -> None:
    """Nothing is sent by connect, so it succeeds; each send is denied until the rule is gone, others are not."""
    other, dropping = servers.make("other"), rule(server.address)
    assert sock.connect(server.address) == 0
    assert_peer(sock, server.address)
    assert dropping.packets == 0
    assert sock.send(b"one") == EPERM
    assert sock.send(b"two") == EPERM
    assert_peer(sock, server.address)
    assert sock.send(b"three", other.address) == 0
    assert other.socket.recv() == b"three"
    dropping.remove()
    assert_usable(sock, server)


@clause("connect.firewall.input-drop.udp")
@needs("nft")
@world("pair")
@variants(families=INTERNET, types=["dgram"], modes=BOTH)
def test_datagrams_dropped_by_the_server(sock: Socket, server: Server, rule: RuleMaker, world: World) -> None:
    """A datagram that the server's host drops is as good as lost: nobody is told."""
    dropping = rule(server.address, hook="input", host=world.server)
    assert sock.connect(server.address) == 0
    assert sock.send(b"one") == 0
    until(lambda: dropping.packets == 1, "the server's host has dropped the datagram")
    assert_peer(sock, server.address)
    dropping.remove()
    assert_usable(sock, server)


@clause("connect.firewall.output-reject-rst")
@needs("nft-reject")
@variants(families=INTERNET, doors=ALL)
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
@world("pair")
@variants(families=INTERNET, modes=BOTH)
def test_reset_by_the_server(
    sock: Socket, server: Server, rule: RuleMaker, world: World, new_socket: SocketMaker
) -> None:
    """A reset by the server's firewall is a refusal like any other, though somebody listens."""
    rejecting = rule(server.address, "tcp-reset", hook="input", host=world.server)
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


@clause("connect.firewall.output-reject-icmp.udp")
@needs("nft-reject")
@cases(ICMP)
@variants(families=["inet"], types=["dgram"], lines=[kind for kind in REJECTED if kind in HARD])
@variants(families=["inet6"], types=["dgram"], lines=[kind for kind in REJECTED6 if kind in HARD])
@variants(families=["mapped"], types=["dgram"], lines=["icmp-port-unreachable"])
def test_datagram_answered(sock: Socket, server: Server, rule: RuleMaker, case: tuple[str, int]) -> None:
    """Connect succeeds; the send is denied, and the message's errno is told to the next call, once."""
    rejecting = rule(server.address, case[0])
    assert sock.connect(server.address) == 0
    assert rejecting.packets == 0
    assert sock.send(b"one") == EPERM
    assert POLLERR in sock.poll(DEADLINE, ask=()).value
    assert sock.send(b"two") == case[1]
    assert sock.poll() == {POLLOUT}
    assert sock.send(b"three") == EPERM
    assert POLLERR in sock.poll(DEADLINE, ask=()).value
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
@world("pair")
@waits(RETRANSMISSION)
@cases({"inet": ("icmp-admin-prohibited", EHOSTUNREACH), "inet6": ("icmpv6-admin-prohibited", EACCES)})
@variants(families=["inet"], lines=["inet"])
@variants(families=["inet6"], lines=["inet6"])
def test_answered_by_the_server(
    sock: Socket, server: Server, rule: RuleMaker, world: World, case: tuple[str, int]
) -> None:
    """The same when the ICMP message is the server's."""
    rejecting = rule(server.address, case[0], hook="input", host=world.server)
    assert sock.connect(server.address) == case[1]
    assert rejecting.packets in (1, 2)
    assert sock.getpeername() == ENOTCONN
    assert_no_connection(server)
    rejecting.remove()
    assert sock.connect(server.address) == 0
    assert_talk(sock, server.accepted())


@clause("connect.firewall.input-reject-icmp.{tcp}")
@needs("nft-reject")
@world("pair")
@cases({"inet": ("icmp-port-unreachable", ECONNREFUSED), "inet6": ("icmpv6-policy-fail", EACCES)})
@variants(families=["inet"], types=["dgram"], modes=BOTH, lines=["inet"])
@variants(families=["inet6"], types=["dgram"], modes=BOTH, lines=["inet6"])
def test_datagram_answered_by_the_server(
    sock: Socket, server: Server, rule: RuleMaker, world: World, case: tuple[str, int]
) -> None:
    """The datagram leaves; the message that comes back is told to the next call, once."""
    rejecting = rule(server.address, case[0], hook="input", host=world.server)
    assert sock.connect(server.address) == 0
    assert sock.send(b"one") == 0
    assert sock.recv() == case[1]
    assert_peer(sock, server.address)
    rejecting.remove()
    assert_usable(sock, server)

"""Local firewall rules (nf_tables): what is dropped, what is rejected and how, and what the rule is not about."""

from errno import (
    EACCES,
    EINPROGRESS,
    EPERM,
    ETIMEDOUT,
)

import pytest

from fixtures import (
    ALL,
    BOTH,
    INTERNET,
    READFDS,
    WRITEFDS,
    Server,
    Servers,
    Socket,
    SocketMaker,
    assert_associates,
    assert_connected,
    assert_no_connection,
    assert_not_connected,
    assert_peer,
    assert_usable,
    cases,
    clause,
    needs,
    port_of,
    topology,
    until,
    variants,
    waits,
)
from netns import Topology
from suites.connect.policy.firewall import RuleMaker
from suites.connect.times import ONE_RETRY, RETRANSMISSION

DATAGRAM = "udp"
usefixtures = pytest.mark.usefixtures


@clause("connect.firewall.output-drop.tcp")
@needs("nft")
@waits(ONE_RETRY)
@usefixtures("hurried")
@variants(families=INTERNET, entries=ALL)
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
@topology("pair")
@waits(ONE_RETRY)
@usefixtures("hurried")
@variants(families=INTERNET, modes=BOTH)
def test_dropped_by_the_server(
    sock: Socket, server: Server, rule: RuleMaker, topology: Topology, new_socket: SocketMaker
) -> None:
    """A SYN that the server's host drops is as good as lost."""
    dropping = rule(server.address, hook="input", host=topology.server)
    assert sock.connect_and_wait(server.address) == ETIMEDOUT
    assert dropping.packets == 2
    assert_not_connected(sock)
    assert_no_connection(server)
    dropping.remove()
    assert_usable(new_socket(), server)


@clause("connect.firewall.output-drop.udp")
@needs("nft")
@variants(families=INTERNET, types=["dgram"], entries=ALL)
@variants(families=INTERNET, types=["dgram"], modes=["nonblocking"])
@variants(families=["mapped"], types=["dgram"])
def test_datagrams_dropped(sock: Socket, server: Server, servers: Servers, rule: RuleMaker) -> None:
    """Nothing is sent by connect, so it succeeds; each send is denied until the rule is gone, others are not."""
    other, dropping = servers.make("other"), rule(server.address)
    assert_associates(sock, server.address)
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
@topology("pair")
@variants(families=INTERNET, types=["dgram"], modes=BOTH)
def test_datagrams_dropped_by_the_server(sock: Socket, server: Server, rule: RuleMaker, topology: Topology) -> None:
    """A datagram that the server's host drops is as good as lost: nobody is told."""
    dropping = rule(server.address, hook="input", host=topology.server)
    assert sock.connect(server.address) == 0
    assert sock.send(b"one") == 0
    until(lambda: dropping.packets == 1, "the server's host has dropped the datagram")
    assert_peer(sock, server.address)
    dropping.remove()
    assert_usable(sock, server)

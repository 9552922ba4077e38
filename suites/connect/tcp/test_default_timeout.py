"""Nobody answers, and nobody has set anything: how often the SYN is sent, and how long that takes."""

from errno import ETIMEDOUT

from fixtures import (
    INTERNET,
    Peer,
    Socket,
    assert_not_connected,
    clause,
    needs,
    slow,
    topology,
    variants,
    waits,
)
from netns import Topology

TWO_MINUTES = 134  # Seconds that it takes by default, with the slack of the kernel's timers.
PATIENCE = 200.0
WHY = "by default an attempt is given up after more than two minutes"


@clause("connect.ETIMEDOUT.tcp.default-duration")
@slow(WHY)
@needs("tcp_syn_linear_timeouts")
@topology("scripted")
@waits(TWO_MINUTES)
@variants(families=INTERNET)
def test_default_duration(sock: Socket, peer: Peer) -> None:
    """The first five waits are a second each, then they double: eleven SYNs that are the same, and the attempt ends."""
    outcome = sock.connect(peer.address, deadline=PATIENCE)
    assert outcome == ETIMEDOUT
    assert outcome.seconds > 130.5
    assert peer.count("S") == 11
    assert len({(syn.seq, syn.sport) for syn in peer.heard}) == 1
    assert sock.tcp_state() == "CLOSE"
    assert_not_connected(sock)


@clause("connect.ETIMEDOUT.tcp.default-duration.127")
@slow(WHY)
@topology("scripted")
@waits(TWO_MINUTES)
@variants(families=INTERNET)
def test_default_duration_of_the_manual(sock: Socket, peer: Peer) -> None:
    """The SYN is sent again six times."""
    outcome = sock.connect(peer.address, deadline=PATIENCE)
    assert outcome == ETIMEDOUT
    assert outcome.seconds > 126.5
    assert peer.count("S") == 7


@clause("connect.ETIMEDOUT.tcp.linear-timeouts")
@needs("tcp_syn_linear_timeouts")
@topology("scripted")
@waits(4.1)
@variants(families=INTERNET)
def test_linear_timeouts(sock: Socket, peer: Peer, hurried: Topology) -> None:
    """With one of them and one retry there are two waits of a second, and one of two."""
    hurried.client.set_sysctl("net.ipv4.tcp_syn_linear_timeouts", 1)
    outcome = sock.connect(peer.address)
    assert outcome == ETIMEDOUT
    assert outcome.seconds > 3.8
    assert peer.count("S") == 3

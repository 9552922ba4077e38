"""The scripted peer hears what the client sends, says what it is told, and nobody else answers in its place."""

import errno
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.sockets.scripted_peer import ISN, Peer
from fixtures.syscalls.outcome import Deviation
from netns import INET, INET6, Topology, scripted
from tests.conftest import ROOT

FAMILIES = [INET, INET6]


@pytest.fixture
def net() -> Iterator[Topology]:
    with scripted() as made:
        yield made


@pytest.fixture
def far(net: Topology, request: pytest.FixtureRequest) -> Iterator[Peer]:
    made = Peer(net, request.param)
    yield made
    made.close()


def begin(topology: Topology, peer: Peer, family: int, kind: int = socket.SOCK_STREAM) -> socket.socket:
    with topology.client.namespace.inside():
        sock = socket.socket(family, kind)
    sock.settimeout(0)
    assert sock.connect_ex((peer.address.host, peer.address.port)) in (0, errno.EINPROGRESS)
    return sock


def test_packets_are_made_without_a_trace_in_the_home(tmp_path: Path) -> None:
    call = "from netns import INET, wire; print(wire.datagram(INET, ('192.0.2.1', 1), ('192.0.2.2', 2), b'x').hex())"
    homeless = {key: value for key, value in os.environ.items() if not key.startswith("XDG_")}
    command = [sys.executable, "-c", call]
    environment = homeless | {"HOME": str(tmp_path)}
    made = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert "c0000201c0000202" in made.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("far", "family"), [(each, each) for each in FAMILIES], indirect=["far"])
def test_a_handshake_and_data(net: Topology, far: Peer, family: int) -> None:
    with begin(net, far, family) as sock:
        syn = far.hears("S")
        assert (syn.source, syn.destination) == (net.client.address(family), far.address.host)
        assert 2 in syn.option
        ack = far.establishes(syn)
        sock.send(b"ping")
        data = far.hears("PA")
        assert data.payload == b"ping"
        far.says(data, "PA", payload=b"pong")
        sock.settimeout(5)
        assert sock.recv(9) == b"pong"
        assert far.hears("A").ack == ISN + 5
        assert ack.sport == sock.getsockname()[1]
        assert far.has_heard_nothing_more() == []


@pytest.mark.parametrize(("far", "family"), [(each, each) for each in FAMILIES], indirect=["far"])
def test_it_answers_by_itself(net: Topology, far: Peer, family: int) -> None:
    far.whenever("S", lambda syn: far.says(syn, "RA"))
    with net.client.namespace.inside(), socket.socket(family) as sock:
        assert sock.connect_ex((far.address.host, far.address.port)) == errno.ECONNREFUSED
    assert far.count("S") == 1


@pytest.mark.parametrize(
    ("far", "family", "message"),
    [(INET, INET, (3, 3)), (INET6, INET6, (1, 4))],
    indirect=["far"],
)
def test_an_error_about_a_datagram(net: Topology, far: Peer, family: int, message: tuple[int, int]) -> None:
    with begin(net, far, family, socket.SOCK_DGRAM) as sock:
        sock.send(b"one")
        sent = far.hears()
        assert sent.payload == b"one"
        far.error(sent, message, sport=sent.sport + 1)
        far.settles()
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        far.error(sent, message)
        far.settles()
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED
        far.tells(sent, b"two")
        far.settles()
        assert sock.recv(9) == b"two"


@pytest.mark.parametrize("far", FAMILIES, indirect=True)
def test_silence_is_a_deviation(far: Peer) -> None:
    with pytest.raises(Deviation, match="heard nothing"):
        far.hears("S", within=0.01)


@pytest.mark.parametrize(("far", "family"), [(INET, INET)], indirect=["far"])
def test_another_packet_is_a_deviation(net: Topology, far: Peer, family: int) -> None:
    with begin(net, far, family, socket.SOCK_DGRAM) as sock:
        sock.send(b"one")
        with pytest.raises(Deviation, match="another packet first"):
            far.hears("S")

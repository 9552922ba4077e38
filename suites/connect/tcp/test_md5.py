"""Signed connections (TCP_MD5SIG): with one key on both sides they are made, otherwise nobody is heard."""

from errno import EALREADY, ECONNREFUSED, EINPROGRESS, ETIMEDOUT

import pytest

from fixtures import (
    BOTH,
    INTERNET,
    Peer,
    Server,
    Servers,
    Socket,
    SocketMaker,
    Variant,
    assert_attempt_ends,
    assert_connected,
    assert_no_connection,
    assert_not_connected,
    assert_usable,
    cases,
    clause,
    needs,
    topology,
    variants,
    waits,
)
from netns import Packet, Topology
from suites.connect.names import local
from suites.connect.scripted import pending
from suites.connect.tcp.md5 import KEY, MD5, OTHER, digest_of, says_signed, set_key
from suites.connect.times import ONE_RETRY

Keys = tuple[bytes | None, bytes | None]


@clause("connect.ETIMEDOUT.md5-mismatch")
@needs("md5")
@topology("pair")
@waits(ONE_RETRY)
@cases({"client-only": (KEY, None), "server-only": (None, KEY), "different": (OTHER, KEY)})
@variants(families=INTERNET)
def test_keys_that_do_not_match(sock: Socket, server: Server, hurried: Topology, variant: Variant, case: Keys) -> None:
    """The attempt times out, and nobody hears of it; with one key on both sides the same socket connects."""
    client = local(hurried.client, variant)
    for each, address, key in ((sock, server.address, case[0]), (server.socket, client, case[1])):
        assert key is None or set_key(each, address, key) == 0
    assert sock.connect(server.address) == ETIMEDOUT
    assert sock.tcp_state() == "CLOSE"
    assert_not_connected(sock)
    assert_no_connection(server)
    assert set_key(sock, server.address, KEY) == 0
    assert set_key(server.socket, client, KEY) == 0
    assert_usable(sock, server)


@clause("connect.tcp.md5")
@needs("md5")
@topology("pair")
@variants(families=INTERNET, modes=BOTH)
def test_one_key(
    sock: Socket, server: Server, servers: Servers, new_socket: SocketMaker, topology: Topology, variant: Variant
) -> None:
    """With one key both sides talk; those who have none for each other talk as ever."""
    assert set_key(sock, server.address, KEY) == 0
    assert set_key(server.socket, local(topology.client, variant), KEY) == 0
    assert sock.connect_and_wait(server.address) == 0
    assert_connected(sock, server)
    assert_usable(new_socket("plain"), servers.make("open"))


@clause("connect.tcp.md5", case="other-host")
@needs("md5")
@variants(families=INTERNET)
def test_a_key_for_somebody_else(sock: Socket, servers: Servers) -> None:
    """Keys for another address change nothing between these two."""
    stranger, server = servers.make("stranger", second_address=True), servers.make("plain")
    assert set_key(sock, stranger.address, KEY) == 0
    assert set_key(server.socket, stranger.address, OTHER) == 0
    assert sock.connect(server.address) == 0
    assert_connected(sock, server)


def begin_signed(sock: Socket, peer: Peer) -> Packet:
    """Set the key, and begin an attempt in the background; returns its SYN."""
    assert set_key(sock, peer.address, KEY) == 0
    return pending(sock, peer)


def assert_signed(segment: Packet) -> None:
    """The segment has the signature that the key gives."""
    assert segment.option.get(MD5) == digest_of(segment, KEY)


@clause("connect.tcp.md5", case="signature")
@needs("md5")
@topology("scripted")
@variants(families=INTERNET, modes=["nonblocking"])
def test_signatures(sock: Socket, peer: Peer) -> None:
    """The SYN is signed; answers without a signature, or with another key's, are ignored, and the right one counts."""
    syn = begin_signed(sock, peer)
    assert_signed(syn)
    peer.says(syn, "SA")
    says_signed(peer, syn, "SA", OTHER)
    assert peer.has_heard_nothing_more() == []
    assert sock.tcp_state() == "SYN_SENT"
    assert sock.connect(peer.address) == EALREADY
    says_signed(peer, syn, "SA", KEY)
    assert_signed(peer.hears("A"))
    assert_attempt_ends(sock, 0)


@clause("connect.tcp.md5", case="unsigned")
@needs("md5")
@topology("scripted")
@variants(families=INTERNET, modes=["nonblocking"])
def test_an_unexpected_signature(sock: Socket, peer: Peer) -> None:
    """Without a key the SYN is not signed, and an answer that is signed is not heard."""
    assert sock.connect(peer.address) == EINPROGRESS
    syn = peer.hears("S")
    assert MD5 not in syn.option
    says_signed(peer, syn, "SA", KEY)
    assert peer.has_heard_nothing_more() == []
    assert sock.tcp_state() == "SYN_SENT"
    peer.establishes(syn)
    sock.wait_writable()
    assert sock.so_error() == 0


@clause("connect.ETIMEDOUT.md5-reset")
@needs("md5")
@topology("pair")
@waits(ONE_RETRY)
@pytest.mark.usefixtures("hurried")
@variants(families=INTERNET)
def test_a_closed_port_is_not_heard(sock: Socket, servers: Servers, new_socket: SocketMaker) -> None:
    """The host refuses, which who has a key does not hear, and who has none does."""
    address = servers.closed()
    assert set_key(sock, address, KEY) == 0
    assert sock.connect(address) == ETIMEDOUT
    assert_not_connected(sock)
    assert new_socket("plain").connect_and_wait(address) == ECONNREFUSED


@clause("connect.ETIMEDOUT.md5-reset", case="signed")
@needs("md5")
@topology("scripted")
@variants(families=INTERNET, modes=["nonblocking"])
def test_a_signed_reset(sock: Socket, peer: Peer) -> None:
    """A reset counts only with the right signature."""
    syn = begin_signed(sock, peer)
    peer.says(syn, "RA")
    says_signed(peer, syn, "RA", OTHER)
    peer.settles()
    assert sock.poll() == set()
    assert sock.tcp_state() == "SYN_SENT"
    says_signed(peer, syn, "RA", KEY)
    assert_attempt_ends(sock, ECONNREFUSED)
    assert_not_connected(sock)

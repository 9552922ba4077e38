"""The word ``mapped``: IPv6 sockets whose servers are IPv4, and where a test sees which addresses."""

import socket

import pytest

from fixtures.probes.features import features_needed
from fixtures.sockets.address import Bytes, Inet, Inet6, internet, mapped, unmapped
from tests.conftest import Project

TALK = """
assert sock.connect_and_wait(server.address) == 0
assert_connected(sock, server)
assert server.address.host == "::ffff:127.0.0.1"
assert [sock.getsockopt(1, 39).value, server.socket.getsockopt(1, 39).value] == [10, 2]  # SO_DOMAIN.
"""


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "255.255.255.255"])  # noqa: S104  Nothing binds it.
def test_an_address_of_ipv4_is_mapped_and_comes_back(host: str) -> None:
    assert internet(socket.AF_INET6, host, 9) == mapped(Inet(host, 9)) == Inet6(f"::ffff:{host}", 9)
    assert unmapped(Inet6(f"::ffff:{host}", 9)) == Inet(host, 9)


@pytest.mark.parametrize("address", [Inet("127.0.0.1"), Inet6("::1"), Inet6("::"), Inet6("2001:db8::ffff:1")])
def test_what_is_not_mapped_stays_as_it_is(address: Inet | Inet6) -> None:
    assert unmapped(address) == address


def test_an_address_of_ipv6_from_an_ipv4_socket_equals_nothing() -> None:
    told = Inet6("::ffff:127.0.0.1", 9)
    assert mapped(told) == Bytes(told.pack())
    assert mapped(told) != told


def test_a_mapped_row_needs_ipv6() -> None:
    assert features_needed("mapped", "udplite", "syscall", "loopback", []) == ["topology:loopback", "ipv6", "udplite"]


def test_both_sides_of_a_mapped_row_agree_on_names(project: Project) -> None:
    project.test(TALK, variants='families=["mapped"], modes=BOTH')
    ran = project.run()
    assert ran.status == 0
    assert [row["verdict"] for row in ran.rows.values()] == ["conforms", "conforms"]
    assert "127.0.0.1:7001" in str(ran.rows["demo.a/mapped-stream-blocking-syscall"])

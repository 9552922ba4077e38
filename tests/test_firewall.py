"""Firewall rules stop the packets that they are about, count them, and are gone when they are taken away."""

import errno
import socket

import pytest

from netns import INET, INET6, Match, Rule, loopback


@pytest.mark.parametrize("family", [INET, INET6])
def test_a_rule_stops_what_it_is_about(family: int) -> None:
    with loopback() as topology, topology.client.namespace.inside(), socket.socket(family, socket.SOCK_DGRAM) as sock:
        here = topology.client.address(family)
        rule = Rule(topology.client.namespace, "output", Match(family, "udp", 7001, here))
        for port, stopped in ((7001, 1), (7002, 1), (7001, 2)):
            try:
                sock.sendto(b"x", (here, port))
            except PermissionError:
                assert port == 7001
            assert rule.packets == stopped
        rule.remove()
        assert sock.sendto(b"x", (here, 7001)) == 1


@pytest.mark.parametrize("reject", [None, "tcp-reset"])
def test_a_rule_of_one_family_is_not_about_the_other(reject: str | None) -> None:
    with loopback() as topology:
        rule = Rule(topology.client.namespace, "output", Match(INET6, "tcp", 7001), reject)
        with topology.client.namespace.inside(), socket.socket(INET) as sock:
            assert sock.connect_ex(("127.0.0.1", 7001)) == errno.ECONNREFUSED
        assert rule.packets == 0


def test_a_rule_that_is_gone_cannot_be_removed() -> None:
    with loopback() as topology:
        rule = Rule(topology.client.namespace, "input", Match(INET, "tcp", 7001))
        rule.remove()
        with pytest.raises(OSError, match="nf_tables"):
            rule.remove()

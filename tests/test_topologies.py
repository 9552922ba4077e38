"""The private networks are what they say: who reaches whom, by what address, and what a route does to whom."""

import errno
import socket
import subprocess
import sys
from collections.abc import Callable

import pytest

from netns import INET, INET6, TOPOLOGIES, Host, Namespace, routed
from tests.conftest import ROOT

FAMILIES = [INET, INET6]


def reach(client: Host, server: Host, family: int, at: str) -> str:
    """Connect from one host to the other; gives the address that the server saw."""
    with server.namespace.inside():
        listener = socket.create_server((at, 0), family=family)
    with client.namespace.inside():
        sock = socket.socket(family)
    with listener, sock:
        sock.settimeout(5)
        sock.connect(listener.getsockname()[:2])
        accepted, peer = listener.accept()
        accepted.close()
    return str(peer[0])


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", [name for name in TOPOLOGIES if name != "scripted"])
def test_the_client_reaches_the_server(name: str, family: int) -> None:
    with TOPOLOGIES[name]() as topology:
        seen = reach(topology.client, topology.server, family, topology.server.address(family))
        assert seen == topology.client.address(family)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_second_address(family: int) -> None:
    with TOPOLOGIES["loopback"]() as topology:
        assert reach(topology.client, topology.server, family, topology.server.second_address(family))


@pytest.mark.parametrize(
    ("add", "inet", "inet6"),
    [
        (Host.add_blackhole, errno.EINVAL, errno.EINVAL),
        (Host.add_unreachable, errno.EHOSTUNREACH, errno.EHOSTUNREACH),
        (Host.add_prohibit, errno.EACCES, errno.EACCES),
    ],
)
def test_routes_that_refuse(add: Callable[[Host, str], None], inet: int, inet6: int) -> None:
    with routed() as topology:
        for prefix, address, family, code in (
            ("203.0.113.0/24", "203.0.113.1", INET, inet),
            ("2001:db8:b::/48", "2001:db8:b::1", INET6, inet6),
        ):
            add(topology.client, prefix)
            with topology.client.namespace.inside(), socket.socket(family, socket.SOCK_DGRAM) as sock:
                assert sock.connect_ex((address, 7)) == code


def test_topologies_know_nothing_of_each_other() -> None:
    with TOPOLOGIES["pair"]() as one, TOPOLOGIES["pair"]() as other:
        inodes = {host.namespace.inode for topology in (one, other) for host in topology.hosts}
        assert len(inodes) == 4
        one.client.set_sysctl("net.ipv4.tcp_syn_retries", 2)
        assert other.client.namespace.sysctl("net.ipv4.tcp_syn_retries") == "6"


def test_a_sysctl_of_the_whole_machine_is_refused() -> None:
    with Namespace("one") as namespace, pytest.raises(ValueError, match="not per network namespace"):
        namespace.set_sysctl("kernel.hostname", "nonsense")


def test_names_that_do_not_exist() -> None:
    with TOPOLOGIES["pair"]() as topology:
        with pytest.raises(LookupError, match="topology 'pair' has no host 'router' \\(it has client, server\\)"):
            topology.host("router")
        with pytest.raises(LookupError, match="namespace 'client' has no link 'eth0'"):
            topology.client.namespace.index("eth0")


def test_what_a_topology_looks_like() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "netns", "pair"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    )
    assert "topology pair" in done.stdout
    assert "link  to-server  up    192.0.2.1/24 2001:db8:1::1/64" in done.stdout
    wrong = subprocess.run(
        [sys.executable, "-m", "netns", "pear"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=30
    )
    assert wrong.returncode == 2
    assert "there is no topology 'pear'; the topologies are loopback, pair, routed" in wrong.stderr

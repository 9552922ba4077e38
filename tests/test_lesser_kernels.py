"""Kernels that can less than Linux: nobody gets back into a namespace, and /proc shows neither children nor routes."""

import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.contexts.thread_context import in_a_child
from fixtures.probes.features import probe_all
from netns import INET, INET6, TOPOLOGIES, Namespace, namespace
from wiring.leaks import Belongings, Leak, _searched

DONE = 17


@pytest.fixture
def nobody_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespace, "can_return", lambda: False)


def in_one(work: Callable[[], None]) -> int:
    """Do it in a process of its own, which does not come back from its last namespace."""

    def tell() -> int:
        work()
        return DONE

    return in_a_child(tell)


@pytest.mark.usefixtures("nobody_returns")
def test_one_namespace_at_a_time() -> None:
    def work() -> None:
        seen = set()
        for _ in range(3):
            with TOPOLOGIES["loopback"]() as topology:
                seen.add(os.stat("/proc/thread-self/ns/net").st_ino)
                with pytest.raises(OSError, match="lets nobody back"):
                    Namespace("second")
                for family in (INET, INET6):
                    with topology.client.namespace.inside(), socket.socket(family) as sock:
                        sock.bind((topology.client.address(family), 7001))
        assert len(seen) == 3

    assert in_one(work) == DONE


@pytest.mark.usefixtures("nobody_returns")
def test_what_it_lacks_is_found_by_trying() -> None:
    def work() -> None:
        features = probe_all()
        lacking = ("topology:pair", "topology:routed", "topology:scripted", "second-namespace")
        assert all("lets nobody back" in features[name].reason for name in lacking)
        assert all(features[name].available for name in ("topology:loopback", "ipv6", "unix", "abstract-names"))

    assert in_one(work) == DONE


def test_ipv6_where_no_sysctl_tells_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Namespace, "has_sysctl", lambda *_: False)
    with TOPOLOGIES["loopback"]() as topology:
        assert topology.client.address(INET6) == "::1"


def test_an_address_where_no_route_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: "")
    with Namespace("silent") as silent:
        assert silent.has_settled("lo", "::1")
        assert not silent.has_settled("lo", "2001:db8::7")


def test_children_are_found_without_the_kernels_list() -> None:
    before = _searched()
    pid = os.fork()
    if pid == 0:
        signal.pause()
    try:
        assert _searched() - before == {pid}
        assert _searched() - before == {pid}
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    assert pid not in _searched()


def test_a_child_that_is_left_is_a_leak_without_that_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wiring.leaks._children", _searched)
    before = Belongings.now()
    pid = os.fork()
    if pid == 0:
        signal.pause()
    try:
        with pytest.raises(Leak, match=f"child process {pid}"):
            before.check()
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

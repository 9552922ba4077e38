"""What a thread forbids itself binds that thread alone, and a control group is gone when its block ends."""

import errno
import os
import socket
from functools import partial

import pytest

from fixtures.contexts.control_groups import CONNECT4, DENY, cgroup
from fixtures.contexts.sandbox import filter_connect, in_thread
from fixtures.probes.policies import PROBES
from fixtures.syscalls.call_threads import CallThreads
from netns import loopback


def _connect() -> int:
    with loopback() as topology, topology.client.namespace.inside(), socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", 9))


def test_a_filter_binds_its_thread_alone() -> None:
    guard = CallThreads(prepare=partial(filter_connect, errno.EPROTO))
    try:
        assert guard.run(_connect) == errno.EPROTO
    finally:
        guard.close()
    assert _connect() == errno.ECONNREFUSED


def test_what_fails_on_a_thread_is_told() -> None:
    with pytest.raises(ZeroDivisionError):
        in_thread(partial(divmod, 1, 0))


def test_a_group_decides_on_sockets_made_in_it() -> None:
    try:
        PROBES["cgroup-bpf"][1]()
    except OSError as error:
        pytest.skip(f"no programs of control groups here: {error}")
    with loopback() as topology, cgroup() as group:
        link = group.attach(CONNECT4, DENY)
        with socket.socket(fileno=group.make(topology.client.namespace, "inet", "stream")) as sock:
            assert sock.connect_ex(("127.0.0.1", 9)) == errno.EPERM
            group.detach(link)
            assert sock.connect_ex(("127.0.0.1", 9)) == errno.ECONNREFUSED
    assert _connect() == errno.ECONNREFUSED
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(link)

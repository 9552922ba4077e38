"""What only this suite needs: an entry point bound in C, descriptors that are no sockets, a hurried client."""

import ctypes
import os
import select
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fixtures import (
    EntryPoint,
    LibcEntry,
    Variant,
    library,
)
from netns import Topology
from suites.connect.policy.firewall import RuleMaker, rule_maker


class _Compiled(LibcEntry):
    """The C library's calls, with connect() as the compiler bound it."""

    name = "compiled"

    def __init__(self, compiled: ctypes.CDLL) -> None:
        super().__init__()
        address = ctypes.c_void_p.in_dll(compiled, "kconform_connect").value
        prototype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_uint32, use_errno=True)
        self._connect = prototype(address or 0)

    def invoke(self, call: str, *arguments: int) -> tuple[int, int]:
        """Make one call; connect() by the compiled pointer."""
        if call != "connect":
            return super().invoke(call, *arguments)
        ctypes.set_errno(0)
        returned = self._connect(*arguments)
        return returned, ctypes.get_errno()


@pytest.fixture
def compiled_entry() -> EntryPoint:
    """An entry point whose connect() a C compiler accepted against the documented prototype."""
    return _Compiled(library(Path(__file__).parent / "entry" / "prototype.c"))


@pytest.fixture
def no_socket(folder: Path) -> Iterator[Callable[[str], int]]:
    """Opens descriptors that are no sockets, by kind, and closes them."""
    opened: list[int] = []

    def make(kind: str) -> int:
        if kind == "regular":
            made = [os.open(folder / "file", os.O_RDWR | os.O_CREAT, 0o600)]
        elif kind == "device":
            made = [os.open(os.devnull, os.O_RDWR)]
        elif kind == "epoll":
            made = [os.dup(poller.fileno()) for poller in [select.epoll()]]
        else:
            made = list(os.pipe())
        opened.extend(made)
        return made[-1] if kind == "pipe-write" else made[0]

    yield make
    for fd in opened:
        os.close(fd)


@pytest.fixture
def hurried(require: Callable[[str], None], topology: Topology) -> Topology:
    """The topology, with a client that gives up 3 seconds after its first SYN: one retransmission in place of six."""
    require("tcp_syn_retries")
    topology.client.set_sysctl("net.ipv4.tcp_syn_retries", 1)
    if topology.client.namespace.has_sysctl("net.ipv4.tcp_syn_linear_timeouts"):
        topology.client.set_sysctl("net.ipv4.tcp_syn_linear_timeouts", 0)
    return topology


@pytest.fixture
def rule(topology: Topology, variant: Variant) -> RuleMaker:
    """Makes rules of a local firewall; see ``suites.connect.policy.firewall``."""
    return rule_maker(topology, variant)

"""A host's own account of its TCP connections: what /proc/net has, for states that no socket of a test shows."""

from pathlib import Path

from fixtures import (
    TCP_STATES,
    Address,
    port_of,
    until,
)
from netns import Host

_FILES = {"inet": "tcp", "inet6": "tcp6"}


def states(host: Host, family: str, port: int) -> list[str]:
    """The states of the host's sockets with a local port, sorted; requests that wait for their end count, too."""
    with host.namespace.inside():
        shown = Path(f"/proc/thread-self/net/{_FILES[family]}").read_text(encoding="ascii")
    lines = [line.split() for line in shown.splitlines()[1:]]
    return sorted(TCP_STATES[int(line[3], 16)] for line in lines if int(line[1].split(":")[1], 16) == port)


def until_state(host: Host, family: str, name: Address, state: str) -> None:
    """Wait until the host has a socket in the state at the port of a name."""
    until(lambda: state in states(host, family, port_of(name)), f"port {port_of(name)} is in {state}")


def counter(host: Host, name: str) -> int:
    """One of the host's counters of TCP (``TcpExt``)."""
    with host.namespace.inside():
        shown = Path("/proc/thread-self/net/netstat").read_text(encoding="ascii").splitlines()
    names, values = (line.split() for line in shown if line.startswith("TcpExt:"))
    return int(dict(zip(names, values, strict=True))[name])

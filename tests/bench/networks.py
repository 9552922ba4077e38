"""The topologies of ``netns/topologies.py`` as others make them: by ip(8), and by pyroute2's named namespaces.

Both are made from one list of steps, so that they are the same network; a test holds them to ours. What has a name in
/run/netns is made in a mount namespace of the bench's own (``machine.apart``).
"""

import os
import re
import shlex
import subprocess
import time
from collections.abc import Callable
from functools import partial
from typing import Any

_NODAD = 0x02  # IFA_F_NODAD, see rtnetlink(7): the address can be used at once.


def _end(host: str, link: str, inet: str, inet6: str) -> list[tuple[str, ...]]:
    return [("address", host, link, inet, "24"), ("address", host, link, inet6, "64"), ("up", host, link)]


PLANS: dict[str, list[tuple[str, ...]]] = {
    "loopback": [("host", "a")],
    "pair": [
        ("host", "a"),
        ("host", "b"),
        ("veth", "a", "to-server", "b", "to-client"),
        *_end("a", "to-server", "192.0.2.1", "2001:db8:1::1"),
        *_end("b", "to-client", "192.0.2.2", "2001:db8:1::2"),
    ],
    "routed": [
        ("host", "a"),
        ("host", "r"),
        ("host", "b"),
        ("veth", "a", "to-router", "r", "to-client"),
        ("veth", "b", "to-router", "r", "to-server"),
        *_end("a", "to-router", "192.0.2.1", "2001:db8:1::1"),
        *_end("r", "to-client", "192.0.2.254", "2001:db8:1::fe"),
        *_end("r", "to-server", "198.51.100.254", "2001:db8:2::fe"),
        *_end("b", "to-router", "198.51.100.2", "2001:db8:2::2"),
        ("route", "a", "192.0.2.254"),
        ("route", "b", "198.51.100.254"),
        ("route", "a", "2001:db8:1::fe"),
        ("route", "b", "2001:db8:2::fe"),
    ],
}
"""The steps of each topology; a host's loopback is up from the beginning. A scripted peer has no counterpart here."""


class ByCommand:
    """A topology by the command ip(8), one process a step, as scripts do it. ``took`` is how many seconds that was.

    Args:
        topology: its name among ``PLANS``.
        prefix: what its namespaces' names begin with.
    """

    def __init__(self, topology: str, prefix: str) -> None:
        self.names = [prefix + step[1] for step in PLANS[topology] if step[0] == "host"]
        steps = [command for step in PLANS[topology] for command in _WORDS[step[0]](prefix, *step[1:])]
        self.took = _by_shell(steps)

    def close(self) -> float:
        """Drop the topology; gives how many seconds that took."""
        return _by_shell([f"netns del {name}" for name in self.names])


class ByPyroute2:
    """A topology by pyroute2's ``NetNS``, as its manual shows it. ``took`` is how many seconds that was."""

    def __init__(self, topology: str, prefix: str) -> None:
        from pyroute2 import NetNS

        start = time.perf_counter()
        self.spaces: dict[str, Any] = {}
        for kind, host, *what in PLANS[topology]:
            if kind == "host":
                self.spaces[host] = NetNS(prefix + host, flags=os.O_CREAT)
                self.spaces[host].link("set", index=1, state="up")
            else:
                _REQUESTS[kind](self.spaces[host], prefix, *what)
        self._prefix = prefix
        self.took = time.perf_counter() - start

    def close(self) -> float:
        """Drop the topology; gives how many seconds that took."""
        from pyroute2 import netns

        start = time.perf_counter()
        for host, space in self.spaces.items():
            space.close()
            netns.remove(self._prefix + host)
        return time.perf_counter() - start


OTHERS: dict[str, Callable[[str, str], ByCommand | ByPyroute2]] = {"ip": ByCommand, "pyroute2": ByPyroute2}


def _by_shell(steps: list[str]) -> float:
    """Run the steps by the ip command; gives the seconds that the shell counted, without its own start."""
    lines = ["s=$(date +%s%N)", *(f"ip {step} || exit 1" for step in steps), "echo took $(( $(date +%s%N) - s ))"]
    done = subprocess.run(["sh", "-c", "\n".join(lines)], capture_output=True, text=True, check=False)  # noqa: S607  Wherever it is.
    found = re.search(r"took (\d+)", done.stdout)
    if found is None:
        raise RuntimeError(f"the ip command made no topology: {done.stdout}{done.stderr}")
    return int(found.group(1)) / 1e9


def _host_words(prefix: str, host: str) -> list[str]:
    return [f"netns add {prefix}{host}", f"-n {prefix}{host} link set lo up"]


def _words(template: str, prefix: str, host: str, *what: str) -> list[str]:
    return [f"-n {shlex.quote(prefix + host)} " + template.format(*what, prefix=prefix)]


_WORDS: dict[str, Callable[..., list[str]]] = {
    "host": _host_words,
    "veth": partial(_words, "link add name {0} type veth peer name {2} netns {prefix}{1}"),
    "address": lambda prefix, host, link, address, length: _words(
        "addr add {1}/{2} dev {0}" + " nodad" * (":" in address), prefix, host, link, address, length
    ),
    "up": partial(_words, "link set dev {0} up"),
    "route": partial(_words, "route add default via {0}"),
}


def _veth(space: Any, prefix: str, link: str, other: str, peer: str) -> None:
    space.link("add", ifname=link, kind="veth", peer={"ifname": peer, "net_ns_fd": prefix + other})


def _address(space: Any, _: str, link: str, address: str, length: str) -> None:
    flags = {"flags": _NODAD} if ":" in address else {}
    space.addr("add", index=_index(space, link), address=address, prefixlen=int(length), **flags)


def _up(space: Any, _: str, link: str) -> None:
    space.link("set", index=_index(space, link), state="up")


def _route(space: Any, _: str, via: str) -> None:
    space.route("add", dst="default", gateway=via)


def _index(space: Any, link: str) -> int:
    return int(space.link_lookup(ifname=link)[0])


_REQUESTS: dict[str, Callable[..., None]] = {"veth": _veth, "address": _address, "up": _up, "route": _route}

"""One network namespace: made, entered, configured by netlink and sysctl, and let go.

A namespace here has no name under /run/netns. It lives as long as a descriptor (or a socket or thread in it)
holds it, so that a process killed at any moment leaves nothing behind.
"""

import errno
import fcntl
import os
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from netns.change_log import Change
from netns.rtnetlink import Requests
from netns.syscalls import CLONE_NEWNET, setns, unshare

if TYPE_CHECKING:
    from pyroute2 import IPRoute

# The main thread's entry would be /proc/self/ns/net; setns acts on the calling thread, hence this one.
_CURRENT = "/proc/thread-self/ns/net"
_NO_IPV6 = ("net.ipv6.conf.all.disable_ipv6", "net.ipv6.conf.default.disable_ipv6")
_RTF_LOCAL = 0x80000000
_INDEXES = ("index", "oif", "ifindex")  # What names a link in a request.
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP, _IFF_RUNNING = 0x8913, 0x8914, 0x1, 0x40  # See netdevice(7).


@cache
def can_return() -> bool:
    """Tell whether a thread of this kernel can go back into a network namespace that it has left, by setns(2)."""
    here = os.open(_CURRENT, os.O_RDONLY | os.O_CLOEXEC)
    try:
        setns(here)
    except OSError:
        return False
    finally:
        os.close(here)
    return True


class _Only:
    """The one namespace that a process has at a time where nobody can go back."""

    held: "Namespace | None" = None

    @classmethod
    def take(cls, namespace: "Namespace") -> None:
        if cls.held is not None and cls.held.fd >= 0:
            raise OSError(
                errno.EOPNOTSUPP,
                "this kernel lets nobody back into a network namespace (setns), so that a row can have one only",
            )
        unshare(CLONE_NEWNET)
        cls.held = namespace


class Namespace:
    """A network namespace held by a descriptor; its loopback is up, and it has IPv6 where the kernel does.

    Where a kernel lets nobody back into a namespace (``can_return``), the thread that makes one moves into it, stays
    there, and can make no other before this one is closed.

    Args:
        name: what messages and reports call it, such as ``client``.

    Raises:
        OSError: when the kernel gives no further namespace (``ENOSPC``: the sysctl user.max_net_namespaces).
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.fd = -1
        self.changes: list[Change] = []
        self._links: dict[int, str] = {}
        self._netlink: IPRoute | None = None
        self._requests: Requests | None = None
        if not can_return():
            _Only.take(self)
            _prepare()
            self.fd = os.open(_CURRENT, os.O_RDONLY | os.O_CLOEXEC)
            return
        before = os.open(_CURRENT, os.O_RDONLY | os.O_CLOEXEC)
        try:
            unshare(CLONE_NEWNET)
            try:
                _prepare()
                self.fd = os.open(_CURRENT, os.O_RDONLY | os.O_CLOEXEC)
            finally:
                setns(before)
        finally:
            os.close(before)

    @property
    def inode(self) -> int:
        """The number by which the kernel tells this namespace from others (``net:[NUMBER]``)."""
        return os.fstat(self.fd).st_ino

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Stand in this namespace: sockets made in the block belong to it for life."""
        if not can_return():
            yield  # Who made it stands in it.
            return
        before = os.open(_CURRENT, os.O_RDONLY | os.O_CLOEXEC)
        try:
            setns(self.fd)
            try:
                yield
            finally:
                setns(before)
        finally:
            os.close(before)

    @property
    def fresh(self) -> bool:
        """Whether nobody has changed it, or opened what changes it, since it was made."""
        return not self.changes and self._requests is None and self._netlink is None

    @property
    def requests(self) -> Requests:
        """The namespace's own socket for changes, made at first use, closed with the namespace."""
        if self._requests is None:
            with self.inside():
                self._requests = Requests()
        return self._requests

    @property
    def netlink(self) -> "IPRoute":
        """pyroute2's own view of the namespace, made at first use; ``requests`` is faster for changes."""
        if self._netlink is None:
            # Imported late: pyroute2 costs a tenth of a second, which a listing or a bad option need not pay.
            from pyroute2 import IPRoute

            with self.inside():
                self._netlink = IPRoute()
        return self._netlink

    def index(self, link: str) -> int:
        """The interface index of a link by name.

        Raises:
            LookupError: when the namespace has no such link.
        """
        with self.inside():
            try:
                index = socket.if_nametoindex(link)
            except OSError as error:
                raise LookupError(f"namespace '{self.name}' has no link '{link}'") from error
        self._links[index] = link
        return index

    def ask(self, kind: str, command: str, /, **what: Any) -> None:
        """Change something by route netlink (see ``Requests.ask``), and note it among the ``changes``.

        Raises:
            OSError: with the errno that the kernel answered.
        """
        named = {key: self._links.get(value, value) if key in _INDEXES else value for key, value in what.items()}
        self.changed("netlink", kind, command, named)
        self.requests.ask(kind, command, **what)

    def changed(self, how: str, *what: Any) -> None:
        """Note a change; see ``Change``."""
        self.changes.append(Change(time.monotonic(), how, what))

    def is_ready(self, link: str) -> bool:
        """Tell whether a link carries packets: it runs, and where there is IPv6 its link-local address can be reached.

        Answers to who asks for a neighbour go to that address.
        """
        with self.inside():
            # The entry of the main thread would be /proc/net.
            try:
                addresses = Path("/proc/thread-self/net/if_inet6").read_text(encoding="ascii")
            except FileNotFoundError:
                return self._is_running(link)
        # Address, index, prefix, scope, flags, link; the kernel adds it last of all that a link gets.
        known = [line.split() for line in addresses.splitlines() if line.startswith("fe80")]
        local = [socket.inet_ntop(socket.AF_INET6, bytes.fromhex(each[0])) for each in known if each[5] == link]
        return any(self.has_settled(link, each) for each in local)

    def has_settled(self, link: str, address: str) -> bool:
        """Tell whether an IPv6 address can be reached, if its link is up: a kernel thread sees to its route."""
        with self.inside():
            if not self._is_running(link):
                return True
            routes = Path("/proc/thread-self/net/ipv6_route").read_text(encoding="ascii")
        if not routes:  # A kernel that shows none: where lo is up, there is one at least.
            return self._can_bind(address)
        start = socket.inet_pton(socket.AF_INET6, address).hex() + " 80 "
        found = [line.split()[8] for line in routes.splitlines() if line.startswith(start)]
        return any(int(flags, 16) & _RTF_LOCAL for flags in found)

    def has_ipv6(self) -> bool:
        """Tell whether this kernel has IPv6: it can be turned off, or its loopback address can be bound."""
        return self.has_sysctl(_NO_IPV6[0]) or self._can_bind("::1")

    def _can_bind(self, address: str) -> bool:
        try:
            with self.inside(), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
                sock.bind((address, 0))
        except OSError:
            return False
        return True

    def _is_running(self, link: str) -> bool:
        with _asker() as sock:
            flags: int = struct.unpack_from("16xh", fcntl.ioctl(sock, _SIOCGIFFLAGS, _request(link)))[0]
        return bool(flags & _IFF_RUNNING)

    def sysctl(self, name: str) -> str:
        """Read a sysctl of this namespace, such as ``net.ipv4.tcp_syn_retries``."""
        with self.inside():
            return _sysctl_path(name).read_text(encoding="ascii").strip()

    def set_sysctl(self, name: str, value: int | str) -> None:
        """Set a sysctl of this namespace; only ``net.*`` exists per namespace, so only that is let through.

        Raises:
            ValueError: when the name is not below ``net.``: it would change the whole machine.
            OSError: when the kernel has no such sysctl or refuses the value.
        """
        if not name.startswith("net."):
            raise ValueError(f"sysctl '{name}' is not per network namespace: kconform never sets those")
        self.changed("sysctl", name, str(value))
        with self.inside():
            _sysctl_path(name).write_text(str(value), encoding="ascii")

    def has_sysctl(self, name: str) -> bool:
        """Tell whether this kernel has the sysctl."""
        with self.inside():
            return _sysctl_path(name).exists()

    def describe(self) -> dict[str, Any]:
        """The links with their addresses, and the routes, as plain data for people and for reports."""
        names = {link["index"]: link.get("ifname", "?") for link in self.netlink.get_links()}
        links = [
            {
                "name": names[link["index"]],
                "state": link.get("state", "?"),
                "addresses": [
                    f"{address.get('address')}/{address['prefixlen']}"
                    for address in self.netlink.get_addr(index=link["index"])
                ],
            }
            for link in self.netlink.get_links()
        ]
        routes = []
        for family in (socket.AF_INET, socket.AF_INET6):
            for route in self.netlink.get_routes(family=family):
                if route.get("table") == 255:  # RT_TABLE_LOCAL repeats every address of ours.
                    continue
                routes.append(
                    {
                        "type": _ROUTE_TYPES.get(route["type"], str(route["type"])),
                        "to": f"{route.get('dst') or 'default'}/{route['dst_len']}",
                        "via": route.get("gateway"),
                        "link": names.get(route.get("oif")),
                    }
                )
        return {"name": self.name, "links": links, "routes": routes}

    def close(self) -> None:
        """Let go of it; the kernel removes it with the last socket that lives in it."""
        if self._netlink is not None:
            self._netlink.close()
            self._netlink = None
        if self._requests is not None:
            self._requests.close()
            self._requests = None
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> Self:
        """Hold the namespace for a block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the namespace."""
        self.close()


def preload() -> None:
    """Import what the first topology with links would import, before a process forks many that each make one."""
    import pyroute2  # noqa: F401


_ROUTE_TYPES = {1: "unicast", 6: "blackhole", 7: "unreachable", 8: "prohibit"}


class _Inherited:
    """What a fresh namespace is known to come with; the same for all that a process makes."""

    ipv6_off = True


_inherited = _Inherited()


def _prepare() -> None:
    """Set lo up in the namespace of this thread, and have IPv6 where a container has turned it off by default."""
    off = False
    for name in _NO_IPV6 if _inherited.ipv6_off else ():
        path = _sysctl_path(name)
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:  # This kernel has none.
            break
        except OSError:  # Where it can't be written, a test that needs it will say so.
            continue
        try:
            if os.pread(fd, 1, 0) != b"0":
                off = True
                os.pwrite(fd, b"0", 0)
        finally:
            os.close(fd)
    _inherited.ipv6_off = off
    # By ioctl, since most topologies need nothing else.
    with _asker() as sock:
        flags = struct.unpack_from("16xh", fcntl.ioctl(sock, _SIOCGIFFLAGS, _request("lo")))[0]
        if not flags & _IFF_UP:
            fcntl.ioctl(sock, _SIOCSIFFLAGS, _request("lo", flags | _IFF_UP))


def _asker() -> socket.socket:
    """A socket in the namespace of this thread, to ask for links by ioctl."""
    return socket.socket(_asking_family(), socket.SOCK_DGRAM)


@cache
def _asking_family() -> int:
    """The family whose sockets know links: every one on Linux, where UNIX is the cheapest; on gVisor the Internet."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        try:
            fcntl.ioctl(sock, _SIOCGIFFLAGS, _request("lo"))
        except OSError:
            return socket.AF_INET
    return socket.AF_UNIX


def _request(link: str, flags: int = 0) -> bytes:
    """A ``struct ifreq`` with a link's name and its flags."""
    return struct.pack("16sH22x", link.encode("ascii"), flags)


def _sysctl_path(name: str) -> Path:
    return Path("/proc/sys") / name.replace(".", "/")

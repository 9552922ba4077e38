"""The private networks of rows, and what rows change in them, as calls of the functions in ``parts.c``.

``RECIPES`` says how each topology is made, in the words in which a row's ``changes`` are recorded: host, how, and what.
A test holds them together with what ``netns`` does.
"""

import re
from typing import Any

from programs.words import NotExpressible, array, integer, text

Change = tuple[str, str, list[Any]]  # Host, how, what.

_INET, _INET6 = 2, 10
_QUIET: list[tuple[str, str]] = [
    ("net.ipv6.conf.all.accept_dad", "0"),
    ("net.ipv6.conf.default.accept_dad", "0"),
    ("net.ipv6.conf.all.router_solicitations", "0"),
    ("net.ipv6.conf.default.router_solicitations", "0"),
]


def _quiet(*hosts: str) -> list[Change]:
    return [(host, "sysctl", [name, value]) for host in hosts for name, value in _QUIET]


def _veth(host: str, link: str, other: str, peer: str) -> Change:
    return host, "netlink", ["link", "add", {"ifname": link, "peer": peer, "of": other}]


def _address(host: str, link: str, inet: str, inet6: str) -> list[Change]:
    six = {"index": link, "address": inet6, "prefixlen": 64, "flags": 2}
    return [
        (host, "netlink", ["addr", "add", {"index": link, "address": inet, "prefixlen": 24}]),
        (host, "netlink", ["addr", "add", six]),
    ]


def _up(host: str, link: str) -> Change:
    return host, "netlink", ["link", "set", {"index": link, "state": "up"}]


def _default(host: str, via: str) -> Change:
    family = _INET6 if ":" in via else _INET
    return host, "netlink", ["route", "add", {"family": family, "dst": "default", "gateway": via}]


HOSTS = {"loopback": ["local"], "pair": ["client", "server"], "routed": ["client", "router", "server"]}
RECIPES: dict[str, list[Change]] = {
    "loopback": [],
    "pair": [
        *_quiet("client", "server"),
        _veth("client", "to-server", "server", "to-client"),
        *_address("client", "to-server", "192.0.2.1", "2001:db8:1::1"),
        *_address("server", "to-client", "192.0.2.2", "2001:db8:1::2"),
        _up("client", "to-server"),
        _up("server", "to-client"),
    ],
    "routed": [
        *_quiet("client", "router", "server"),
        _veth("client", "to-router", "router", "to-client"),
        _veth("server", "to-router", "router", "to-server"),
        *_address("client", "to-router", "192.0.2.1", "2001:db8:1::1"),
        *_address("router", "to-client", "192.0.2.254", "2001:db8:1::fe"),
        *_address("router", "to-server", "198.51.100.254", "2001:db8:2::fe"),
        *_address("server", "to-router", "198.51.100.2", "2001:db8:2::2"),
        _up("client", "to-router"),
        _up("router", "to-client"),
        _up("router", "to-server"),
        _up("server", "to-router"),
        ("router", "sysctl", ["net.ipv4.ip_forward", "1"]),
        ("router", "sysctl", ["net.ipv4.icmp_ratelimit", "0"]),
        _default("client", "192.0.2.254"),
        _default("server", "198.51.100.254"),
        ("router", "sysctl", ["net.ipv6.conf.all.forwarding", "1"]),
        ("router", "sysctl", ["net.ipv6.icmp.ratelimit", "0"]),
        _default("client", "2001:db8:1::fe"),
        _default("server", "2001:db8:2::fe"),
    ],
}
_SYSCTL = re.compile(r"net\.[A-Za-z0-9_.-]+", re.ASCII)
_LLADDR = re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", re.ASCII)
_MADE_UP = "02:00:00:00:00:"  # Addresses that suites make up; a link's own is drawn at random.
_ANSWERED = 0x4  # NLM_F_ACK


class Network:
    """Writes changes down; ``needs`` collects the parts that they use."""

    def __init__(self, hosts: list[str]) -> None:
        self.hosts = hosts
        self.needs: set[str] = set()

    def host(self, name: object) -> str:
        """The number of a host, by a name that the program defines.

        Raises:
            NotExpressible: when the topology has no such host.
        """
        if name not in self.hosts:
            raise NotExpressible(f"it uses a network namespace beside those of its topology ('{str(name)[:30]}')")
        return f"ON_{str(name).upper()}"

    def made(self, topology: str) -> list[str]:
        """The lines that make a topology."""
        lines = [f"make_host({self.host(each)});" for each in self.hosts]
        raised = []
        for change in RECIPES[topology]:
            lines += self.changed(*change, settle=False)
            if change[2][:2] == ["link", "set"]:
                raised.append((change[0], change[2][2]["index"]))
        for host, link in raised:
            self.needs.add("settle")
            lines.append(f"settle({self.host(host)}, {text(link)});")
        return lines

    def changed(self, host: object, how: object, what: list[Any], *, settle: bool = True) -> list[str]:
        """The lines for one change.

        Raises:
            NotExpressible: when it is of a kind that is not known here.
        """
        where = self.host(host)
        try:
            if how == "sysctl":
                return self._sysctl(where, *what)
            if how == "nftables":
                return self._nftables(where, *what)
            if how == "netlink":
                kind, command, words = what
                return _NETLINK[kind](self, where, command, words, settle)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise NotExpressible(f"it changes the network in a way that is not known here: {error}") from error
        raise NotExpressible(f"it changes the network in a way that is not known here ({str(how)[:30]})")

    def _sysctl(self, host: str, name: str, value: str) -> list[str]:
        if not _SYSCTL.fullmatch(name):
            raise NotExpressible("it sets a sysctl that is not of the network")
        self.needs.add("set_sysctl")
        return [f"set_sysctl({host}, {text(name)}, {text(value)});"]

    def _nftables(self, host: str, batch: str) -> list[str]:
        self.needs.add("netlink")
        data = bytes.fromhex(batch)
        answers, at = 0, 0
        while at + 16 <= len(data):
            length = int.from_bytes(data[at : at + 4], "little")
            answers += bool(int.from_bytes(data[at + 6 : at + 8], "little") & _ANSWERED)
            at += max((length + 3) & ~3, 16)
        return [
            "{",
            "\t/* Messages to nf_tables, as the row sent them. */",
            f"\tstatic const unsigned char batch[{len(data)}] = {array(data)};",
            "",
            f"\tsend_from({host}, NETLINK_NETFILTER, batch, sizeof(batch), {answers});",
            "}",
        ]

    def _link(self, host: str, command: str, words: dict[str, Any], settle: bool) -> list[str]:
        if command == "add":
            self.needs.add("veth")
            other = self.host(words["of"])
            return [f"veth({host}, {text(words['ifname'])}, {other}, {text(words['peer'])});"]
        link = text(words["index"])
        if command == "del":
            self.needs.add("remove_link")
            return [f"remove_link({host}, {link});"]
        self.needs.add("link_up")
        up = words["state"] == "up"
        lines = [f"link_up({host}, {link}, {int(up)});"]
        if up and settle:
            self.needs.add("settle")
            lines.append(f"settle({host}, {link});")
        return lines

    def _addr(self, host: str, command: str, words: dict[str, Any], settle: bool) -> list[str]:
        self.needs.add("address")
        link, type_ = text(words["index"]), "RTM_NEWADDR" if command == "add" else "RTM_DELADDR"
        lines = [f"address({host}, {type_}, {link}, {text(words['address'])}, {integer(words['prefixlen'])});"]
        if command == "add" and settle and ":" in words["address"]:
            self.needs.add("wait_address")
            lines.append(f"wait_address({host}, {text(words['address'])});")
        return lines

    def _route(self, host: str, command: str, words: dict[str, Any], settle: bool) -> list[str]:  # noqa: ARG002
        self.needs.add("route")
        family = integer(words["family"])
        to, _, length = words["dst"].partition("/")
        parts = [
            host,
            "RTM_NEWROUTE" if command == "add" else "RTM_DELROUTE",
            "AF_INET6" if family == _INET6 else "AF_INET",
            "NULL" if to == "default" else text(to),
            str(0 if to == "default" else integer(length or (128 if family == _INET6 else 32))),
            *(text(words[key]) if key in words else "NULL" for key in ("gateway", "oif", "prefsrc")),
            str(integer(words.get("type", 0 if command == "del" else 1))),
            str(integer(words.get("table", 254))),
        ]
        return [f"route({', '.join(parts)});"]

    def _rule(self, host: str, command: str, words: dict[str, Any], settle: bool) -> list[str]:  # noqa: ARG002
        self.needs.add("rule")
        parts = [
            host,
            "RTM_NEWRULE" if command == "add" else "RTM_DELRULE",
            "AF_INET6" if integer(words["family"]) == _INET6 else "AF_INET",
            str(integer(words["priority"])),
            str(integer(words.get("action", 1))),
            text(words["dst"]) if "dst" in words else "NULL",
            str(integer(words.get("dst_len", 0))),
            str(integer(words.get("table", 254))),
        ]
        return [f"rule({', '.join(parts)});"]

    def _neigh(self, host: str, command: str, words: dict[str, Any], settle: bool) -> list[str]:  # noqa: ARG002
        self.needs.add("neighbour")
        link = words.get("lladdr")
        if link is not None and not _LLADDR.fullmatch(link):
            raise NotExpressible("it sets a neighbour's link address that is none")
        if link is not None and not link.startswith(_MADE_UP):
            raise NotExpressible("it names the address of a link, which is another one each time")
        bytes_ = "NULL" if link is None else f"(const unsigned char *){text_of(link)}"
        type_ = "RTM_DELNEIGH" if command == "del" else "RTM_NEWNEIGH"
        state = integer(words.get("state", 0))
        return [f"neighbour({host}, {type_}, {text(words['ifindex'])}, {text(words['dst'])}, {bytes_}, {state});"]


def text_of(lladdr: str) -> str:
    """A link address as a C string of its six bytes."""
    return '"' + "".join(f"\\{int(each, 16):03o}" for each in lladdr.split(":")) + '"'


_NETLINK = {
    "link": Network._link,  # noqa: SLF001  A table of this class's own.
    "addr": Network._addr,  # noqa: SLF001
    "route": Network._route,  # noqa: SLF001
    "rule": Network._rule,  # noqa: SLF001
    "neigh": Network._neigh,  # noqa: SLF001
}

"""What a namespace looks like from inside, asked of the kernel: its sockets, its network, its sysctls.

This is for evidence: it is asked when something went wrong, and may cost a tenth of a second.
"""

import json
import os
import socket
from collections.abc import Iterator
from functools import cache
from typing import Any

from netns.namespace import Namespace

_PROTOCOLS = {"tcp": 6, "udp": 17, "udplite": 136, "raw": 255, "mptcp": 262}
_MORE = 0xFF  # All extensions of a socket's record: memory, TCP_INFO, congestion control, ...
_SHOW = 0x3F  # The same of UNIX sockets.
_LOCAL = 255  # The table in which every address of ours stands once more.
_SYSCTLS = "/proc/sys/net"
_OF_LINKS = {"conf": "default", "neigh": "lo"}  # And whose value in a fresh namespace a link's own is held against.
_OF_A_LINK = ("index", "ifname", "state", "operstate", "carrier", "address", "mtu", "qdisc", "flags")
_NOISE = {"attrs", "header", "event", "cacheinfo", "__pad", "__align", "ifi_pad", "res1", "res2", "res_id"}
# What is another in every namespace, or on every link, and says nothing.
_RESTLESS = ("nf_conntrack_count", "stable_secret", "mtu", "base_reachable_time", "random")


def sockets(namespace: Namespace) -> list[dict[str, Any]]:
    """The sockets of a namespace as sock_diag(7) tells of them, each with all that the kernel adds.

    Raises:
        OSError: when the kernel has no sock_diag.
    """
    # Imported late, as all of pyroute2 here.
    from pyroute2 import DiagSocket
    from pyroute2.netlink.exceptions import NetlinkError

    found = []
    with namespace.inside():
        asking = DiagSocket()
    try:
        asking.bind()
        for family in (socket.AF_INET, socket.AF_INET6):
            for name, protocol in _PROTOCOLS.items():
                if protocol > _MORE:  # The field has a byte; sockets of MPTCP show through those of TCP.
                    continue
                try:
                    told = list(asking.get_sock_stats(family=family, protocol=protocol, extensions=_MORE))
                except NetlinkError:  # A protocol that this kernel cannot tell of.
                    continue
                found += [{"family": family.name, "protocol": name, **_plain(each)} for each in told]
        found += [
            {"family": "AF_UNIX", **_plain(each)} for each in asking.get_sock_stats(family=socket.AF_UNIX, show=_SHOW)
        ]
    finally:
        asking.close()
    return found


def network(namespace: Namespace) -> Iterator[str]:
    """Links, addresses, routes, rules, neighbours and nf_tables of a namespace, a line each, by their kinds."""
    netlink = namespace.netlink
    both = (socket.AF_INET, socket.AF_INET6)
    routes = [each for family in both for each in netlink.get_routes(family=family)]
    told = {
        "links": [{key: each.get(key) for key in _OF_A_LINK} for each in netlink.get_links()],
        "addresses": netlink.get_addr(),
        "routes (those of the table 'local' left out)": [each for each in routes if each["table"] != _LOCAL],
        "rules": [each for family in both for each in netlink.get_rules(family=family)],
        "neighbours": [each for family in both for each in netlink.get_neighbours(family=family)],
    }
    for kind, each in told.items():
        yield f"{kind}:"
        yield from (f"  {_line(record)}" for record in each)
    yield "nf_tables:"
    yield from (f"  {line}" for line in _filters(namespace))


def sysctls(namespace: Namespace) -> Iterator[str]:
    """The sysctls of a namespace that differ from those of a fresh one, with both values.

    Raises:
        OSError: when the kernel gives no other namespace to compare with.
    """
    fresh = _fresh()
    for name, value in sorted(_all_sysctls(namespace).items()):
        parts = name.split("/")
        if len(parts) > 3 and parts[1] in _OF_LINKS and parts[2] not in ("all", "default", "lo"):
            parts[2] = "default"
        usual = fresh.get("/".join(parts))
        if value != usual and not any(word in parts[-1] for word in _RESTLESS):
            yield f"net.{name.replace('/', '.')} = {value}   (a fresh namespace: {usual})"


@cache
def _fresh() -> dict[str, str]:
    with Namespace("fresh") as namespace:
        return _all_sysctls(namespace)


def _all_sysctls(namespace: Namespace) -> dict[str, str]:
    found = {}
    with namespace.inside():
        for place, _, names in os.walk(_SYSCTLS):
            for name in names:
                path = os.path.join(place, name)
                try:
                    with open(path, encoding="utf-8", errors="replace") as file:
                        found[os.path.relpath(path, _SYSCTLS)] = " ".join(file.read().split())
                except OSError:  # Some can be written only, or by nobody here.
                    continue
    return found


def _filters(namespace: Namespace) -> Iterator[str]:
    from pyroute2.netlink.exceptions import NetlinkError
    from pyroute2.nftables.main import NFTables

    try:
        with namespace.inside():
            asking = NFTables(nfgen_family=0)
        try:
            for ask in (asking.get_tables, asking.get_chains, asking.get_rules):
                yield from (_line(each) for each in ask())
        finally:
            asking.close()
    except (NetlinkError, OSError) as error:
        yield f"can't be asked: {error}"


def _line(record: Any) -> str:
    return json.dumps(_plain(record), ensure_ascii=True, sort_keys=True)


def _plain(value: Any) -> Any:
    """A netlink message as plain data: attributes beside fields, by their names; bytes in hexadecimal."""
    if isinstance(value, dict):
        fields = {key: _plain(each) for key, each in value.items() if key not in _NOISE and each is not None}
        attributes = {_short(pair[0]): _plain(pair[1]) for pair in value.get("attrs", ())}
        return fields | {key: each for key, each in attributes.items() if key not in _NOISE}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in value]
    if isinstance(value, bytes):
        return value.hex()
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _short(name: str) -> str:
    """``RTA_GATEWAY`` as ``gateway``; ``INET_DIAG_INFO`` as ``info``."""
    for prefix in ("INET_DIAG_", "UNIX_DIAG_", "NFTA_"):
        if name.startswith(prefix):
            return name.removeprefix(prefix).lower()
    return name.partition("_")[2].lower() or name.lower()

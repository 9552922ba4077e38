"""Rules of a local firewall about packets to an address."""

from collections.abc import Callable

from fixtures import (
    FAMILIES,
    Address,
    Inet,
    Inet6,
    Variant,
    unmapped,
)
from netns import Host, Match, Rule, Topology

RuleMaker = Callable[..., Rule]


def rule_maker(topology: Topology, variant: Variant) -> RuleMaker:
    """Makes rules about packets to an address: dropped on the client's way out where nothing else is said."""
    for each in topology.hosts:
        # Limits on ICMP would turn a reject into a drop; no type of message falls under them from here on.
        each.set_sysctl("net.ipv4.icmp_ratemask", 0)
        if each.namespace.has_sysctl("net.ipv6.icmp.ratelimit"):
            each.set_sysctl("net.ipv6.icmp.ratelimit", 0)

    def make(
        to: Address,
        reject: str | None = None,
        *,
        hook: str = "output",
        host: Host | None = None,
        protocol: str | None = None,
    ) -> Rule:
        to = unmapped(to)
        if not isinstance(to, Inet | Inet6):
            raise TypeError(f"no firewall rule is about {to}")
        family = FAMILIES["inet6" if isinstance(to, Inet6) else "inet"]
        match = Match(family, protocol or {"stream": "tcp", "dgram": "udp"}[variant.type], to.port, to.host)
        return Rule((host or topology.client).namespace, hook, match, reject)

    return make

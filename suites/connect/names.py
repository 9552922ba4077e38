"""Addresses by family: the null address, those of a host, and what is no address of anybody."""

from fixtures import (
    FAMILIES,
    Address,
    Bytes,
    Variant,
    address_of_host,
    internet,
)
from netns import Host

NULL = {"inet": "0.0.0.0", "inet6": "::", "mapped": "::"}  # noqa: S104  The null address is what is tried here.
UNROUTED = {"inet": "192.0.2.1", "inet6": "2001:db8:ffff::1"}
"""Addresses that no route of ``loopback`` leads to."""
UNSPEC = Bytes(bytes(16))
"""AF_UNSPEC, with which connect gives up the peer."""


def null(variant: Variant, port: int = 0) -> Address:
    """The family's null address."""
    return internet(FAMILIES[variant.family], NULL[variant.family], port)


def loopback(variant: Variant, port: int = 0) -> Address:
    """The family's loopback address."""
    return internet(FAMILIES[variant.family], "::1" if variant.family == "inet6" else "127.0.0.1", port)


def local(host: Host, variant: Variant, port: int = 0, *, second: bool = False) -> Address:
    """An address of the host in the row's family."""
    return address_of_host(host, variant.family, port, second=second)

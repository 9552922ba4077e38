"""Addresses by family: the null address, and those of a host."""

from fixtures import Address, Variant, address_of_host, internet
from fixtures.sockets import FAMILIES
from netns import Host

NULL = {"inet": "0.0.0.0", "inet6": "::", "mapped": "::"}  # noqa: S104  The null address is what is tried here.


def null(variant: Variant, port: int = 0) -> Address:
    """The family's null address."""
    return internet(FAMILIES[variant.family], NULL[variant.family], port)


def local(host: Host, variant: Variant, port: int = 0, *, second: bool = False) -> Address:
    """An address of the host in the row's family."""
    return address_of_host(host, variant.family, port, second=second)

"""Addresses and rings that other families than the internet's and UNIX's brought."""

import struct
from errno import EBADF

import pytest

from fixtures.probes.families import PROBES
from fixtures.probes.features import features_needed
from fixtures.sockets.address import Bytes, Netlink, Vsock, parse, show
from fixtures.syscalls.io_uring import UringEntry


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (Netlink(7001, 2), "{AF_NETLINK, port 7001, groups 0x2}"),
        (Vsock(1, 7001), "{AF_VSOCK, CID 1, port 7001}"),
    ],
)
def test_addresses_come_back_as_they_went(address: Netlink | Vsock, shown: str) -> None:
    assert parse(address.pack()) == address
    assert show(address.pack()) == shown


@pytest.mark.parametrize("data", [Netlink(1).pack()[:11], Netlink(1).pack() + b"\0", Vsock(1, 1).pack()[:-1] + b"\1"])
def test_bytes_that_are_no_address_equal_none(data: bytes) -> None:
    assert parse(data) == Bytes(data)


def test_a_row_needs_its_family_and_its_protocol() -> None:
    assert "vsock" in features_needed("vsock", "stream", "syscall", "loopback", [])
    assert "mptcp" in features_needed("inet6", "mptcp", "syscall", "loopback", [])
    assert features_needed("inet", "stream", "syscall", "loopback", []) == ["topology:loopback"]


def test_a_request_with_a_timeout_ends_as_one_without() -> None:
    try:
        PROBES["ring-linked-timeout"][1]()
    except OSError as error:
        pytest.skip(f"no ring, or no linked timeouts: {error}")
    entry = UringEntry(within=60)
    assert entry.invoke("connect", -1, entry.place(struct.pack("=H", 1)), 2) == (-1, EBADF)

"""What tests of mapped addresses need beside IPv4 servers."""

import pytest

from fixtures import (
    Server,
    Servers,
)


@pytest.fixture
def six(servers: Servers) -> Server:
    """A server of IPv6; in a mapped row all others are IPv4."""
    return servers.make("six", family="inet6")

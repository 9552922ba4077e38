"""Special addresses: broadcast, multicast, IPv6 scopes, bound names."""

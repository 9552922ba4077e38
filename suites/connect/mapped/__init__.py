"""IPv6 sockets that are given IPv4-mapped addresses."""

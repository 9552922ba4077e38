"""Other families and protocols: netlink, packet, raw, ICMP sockets, VSOCK, SCTP and more."""

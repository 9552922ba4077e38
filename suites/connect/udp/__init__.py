"""UDP and UDP-Lite: association, receive filter, names, ports, dissolution, errors that come later."""

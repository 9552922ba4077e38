"""UNIX domain sockets: paths, names, states, datagrams."""

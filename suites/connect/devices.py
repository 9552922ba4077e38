"""The device that a socket is bound to."""

import socket

from fixtures import (
    Socket,
)


def bind_to_device(sock: Socket, device: bytes) -> None:
    """Set SO_BINDTODEVICE to the name of a device; an empty name unbinds the socket."""
    assert sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device, name="SO_BINDTODEVICE") == 0

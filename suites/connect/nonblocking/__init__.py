"""Sockets with O_NONBLOCK: attempts in progress, readiness, SO_ERROR."""

"""Calls that are interrupted, or that share a socket with another caller."""

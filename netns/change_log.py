"""What was done to a namespace, as a record of it keeps it; so that a program elsewhere can do the same."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Change:
    """Something that was done: when (monotonic clock), by which means, and with what words.

    ``how`` is ``sysctl`` (name, value), ``netlink`` (kind, command, and what goes with them; links by their names), or
    ``nftables`` (a batch of messages in hexadecimal). Whoever does other things may have other words.
    """

    at: float
    how: str
    what: tuple[Any, ...]

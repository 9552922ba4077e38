"""The ids of rows: a clause tried in one variant, and how both are read out of the node id of a pytest item.

A row's id is the clause's id, a slash and the variant, such as ``connect.EISCONN.tcp/inet-stream-blocking-syscall``. It
stands in the brackets of the item's node id, so that the row can be told from the node id alone, even when the process
that ran it is dead.
"""

import re
from functools import lru_cache
from typing import Self

from msgspec import Struct

_ROW_ID = re.compile(r"\[([A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+)\]$")


class Variant(Struct, frozen=True):
    """How a clause is tried: address family, socket type, mode, entry point, and the case where a test is a table."""

    family: str
    type: str
    mode: str
    entry: str
    case: str = ""

    def __str__(self) -> str:
        parts = [self.family, self.type, self.mode, self.entry]
        return "-".join([*parts, self.case] if self.case else parts)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a variant back from a row id.

        Raises:
            ValueError: when the text is no variant.
        """
        parts = text.split("-", 4)
        if len(parts) < 4:
            raise ValueError(f"'{text}' is no variant: family-type-mode-entry point[-case] is wanted")
        return cls(*parts)

    @property
    def nonblocking(self) -> bool:
        """Whether the socket under test has O_NONBLOCK set."""
        return self.mode == "nonblocking"


class RowId(Struct, frozen=True):
    """A row's id, whole and in its parts."""

    id: str
    clause: str
    variant: Variant

    @classmethod
    def parse(cls, nodeid: str) -> Self | None:
        """Read the row out of a node id; None where the node is no row."""
        parts = _parts(nodeid)
        return None if parts is None else cls(*parts)


@lru_cache(maxsize=8)  # While a row runs, a dozen hooks ask for it.
def _parts(nodeid: str) -> tuple[str, str, Variant] | None:
    found = _ROW_ID.search(nodeid)
    if found is None:
        return None
    clause, _, variant = found.group(1).partition("/")
    return found.group(1), clause, Variant.parse(variant)

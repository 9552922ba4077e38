"""A pytest plugin (``-p tests.bench.bare``) for tests that do nothing, or only stand in a network of others."""

import os
from collections.abc import Iterator
from itertools import count

import pytest

from tests.bench.networks import OTHERS

_numbers = count()


@pytest.fixture
def network(topology: str) -> Iterator[None]:
    """The topology of that name, made by what ``KCONFORM_BARE`` says: ``ip`` or ``pyroute2``; none without it."""
    how = os.environ.get("KCONFORM_BARE", "")
    if not how:
        yield
        return
    made = OTHERS[how](topology, f"bench-{os.getpid()}-{next(_numbers)}-")
    yield
    made.close()

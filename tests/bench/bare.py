"""A pytest plugin (``-p tests.bench.bare``) for tests that do nothing, or only stand in a network of others."""

import os
from collections.abc import Iterator
from itertools import count

import pytest

from tests.bench.networks import OTHERS

_numbers = count()


@pytest.fixture
def network(world: str) -> Iterator[None]:
    """The world of that name, as ``KCONFORM_BARE`` says: by ``ip`` or ``pyroute2``; or none, where it says nothing."""
    how = os.environ.get("KCONFORM_BARE", "")
    if not how:
        yield
        return
    made = OTHERS[how](world, f"bench-{os.getpid()}-{next(_numbers)}-")
    yield
    made.close()

"""A pytest plugin (``-p tests.shuffle``) for soak and bench: rows in a random order, and no more than so many.

``KCONFORM_SHUFFLE`` seeds the order; ``KCONFORM_TAKE`` says how many rows are kept, of those that do not wait.
"""

import os
import random

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Shuffle and take; in the same way in every worker."""
    if "KCONFORM_TAKE" in os.environ:
        items[:] = [item for item in items if item.get_closest_marker("waits") is None]
    random.Random(int(os.environ["KCONFORM_SHUFFLE"])).shuffle(items)
    del items[int(os.environ.get("KCONFORM_TAKE", len(items))) :]

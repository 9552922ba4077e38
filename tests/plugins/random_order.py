"""A pytest plugin for soak: rows in a random order, which ``KCONFORM_SHUFFLE`` seeds."""

import os
import random

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Shuffle; in the same way in every worker."""
    random.Random(int(os.environ["KCONFORM_SHUFFLE"])).shuffle(items)

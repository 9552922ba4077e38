"""A pytest plugin (``-p tests.bench.take``): keep so many rows that do not wait, the same ones each time.

``KCONFORM_TAKE`` says how many. ``KCONFORM_TAKE_TOPOLOGIES`` names topologies: only rows that make one of these for
themselves.
"""

import os
import random

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Take rows of all kinds; in the same way in every worker."""
    items[:] = [item for item in items if item.get_closest_marker("waits") is None]
    if "KCONFORM_TAKE_TOPOLOGIES" in os.environ:
        wanted = os.environ["KCONFORM_TAKE_TOPOLOGIES"].split(",")
        items[:] = [item for item in items if _makes(item) in wanted]
    random.Random(1).shuffle(items)  # noqa: S311  An order, not a secret.
    del items[int(os.environ["KCONFORM_TAKE"]) :]


def _makes(item: pytest.Item) -> str:
    """The topology that a row makes for itself; none where it needs none, shares one, or is not exercised."""
    # Imported late: conftest.py has pytest rewrite the assertions there.
    from fixtures.marks import RowPlan
    from fixtures.plugin import lives_in_kept_topology, why_not
    from wiring.collection import plan_of

    if (
        RowPlan.parse(item.nodeid) is None
        or not isinstance(item, pytest.Function)
        or "topology" not in item.fixturenames
    ):
        return ""
    planned = plan_of(item)
    if lives_in_kept_topology(item, planned) or why_not(item, planned):
        return ""
    mark = item.get_closest_marker("topology")
    return str(mark.args[0]) if mark is not None else "loopback"

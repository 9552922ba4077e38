"""A pytest plugin for soak: each row that does not wait runs many times in the same process.

``KCONFORM_AGAIN`` says how many times in all, ``KCONFORM_TOLD`` names the file that gets a line of JSON each ``_EVERY``
rows: what the process holds by then.
"""

import json
import os
from collections.abc import Generator
from typing import Any

import psutil
import pytest

_EVERY = 1000
_ran = 0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Run a row as often as is wanted before it is run to be told of."""
    # Imported late: conftest.py has pytest rewrite the assertions there.
    from wiring.process_pool import WAITS
    from wiring.row_protocol import forget, run_phases

    if not item.stash.get(WAITS, 0.0):
        for _ in range(int(os.environ["KCONFORM_AGAIN"]) - 1):
            reports = run_phases(item, None)
            forget(item)
            _count([report for report in reports if report.failed])
    ended = yield
    _count([])
    return ended


def _count(failed: list[pytest.TestReport]) -> None:
    global _ran  # noqa: PLW0603  A plugin is a module, and the process has one.
    _ran += 1
    if failed or _ran % _EVERY == 0:
        process = psutil.Process()
        held: dict[str, Any] = {
            "rows": _ran,
            "megabytes": process.memory_info().rss >> 20,
            "descriptors": process.num_fds(),
        }
        held |= {"descriptors": process.num_fds(), "threads": process.num_threads()}
        held |= {"failed": [str(report.longrepr)[:500] for report in failed]}
        with open(os.environ["KCONFORM_TOLD"], "a", encoding="utf-8") as told:
            told.write(json.dumps(held) + "\n")

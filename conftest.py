"""What makes pytest run kconform: the plugins, by subject. Each has its hooks in a module of its own.

pytest takes ``pytest_plugins`` only from the conftest.py of the root folder.
"""

import pytest

# The assertions of suites, and of the checks in fixtures, are explained where they fail. pytest rewrites plugins, and
# warns of one that was imported before; those in wiring import each other, so the whole package is named here.
pytest.register_assert_rewrite("fixtures", "suites", "wiring")

pytest_plugins = [
    "fixtures.plugin",
    "wiring.options",  # The command line.
    "wiring.configuration",  # What a session keeps, and what it finds out once.
    "wiring.collection",  # Tests become rows; which of them run.
    "wiring.running",  # Each row, from its beginning to its end.
    "wiring.reporting",  # From the end of a phase to a verdict, and what pytest shows of it.
    "pytester",  # For the tests of kconform itself.
]

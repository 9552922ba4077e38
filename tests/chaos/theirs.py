"""A plugin for pytest as users have them: it is in the way of everything, and may change nothing that is reported."""

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def theirs(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a user wants around every test."""
    yield
    assert request.node.name


@pytest.fixture(autouse=True, scope="session")
def theirs_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A file that a user writes for the session; one that stayed open would be a leak of the row that had begun it."""
    log = tmp_path_factory.mktemp("theirs") / "log"
    log.write_text("begun", encoding="utf-8")
    yield
    log.unlink()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Another order."""
    items.reverse()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A word at the end."""
    terminalreporter.write_line("Traceback of nothing: this is somebody else's word")

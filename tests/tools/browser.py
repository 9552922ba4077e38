"""The browser that the tests of the report drive: the Chromium that the system has, which no test ever fetches."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = (
    f"THE REPORT IS NOT LOOKED AT: there is no browser on PATH ({', '.join(NAMES)}); README.md says how to get one"
)


def find_browser() -> str | None:
    """The path of a browser, or None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name)) is not None), None)


@contextmanager
def browser() -> Iterator[Any]:
    """A browser that runs, as Playwright's object.

    Raises:
        LookupError: when there is none on PATH.
    """
    path = find_browser()
    if path is None:
        raise LookupError(MISSING)
    # Imported late: what only asks for the path does not pay for it.
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path)
        try:
            yield running
        finally:
            running.close()


def opened(running: Any, page: Path, place: str = "", **context: Any) -> Any:
    """A tab of its own with the page, at the place; ``tab.complaints`` gets the errors in it."""
    tab = running.new_context(**context).new_page()
    tab.complaints = []
    tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
    tab.on("console", lambda said: tab.complaints.append(said.text) if said.type in ("error", "warning") else None)
    tab.on("request", lambda asked: None if asked.url.startswith("file:") else tab.complaints.append(asked.url))
    tab.goto(f"{page.as_uri()}{place}")
    tab.wait_for_selector("html[data-ready]")
    return tab

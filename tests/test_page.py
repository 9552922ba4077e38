"""The report in a real browser: its views, its filter, what it says against the terminal, and who can read it."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from reports.html.render import render, write_html
from results.reader import Results, read_many
from results.records import Evidence
from tests.tools.browser import MISSING, browser, find_browser, opened
from tests.tools.page_samples import rows, two_kernels
from tests.tools.samples import CALL, RUN, records, row, sample, written

if find_browser() is None:
    pytest.skip(MISSING, allow_module_level=True)

HOSTILE = "</script><img src=x onerror=window.hurt=1><script>window.hurt=1</script>\u2028\u2029<!--<script>'\"&amp;]]>"
VIEWS = {
    "#overview": "connect(2)",
    "#documents": "Documents",
    "#document/demo.2": "A page",
    "#sentence/other.3/2": "Another page",
    "#errno": "By errno",
    "#subject": "By subject",
    "#matrix": "Family, type, mode and entry point",
    "#disagreements": "Where documents and kernel part",
    "#not-exercised": "Not exercised, by reason",
    "#slowest": "Slowest rows",
    "#rows": "All rows",
    "#rows?q=expected:no": "Rows that match",
    "#facts": "Facts of the runs",
    "#clause/demo.b": "b",
    "#row/demo.b/inet-stream-blocking-syscall": "b",
    "#row/demo.x/inet-stream-blocking-syscall": "Not here",
    "#nothing": "Not here",
}
# Terms of the filter, and the rows that they leave: clause and family. tests/page/query.test.mjs has the rest.
QUERIES: dict[str, set[str]] = {
    "demo.a": {"a/inet", "a/inet6"},
    "family:inet* clause:demo.a,demo.c": {"a/inet", "a/inet6", "c/inet"},
    '"since 1998" -f': {"e/inet"},
    "world:pair": {"b/inet"},
    "entry:io_uring": set(),
}


def plain(names: Iterable[str]) -> list[str]:
    """Names for cases that nobody takes for rows."""
    return [re.sub(r"\W+", "-", name) for name in names]


@pytest.fixture(scope="module")
def running() -> Iterator[Any]:
    """The browser."""
    with browser() as made:
        yield made


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> list[Results]:
    """Two kernels that differ about a row."""
    return two_kernels(tmp_path_factory.mktemp("several"))


@pytest.fixture(scope="module")
def page(several: list[Results], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report on both."""
    path = tmp_path_factory.mktemp("page") / "index.html"
    write_html(several, path)
    return path


def words(tab: Any, selector: str = "main") -> str:
    """What a reader sees there, in one line."""
    return " ".join(tab.inner_text(selector).split())


def close(tab: Any) -> None:
    """Close the tab; nothing may have gone wrong in it."""
    assert tab.complaints == []
    tab.context.close()


@pytest.mark.parametrize("place", VIEWS, ids=plain(VIEWS))
def test_each_view_opens_by_its_address_and_can_be_read_by_everyone(running: Any, page: Path, place: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    tab = opened(running, page, place)
    assert words(tab, "h1") == VIEWS[place]
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme=scheme)
        found = Axe().run(tab)
        assert found.violations_count == 0, found.generate_report()
    tab.set_viewport_size({"width": 400, "height": 800})
    tab.reload()
    assert tab.evaluate("document.documentElement.scrollWidth") <= 400
    found = Axe().run(tab)
    assert found.violations_count == 0, found.generate_report()
    close(tab)


@pytest.mark.parametrize("query", QUERIES, ids=plain(QUERIES))
def test_the_filter(running: Any, page: Path, query: str) -> None:
    tab = opened(running, page)
    tab.fill("#filter", query)
    found = tab.eval_on_selector_all(
        "tbody tr:not(.heading) th a", "all => all.map((each) => each.getAttribute('href'))"
    )
    ids = {href.removeprefix("#row/demo.").replace("-stream-blocking-syscall", "") for href in found}
    assert ids == QUERIES[query]
    # Whoever gets the address sees the same.
    again = opened(running, page, f"#{tab.url.partition('#')[2]}")
    assert again.input_value("#filter") == query
    assert words(again) == words(tab)
    close(again)
    close(tab)


def test_terms_that_nobody_understands_are_named(running: Any, page: Path) -> None:
    tab = opened(running, page, "#rows?q=verdict:fine is:odd EISCONN")
    assert words(tab, "#shown") == "4 rows; not understood: verdict:fine is:odd"
    close(tab)


def test_a_row_reads_like_a_report_of_a_bug(running: Any, page: Path) -> None:
    tab = opened(running, page, "#row/demo.b/inet-stream-blocking-syscall?kernel=6.18.0 root")
    tab.wait_for_selector(".transcript")
    said = words(tab)
    for part in (
        "It is so.",
        "Allowed EISCONN",
        "Observed ENOTCONN",
        "demo.2 [DESCRIPTION]",
        "6.18.0 root",
        "6.1.0 root",
    ):
        assert part in said
    assert words(tab, ".parting") == f"1.000 main {CALL.text()} ✗ asked EISCONN ← here they part 100 µs"
    assert tab.locator(".parting").count() == 1
    assert tab.locator("svg.topology rect.host").count() == 2
    assert tab.get_attribute("svg.topology", "aria-label") == (
        "Topology pair: client with 192.0.2.1, 2001:db8:1::1; linked to server with 192.0.2.2"
    )
    assert tab.locator("svg.timeline rect.call").count() == 3
    assert "pytest --row demo.b/inet-stream-blocking-syscall" in said
    assert "python -m reports reproduce demo.b/inet-stream-blocking-syscall" in said
    close(tab)


# Addresses that name nothing, or are malformed, and what of them is shown.
NOWHERE = {
    "#row/demo.b": "demo.b",
    "#row/demo.b/inet-stream-blocking-syscall/": "demo.b/inet-stream-blocking-syscall/",
    "#row/demo.b/%": "demo.b/%",
    "#row/%E0%A4%A": "%E0%A4%A",
    "#row/__proto__": "__proto__",
    "#row/0": "0",
    "#row/": "no row",
    "#row": "no row",
    "#row?kernel=6.18.0 root": "no row",
    "#clause/constructor": "constructor",
    "#document/toString": "toString",
    "#sentence/1": "no document",
    "#constructor": "constructor",
    "#rows/more": "rows",
    "#%": "%",
}


def test_an_address_that_names_nothing_is_not_here(running: Any, page: Path) -> None:
    tab = opened(running, page, "#facts")
    for place, named in NOWHERE.items():
        tab.evaluate("place => { location.hash = place; }", place)
        tab.wait_for_selector("h1:text-is('Not here')")
        assert named in words(tab), place
        assert tab.complaints == [], place
        tab.evaluate("location.hash = '#facts'")
        tab.wait_for_selector("h1:text-is('Facts of the runs')")
    close(tab)


def test_a_row_of_a_kernel_that_is_not_there_is_shown_of_another(running: Any, page: Path) -> None:
    tab = opened(running, page, "#row/demo.b/inet-stream-blocking-syscall?kernel=%ZZ")
    tab.wait_for_selector(".transcript")
    assert "deviates inet-stream-blocking-syscall on 6.1.0 root" in words(tab)
    close(tab)


def test_keys_are_enough(running: Any, page: Path) -> None:
    tab = opened(running, page)
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.id") == "skip"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "main"
    tab.focus("nav a[href='#matrix']")
    tab.keyboard.press("Enter")
    # Whoever can't see that the page has changed is led to its heading.
    tab.wait_for_selector("h1:focus")
    assert words(tab, "h1") == "Family, type, mode and entry point"
    assert tab.get_attribute("nav a[aria-current]", "href") == "#matrix"
    assert tab.title().startswith("Family, type, mode and entry point")
    tab.go_back()
    tab.wait_for_selector("h1:text-is('connect(2)')")
    close(tab)


def test_what_kernels_disagree_about_stands_first(running: Any, page: Path) -> None:
    tab = opened(running, page)
    first = tab.locator("main section").first
    assert first.locator("h2").inner_text() == "Kernels disagree in 1 row"
    assert first.locator("tr.differs").count() == 1
    close(tab)


def test_hostile_results_are_shown_as_the_text_that_they_are(running: Any, tmp_path: Path) -> None:
    def poison(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: each if key in keep else poison(each) for key, each in value.items()}
        if isinstance(value, list):
            return [poison(each) for each in value]
        return f"{value}{HOSTILE}" if isinstance(value, str) else value

    keep = {"record", "schema", "verdict", "sources", "state", "path", "documents"}
    lines = [poison(record) for record in records(rows())]
    for clause in lines[0]["suites"][0]["clauses"]:
        clause["sources"] = ["demo.2 [DESCRIPTION]"]
    lines[2]["evidence"][0]["path"] = "javascript:window.hurt=1"
    results = read_many([written(tmp_path, lines)])
    path = tmp_path / "index.html"
    write_html(results, path)
    tab = opened(running, path)
    assert HOSTILE[:20] in tab.title()
    for place in [*VIEWS, *(f"#row/{each.id}" for each in results[0].rows), f"#rows?q={HOSTILE}", f"#row/{HOSTILE}"]:
        tab.evaluate("place => { location.hash = place; }", place)
        tab.wait_for_timeout(30)  # For the evidence of a row, which opens by itself.
        assert tab.evaluate("window.hurt") is None
        assert tab.locator("main :is(img, script)").count() == 0
    close(tab)


def test_only_files_below_evidence_are_linked(running: Any, tmp_path: Path) -> None:
    results = sample(tmp_path, rows())
    good = results.rows[1].evidence[0].path
    bad = [
        "javascript:window.hurt=1",
        "evidence/../../etc/passwd",
        "/etc/passwd",
        "//host/evidence/x",
        "evidence",
        "evidence//x",
        "evidence/./x",
        "evidence/..\\x",
    ]
    results.rows[1].evidence = [Evidence("sockets", path) for path in (*bad, good)]
    path = tmp_path / "index.html"
    path.write_text(render(results), encoding="utf-8")
    tab = opened(running, path, f"#row/{results.rows[1].id}")
    tab.wait_for_selector("a[rel=noreferrer]")
    links = tab.eval_on_selector_all("a[rel=noreferrer]", "all => all.map((each) => each.getAttribute('href'))")
    assert links == [good]
    assert all(each in words(tab) for each in bad)
    close(tab)


def test_the_policy_stops_what_gets_in_all_the_same(running: Any, page: Path, tmp_path: Path) -> None:
    worse = "<script>window.hurt = 1</script><img src=x onerror='window.hurt = 1'></body>"
    path = tmp_path / "worse.html"
    path.write_text(page.read_text(encoding="utf-8").replace("</body>", worse), encoding="utf-8")
    tab = opened(running, path)
    assert tab.evaluate("window.hurt") is None
    assert any("Content Security Policy" in each for each in tab.complaints)
    tab.context.close()


def test_one_kernel(running: Any, tmp_path: Path) -> None:
    path = tmp_path / "index.html"
    path.write_text(render(sample(tmp_path, kernel=replace(RUN.kernel, release="6.6.6"))), encoding="utf-8")
    tab = opened(running, path)
    said = words(tab)
    for part in ("Linux 6.6.6", "2026-11-24 08:58:58 UTC", "root", "3 rows are unexpected.", "1 deviate as expected"):
        assert part in said
    assert said.index("Unexpected") < said.index("Does this kernel conform?") < said.index("not here")
    close(tab)


def test_paper_gets_every_row_and_light_colours(running: Any, tmp_path: Path) -> None:
    path = tmp_path / "index.html"
    many = [row("a", "conforms", family=f"inet{number}") for number in range(250)]
    path.write_text(render(sample(tmp_path, many)), encoding="utf-8")
    tab = opened(running, path, "#rows", color_scheme="dark")
    lines = tab.locator("tbody tr:not(.heading)")
    assert lines.count() == 100
    tab.get_by_role("button", name="Show 100 more of 150 rows that follow").click()
    assert lines.count() == 200
    tab.emulate_media(media="print", color_scheme="dark")
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert lines.count() == 250
    assert tab.locator(".more:visible").count() == 0
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert tab.locator("nav:visible").count() == 0
    close(tab)


def test_a_run_that_was_cut_off(running: Any, tmp_path: Path) -> None:
    path = tmp_path / "index.html"
    write_html(read_many([written(tmp_path, records(rows())[:3])]), path)
    tab = opened(running, path)
    assert "Incomplete. The run was cut off" in words(tab)
    close(tab)

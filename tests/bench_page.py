"""What the HTML report on 50,000 rows of 4 kernels costs: to build, to open, to search. A part of ``make bench``."""

import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.browser import browser, find_browser, opened

ROOT = Path(__file__).parent.parent
KERNELS = ("5.15.0", "6.1.0", "6.12.0", "6.18.0")
ROWS = 50_000
QUERIES = (
    "EISCONN",
    "verdict:deviates",
    "family:inet6 door:io_uring",
    "is:different",
    "errno:EPERM -unix",
    "row:*-again1",
)
VIEWS = ("overview", "documents", "errno", "subject", "matrix", "disagreements", "not-exercised", "slowest", "rows")

# Builds the page as the command does, and says at its end how much memory it had at most, which no parent can tell
# from its own, and how long a processor was busy with it.
_BUILD = """
import sys, time
from reports.__main__ import main
if main(sys.argv[1:]):
    sys.exit(2)
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(status["VmHWM"].split()[0], round(time.process_time(), 2))
"""


def report(source: Path) -> dict[str, Any]:
    """Seconds, megabytes and milliseconds of a report that is made of the rows of a real run, again and again."""
    with tempfile.TemporaryDirectory() as folder:
        results, page = Path(folder) / "results.jsonl", Path(folder) / "index.html"
        multiply(source, results)
        start = time.perf_counter()
        command = [sys.executable, "-c", _BUILD, "html", str(results), "-o", str(page)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        took = time.perf_counter() - start
        peak, processor = done.stdout.split()[-2:]
        found: dict[str, Any] = {
            "rows": ROWS,
            "kernels": len(KERNELS),
            "build_seconds": round(took, 2),
            "build_processor_seconds": float(processor),
            "build_megabytes": round(int(peak) * 1024 / 1e6, 1),
            "megabytes": round(page.stat().st_size / 1e6, 2),
        }
        if find_browser() is not None:
            found |= in_browser(page)
    return found


def multiply(source: Path, target: Path) -> None:
    """Write ``ROWS`` rows of four kernels: those of a run with other times, and here and there another outcome."""
    chance = random.Random(5)  # noqa: S311  The same rows each time, and no secret.
    records = [json.loads(line) for line in source.read_text(encoding="utf-8").splitlines()]
    run, rows, end = records[0], [record for record in records if record["record"] == "row"], records[-1]
    with target.open("w", encoding="utf-8") as file:
        for release in KERNELS:
            label = f"Linux {release}"
            lines = [{**run, "label": label, "kernel": {**run["kernel"], "release": release}}]
            count = ROWS // len(KERNELS)
            lines += (another(rows[number % len(rows)], number // len(rows), chance) for number in range(count))
            lines.append({**end, "collected": count, "reported": count})
            for line in lines:
                named = line if line["record"] == "run" else {**line, "run": label}
                file.write(json.dumps(named, ensure_ascii=False, separators=(",", ":")) + "\n")


def another(row: dict[str, Any], time_: int, chance: random.Random) -> dict[str, Any]:
    """A row like this one, under a name of its own."""
    new = json.loads(json.dumps(row))
    if time_:
        new["id"] += f"-again{time_}"
        new["test"] = new["test"].replace(row["id"], new["id"])
        new["rerun"] = new["rerun"].replace(row["id"], new["id"])
    for call in new["transcript"]:
        call["start"] = round(call["start"] * chance.uniform(0.8, 1.2), 6)
        call["seconds"] = call["seconds"] and round(call["seconds"] * chance.uniform(0.5, 2), 6)
    if new["verdict"] == "conforms" and chance.random() < 0.01:
        new |= {"verdict": "deviates", "unexpected": True, "expected": new["expected"] or "0", "observed": "EINVAL"}
    return dict(new)


def in_browser(page: Path) -> dict[str, Any]:
    """Milliseconds until the page is there, and the most that a search, a new list and a view take."""
    with browser() as running:
        tab = opened(running, page)
        ready = tab.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
        # To ask for a size makes the browser lay the page out, which it would else do later.
        tab.evaluate(
            """window.timed = (run) => {
                const start = performance.now();
                run();
                document.body.offsetHeight;
                return performance.now() - start;
            }; lower()"""
        )
        searches = [tab.evaluate("query => timed(() => search(query))", query) for query in QUERIES]
        lists = [tab.evaluate("query => timed(() => { box.value = query; filter(); })", query) for query in QUERIES]
        views = {
            view: tab.evaluate(
                "view => timed(() => { history.replaceState(null, '', '#' + view); render(true); })", view
            )
            for view in VIEWS
        }
        if tab.complaints:
            raise RuntimeError(f"the report complains: {tab.complaints}")
    return {
        "open_ms": round(ready),
        "search_ms": round(max(searches), 1),
        "search_and_show_ms": round(max(lists), 1),
        "view_ms": {view: round(took) for view, took in views.items()},
    }


def in_words(found: dict[str, Any]) -> list[str]:
    """The numbers for people."""
    built = f"{found['build_seconds']} s ({found['build_processor_seconds']} s of a processor)"
    size = f"{found['megabytes']} MB, built in {built} with {found['build_megabytes']} MB of memory"
    lines = [f"report on {found['rows']} rows of {found['kernels']} kernels: {size}"]
    if "open_ms" in found:
        views = max(found["view_ms"].values())
        lines.append(
            f"in the browser: opens in {found['open_ms']} ms, searches in {found['search_ms']} ms, "
            f"shows what was found in {found['search_and_show_ms']} ms, and any view in {views} ms"
        )
    return lines

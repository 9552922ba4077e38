"""What the HTML report on up to 50,000 rows of 4 kernels costs: to make, to open, to search."""

import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench.machine import ROOT, surroundings, table
from tests.bench.where import default_run
from tests.tools.browser import browser, find_browser, opened

KERNELS = ("5.15.0", "6.1.0", "6.12.0", "6.18.0")
SIZES = (1_000, 10_000, 50_000)
QUERIES = (
    "EISCONN",
    "verdict:deviates",
    "family:inet6 entry:io_uring",
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


def measure(folder: Path) -> dict[str, Any]:
    """Seconds, megabytes and milliseconds of reports that are made of the rows of a real run, again and again."""
    source = default_run(folder) / "results.jsonl"
    return {str(rows): report(source, rows) for rows in SIZES}


def report(source: Path, rows: int) -> dict[str, Any]:
    """The numbers for a report of so many rows."""
    with tempfile.TemporaryDirectory(prefix="kconform-bench-") as folder:
        results, page = Path(folder) / "results.jsonl", Path(folder) / "index.html"
        multiply(source, results, rows)
        start = time.perf_counter()
        command = [sys.executable, "-c", _BUILD, "html", str(results), "-o", str(page)]
        done = subprocess.run(command, cwd=ROOT, env=surroundings(), capture_output=True, text=True, check=True)
        took = time.perf_counter() - start
        peak, processor = done.stdout.split()[-2:]
        found: dict[str, Any] = {
            "rows": rows,
            "kernels": len(KERNELS),
            "results_megabytes": round(results.stat().st_size / 1e6, 2),
            "build_seconds": round(took, 2),
            "build_processor_seconds": float(processor),
            "build_megabytes": round(int(peak) * 1024 / 1e6, 1),
            "megabytes": round(page.stat().st_size / 1e6, 2),
        }
        if find_browser() is not None:
            found |= in_browser(page)
    return found


def multiply(source: Path, target: Path, many: int) -> None:
    """Write so many rows of four kernels: those of a run with other times, and here and there another outcome."""
    chance = random.Random(5)  # noqa: S311  The same rows each time, and no secret.
    records = [json.loads(line) for line in source.read_text(encoding="utf-8").splitlines()]
    run, rows, end = records[0], [record for record in records if record["record"] == "row"], records[-1]
    chance.shuffle(rows)  # So that a few of them are like the whole.
    with target.open("w", encoding="utf-8") as file:
        for release in KERNELS:
            label = f"Linux {release}"
            lines = [{**run, "label": label, "kernel": {**run["kernel"], "release": release}}]
            count = many // len(KERNELS)
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
        call["seconds"] = call.get("seconds") and round(call["seconds"] * chance.uniform(0.5, 2), 6)
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
            """() => {
                window.timed = (run) => {
                    const start = performance.now();
                    run();
                    document.body.offsetHeight;
                    return performance.now() - start;
                };
            }"""
        )
        tab.wait_for_timeout(1000)  # The page prepares its search after it has opened.
        typed = """query => timed(() => {
            const box = document.getElementById("filter");
            box.value = query;
            box.dispatchEvent(new Event("input"));
        })"""
        lists = [tab.evaluate(typed, query) for query in QUERIES]
        searches = tab.evaluate("performance.getEntriesByName('search').map((each) => each.duration)")
        went = """view => timed(() => {
            history.replaceState(null, "", `#${view}`);
            dispatchEvent(new HashChangeEvent("hashchange"));
        })"""
        views = {view: tab.evaluate(went, view) for view in VIEWS}
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
    head = (
        "rows",
        "results MB",
        "HTML MB",
        "made in s",
        "with memory MB",
        "opens in ms",
        "search ms",
        "list ms",
        "view ms",
    )
    lines = [
        (
            f"{one['rows']:,}",
            one["results_megabytes"],
            one["megabytes"],
            one["build_seconds"],
            f"{one['build_megabytes']:.0f}",
            *(_told(one) if "open_ms" in one else ("-",) * 4),
        )
        for one in found.values()
    ]
    looked = "" if find_browser() else " There is no browser here, so that nobody looked at the pages."
    return [
        f"Rows of the default run, again and again, as of {len(KERNELS)} kernels.{looked}",
        f"Search, list of what was found, and view are the slowest of {len(QUERIES)} queries and {len(VIEWS)} views.",
        "",
        *table(head, *lines),
    ]


def _told(one: dict[str, Any]) -> tuple[float, ...]:
    return one["open_ms"], one["search_ms"], one["search_and_show_ms"], max(one["view_ms"].values())

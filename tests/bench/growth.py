"""How time, memory and files grow with the number of rows, from 100 to 50,000.

No suite has as many rows as that. So most are of a suite that is made for it: one clause, and a row for each line of a
table, which makes a UNIX socket and connects it to a name that nobody has. Such a row is cheap, shares its topology,
and waits for nothing: what is measured is kconform itself, its collection, records, results and report. Rows of the
real suites, of all kinds that do not wait, are beside it for numbers that there are.
"""

import tempfile
from pathlib import Path
from typing import Any

from tests.bench.machine import CORES, PYTEST, ROOT, table
from tests.bench.metered import Run, metered

_MADE_UP = (100, 1_000, 10_000, 50_000)
_REAL = (100, 400, 1_600)
_SUITE = {
    "suite.toml": 'name = "demo"\ntitle = "demo"\ncalls = ["connect"]\n',
    "documents/demo.toml": '[document]\nid = "demo.2"\ntitle = "A page about names that nobody has"\n',
    "clauses/demo.toml": """[[clause]]
id = "demo.ENOENT"
title = "No such name"
statement = "A socket file that does not exist is not found."
expected = "ENOENT"
sources = ["demo.2 [ERRORS]"]
""",
    "test_demo.py": """from errno import ENOENT

from fixtures import Socket, Unix, cases, clause, variants


@clause("demo.ENOENT")
@cases({{str(number): number for number in range({rows})}})
@variants(families=["unix"])
def test_no_name(sock: Socket, case: int) -> None:
    assert sock.connect(Unix(b"/nonexistent/%d" % case)) == ENOENT
""",
}


def measure() -> dict[str, Any]:
    """Seconds, rows per second, memory and sizes for each number of rows."""
    with tempfile.TemporaryDirectory(prefix="kconform-bench-") as name:
        return {
            "made_up": [made_up(Path(name), rows) for rows in _MADE_UP],
            "real": [real(Path(name), rows) for rows in _REAL],
        }


def made_up(folder: Path, rows: int) -> dict[str, float]:
    """So many rows of the suite that is made for it."""
    for place, text in _SUITE.items():
        path = folder / "suites" / "demo" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(rows=rows) if place.endswith(".py") else text, encoding="utf-8")
    options = ["-p", "conftest", "--import-mode=importlib", "-p", "no:logging", "-p", "no:hypothesispytest"]
    command = [*PYTEST, "suites", "-n", str(CORES), *options, f"--results={folder / 'out'}"]
    return _described(metered(command, folder=folder), folder / "out", rows)


def real(folder: Path, rows: int) -> dict[str, float]:
    """So many rows of the real suites."""
    command = [*PYTEST, "suites", "-n", str(CORES), "-p", "tests.bench.take", f"--results={folder / 'out'}"]
    return _described(metered(command, folder=ROOT, KCONFORM_TAKE=str(rows)), folder / "out", rows)


def _described(run: Run, out: Path, rows: int) -> dict[str, float]:
    with (out / "results.jsonl").open(encoding="utf-8") as lines:
        reported = sum(line.startswith('{"record":"row"') for line in lines)
    if reported != rows:
        raise RuntimeError(f"{reported} rows instead of {rows}")
    return {
        "rows": rows,
        "seconds": round(run.took.seconds, 2),
        "rows_seconds": round(run.rows_took, 2),
        "per_second": round(rows / run.rows_took, 1),
        "controller_milliseconds": round(sum(run.controller.processor) / rows * 1000, 3),
        "worker_milliseconds": round(sum(sum(worker.processor) for worker in run.workers) / rows * 1000, 3),
        "report_seconds": round(run.controller.span("finish")[1], 2),
        "controller_megabytes": round(run.controller.megabytes, 1),
        "worker_megabytes": round(max(worker.megabytes for worker in run.workers), 1),
        "results_megabytes": round((out / "results.jsonl").stat().st_size / 1e6, 2),
        "html_megabytes": round((out / "index.html").stat().st_size / 1e6, 2),
    }


def in_words(found: dict[str, Any]) -> list[str]:
    """The numbers for people."""
    return [
        f"{CORES} workers. *ms a row* is of a processor: all that the process had, its start included, for each row.",
        "Rows that were made for it, each one UNIX socket and one connect:",
        "",
        *_lines(found["made_up"]),
        "",
        "Rows of the suites, of all kinds that do not wait; to find them, the whole of the suites is collected:",
        "",
        *_lines(found["real"]),
    ]


def _lines(measured: list[dict[str, float]]) -> list[str]:
    head = ("rows", "run s", "rows alone s", "rows/s", "controller ms a row", "workers ms a row", "end and report s")
    memory = ("controller MB", "a worker MB", "results MB", "HTML MB")
    lines = [
        (
            f"{one['rows']:,}",
            one["seconds"],
            one["rows_seconds"],
            f"{one['per_second']:,.0f}",
            f"{one['controller_milliseconds']:.2f}",
            f"{one['worker_milliseconds']:.2f}",
            one["report_seconds"],
            f"{one['controller_megabytes']:.0f}",
            f"{one['worker_megabytes']:.0f}",
            one["results_megabytes"],
            one["html_megabytes"],
        )
        for one in measured
    ]
    return table((*head, *memory), *lines)

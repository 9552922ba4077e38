"""``python -m tests.bench``: measure all, or the parts that are asked for; as Markdown, as JSON, and into a page.

Nothing here is asserted. Each part says how loaded the machine was when it began, for no number means anything without.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench import growth, kernels, page, rows, start, topologies, where, workers
from tests.bench.machine import load, machine
from tests.tools.marked_part import put

Measure = Callable[[Path], dict[str, Any]]
Words = Callable[[dict[str, Any]], list[str]]

PARTS: dict[str, tuple[str, Measure, Words]] = {
    "start": ("From the command to the first verdict", lambda _: start.measure(), start.in_words),
    "topologies": ("Topologies", lambda _: topologies.measure(), topologies.in_words),
    "rows": ("Rows, beside tests that do less", lambda _: rows.measure(), rows.in_words),
    "where": ("Where the time of the default run goes", where.measure, where.in_words),
    "workers": ("More workers", lambda _: workers.measure(), workers.in_words),
    "growth": ("More rows", lambda _: growth.measure(), growth.in_words),
    "report": ("The report", page.measure, page.in_words),
    "kernels": ("Other kernels", lambda _: kernels.measure(), kernels.in_words),
}
"""What can be measured: a title, what measures it (in a folder that the parts share), and its words for people."""


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure kconform on this machine.")
    parser.add_argument("--only", metavar="PART,...", default=",".join(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers here, too")
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="put the tables into this page, between its marks"
    )
    chosen = parser.parse_args()
    wanted = chosen.only.split(",")
    unknown = [name for name in wanted if name not in PARTS]
    if unknown:
        parser.error(f"there is no part '{unknown[0]}'; the parts are {', '.join(PARTS)}")
    numbers: dict[str, Any] = {"machine": machine()}
    with tempfile.TemporaryDirectory(prefix="kconform-bench-") as folder:
        for name in wanted:
            title, measure, words = PARTS[name]
            began, loaded = time.perf_counter(), load()
            numbers[name] = measure(Path(folder))
            lines = words(numbers[name])
            took = time.perf_counter() - began
            at = datetime.now(UTC).date().isoformat()
            lines += [
                "",
                f"_Measured in {took:.0f} s on {at}: {machine()}; load before it {loaded} (1 and 5 minutes)._",
            ]
            print(f"\n## {title}\n\n" + "\n".join(lines), flush=True)
            if chosen.markdown is not None:
                put(chosen.markdown, "bench", name, lines)
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

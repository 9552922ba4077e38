"""The files that a run leaves in the folder of its results, as far as it takes to carry a run through a kernel."""

import json
from typing import Any

RESULTS, JOURNAL, CONSOLE, EVIDENCE = "results.jsonl", "journal.txt", "console.log", "evidence"
PAGE, JUNIT = "index.html", "junit.xml"


def record(line: str) -> dict[str, Any]:
    """A record of the results; empty for a line that was cut off."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def line_of(fields: dict[str, Any]) -> str:
    """A record as a line of the results."""
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")) + "\n"

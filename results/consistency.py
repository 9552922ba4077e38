"""Whether a row's record can be true: what it claims of itself, against what else it says.

A results file may come from a stranger, from another version, or from a harness with a bug. What contradicts itself is
no record, and the report says so.
"""

from collections.abc import Collection
from typing import Any

from results.records import CONFORMS, DEVIATES, HARNESS_ERROR, NOT_EXERCISED


def contradiction(row: dict[str, Any], under_test: Collection[str]) -> str:
    """In what a row's record contradicts itself; empty where it does not.

    Args:
        row: the record, of any shape.
        under_test: the calls under test, without any of which a row has tried nothing.
    """
    verdict, state = row.get("verdict"), (row.get("expectation") or {"state": "none"}).get("state")
    if row.get("unexpected") is False:
        if verdict == HARNESS_ERROR:
            return "could not be judged, and claims to be as expected"
        if verdict == DEVIATES and state != "met":
            return "deviates otherwise than is written down, and claims to be as expected"
        if verdict == CONFORMS and state != "none":
            return "conforms although a deviation is written down, and claims to be as expected"
    if verdict == NOT_EXERCISED and not row.get("reason"):
        return "was not exercised, and says no reason"
    calls = row.get("transcript") or []
    made = [call.get("call") for call in calls if call.get("made_by", "test") == "test"]
    if verdict in (CONFORMS, DEVIATES) and calls and not set(made).intersection(under_test):
        names = " or ".join(f"{name}()" for name in sorted(under_test))
        return f"has a verdict without its call under test: there is no {names} of the test's own in its transcript"
    return ""

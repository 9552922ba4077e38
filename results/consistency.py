"""Whether a row's record can be true: what it claims of itself, against what else it says.

A results file may come from a stranger, from another version, or from a harness with a bug. What contradicts itself is
no record, and the report says so.
"""

from typing import Any

from results.records import CONFORMS, DEVIATES, HARNESS_ERROR, NOT_EXERCISED


def contradiction(row: dict[str, Any], call_under_test: str) -> str:
    """In what a row's record contradicts itself; empty where it does not.

    Args:
        row: the record, of any shape.
        call_under_test: the call without which a row has tried nothing.
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
    if verdict in (CONFORMS, DEVIATES) and calls and not any(call.get("call") == call_under_test for call in calls):
        return f"has a verdict without its call under test: there is no {call_under_test}() in its transcript"
    return ""

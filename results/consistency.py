"""Whether a row's record can be true: what it claims of itself, against what else it says.

A results file may come from a stranger, from another version, or from a harness with a bug. What contradicts itself is
no record, and the report says so.
"""

from collections.abc import Collection, Sequence
from typing import Literal, Protocol

from results.records import CONFORMS, DEVIATES, HARNESS_ERROR, NOT_EXERCISED, RowHead


class Called(Protocol):
    """What is asked of a call of a transcript: its name, and who made it."""

    call: str
    made_by: Literal["test", "fixture", "peer"]


def contradiction(row: RowHead, transcript: Sequence[Called], under_test: Collection[str]) -> str:
    """In what a row's record contradicts itself; empty where it does not.

    Args:
        row: the record.
        transcript: its calls.
        under_test: the calls under test, without any of which a row has tried nothing.
    """
    if not row.unexpected:
        if row.verdict == HARNESS_ERROR:
            return "could not be judged, and claims to be as expected"
        if row.verdict == DEVIATES and row.state != "met":
            return "deviates otherwise than is written down, and claims to be as expected"
        if row.verdict == CONFORMS and row.state != "none":
            return "conforms although a deviation is written down, and claims to be as expected"
    if row.verdict == NOT_EXERCISED and not row.reason:
        return "was not exercised, and says no reason"
    tried = any(call.call in under_test and call.made_by == "test" for call in transcript)
    if row.verdict in (CONFORMS, DEVIATES) and transcript and not tried:
        names = " or ".join(f"{name}()" for name in sorted(under_test))
        return f"has a verdict without its call under test: there is no {names} of the test's own in its transcript"
    return ""

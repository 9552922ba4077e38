"""The records of results.jsonl: a line for the run, a line for each row as soon as it ends, a line for the end.

``results.schema.json`` beside this file says the same for other programs; a test holds the two together.
"""

import json
from dataclasses import dataclass, field
from typing import Any

import msgspec

SCHEMA_VERSION = 1

CONFORMS = "conforms"
DEVIATES = "deviates"
NOT_EXERCISED = "not-exercised"
HARNESS_ERROR = "harness-error"
# Why a row was not exercised that a run was to try, and never came to.
NEVER_REACHED = "the run ended before it came to this row"
# Keys that stand in a record only where there is something to say.
_OPTIONAL = {"beside", "carrier", "changes", "evidence", "folder", "label", "run", "unreached"}
VERDICTS = (CONFORMS, DEVIATES, NOT_EXERCISED, HARNESS_ERROR)


@dataclass
class Run:
    """The facts of a run: which kernel, on what machine, with what rights, from which version of kconform.

    ``features`` and ``entries`` map a name to ``{"available", "how", "reason"}``. ``suites`` holds each suite's title
    and the catalogue (documents and clauses) as it was, so that a report needs nothing but this file. ``label`` names
    the run among others, in a file with several. ``carrier`` says what had the kernel run here and what it took,
    where ``python -m kernels`` did: ``{"name", "what", "start_up", "seconds", "deaths"}``.
    """

    started: str
    kernel: dict[str, Any]
    system: dict[str, Any]
    privilege: dict[str, Any]
    features: dict[str, Any]
    entries: dict[str, Any]
    kconform: dict[str, Any]
    command: list[str]
    suites: list[dict[str, Any]]
    schema: int = SCHEMA_VERSION
    label: str | None = None
    carrier: dict[str, Any] | None = None

    def line(self) -> str:
        """The record as a line of results.jsonl."""
        return _line("run", vars(self))


@dataclass
class Row:
    """One row: a clause in a variant, what came of it, and how that compares with what is expected.

    ``expected`` and ``observed`` are the two sides of the comparison that decided, in words. ``unexpected`` tells
    whether the row fails the run. ``reason`` says why a row was not exercised, or what went wrong in the harness.
    ``evidence`` names files beside the results: ``{"kind", "path", "note"}``. ``run`` is the label of the row's run,
    in a file with several. ``changes`` is what the row did beside its calls and is known in full; ``beside`` names what
    it did of which nothing more is known; ``folder`` is where its files lay.
    """

    id: str
    clause: str
    variant: dict[str, str]
    test: str
    verdict: str
    unexpected: bool
    expected: str | None = None
    observed: str | None = None
    expectation: dict[str, Any] | None = None
    reason: str | None = None
    seconds: float = 0.0
    topology: dict[str, Any] | None = None
    transcript: list[dict[str, Any]] = field(default_factory=list)
    detail: str | None = None
    rerun: str = ""
    evidence: list[dict[str, str]] = field(default_factory=list)
    run: str | None = None
    changes: list[dict[str, Any]] = field(default_factory=list)
    folder: str | None = None
    beside: list[str] = field(default_factory=list)

    def line(self) -> str:
        """The record as a line of results.jsonl."""
        return _line("row", vars(self))

    def lighten(self) -> None:
        """Drop what is large, as the function does, and what it did beside its calls."""
        lighten(vars(self))
        self.changes = []

    @classmethod
    def from_record(cls, data: dict[str, Any]) -> "Row":
        """Read it back; keys that this version does not know are passed over."""
        return cls(**known(cls, data))


@dataclass
class End:
    """The end of a run: how many rows were collected and reported, with which verdicts; ``unreached`` never began."""

    collected: int
    reported: int
    verdicts: dict[str, int]
    unexpected: int
    seconds: float
    exit_status: int
    run: str | None = None
    unreached: int = 0

    def line(self) -> str:
        """The record as a line of results.jsonl."""
        return _line("end", vars(self))


def lighten(row: dict[str, Any]) -> None:
    """Drop from a row's fields what is large; what the terminal said of a row that failed the run is kept."""
    row.update(transcript=[], topology=None)
    if row.get("unexpected") is False:
        row["detail"] = None


def known(record: type[Run] | type[Row] | type[End], data: dict[str, Any]) -> dict[str, Any]:
    """The keys of a record that this version knows; a later one may have more to say."""
    return {key: value for key, value in data.items() if key in record.__dataclass_fields__}


def _line(kind: str, data: dict[str, Any]) -> str:
    data = {key: value for key, value in data.items() if value or key not in _OPTIONAL}
    try:
        return msgspec.json.encode({"record": kind, **data}).decode("utf-8") + "\n"
    except UnicodeEncodeError:  # A text with bytes of no character, such as a path's.
        return json.dumps({"record": kind, **data}, separators=(",", ":")) + "\n"

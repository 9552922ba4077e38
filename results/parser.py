"""The lines of one results file as records, each checked against what came before it.

A file may be cut off, damaged, or a stranger's. What is no record is noted and passed over; a file that is something
else altogether ends in a ``ResultsError`` of one line.
"""

from collections import Counter
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec.structs import asdict

from results.codec import decode_with
from results.consistency import contradiction
from results.ends import check_end
from results.records import SCHEMA_VERSION, Carrier, End, Row, RowHead, Run, SuiteRecord
from results.upgrade import SCHEMA as FORMER_SCHEMA
from results.upgrade import upgraded, upgraded_run

MOST_ROWS = 1_000_000
_SHOWN = 20  # Lines that are no records and are named one by one.
# What a record of another shape may raise; one that is nested without end makes the decoder give up.
_WRONG = (ValueError, TypeError, KeyError, AttributeError, RecursionError)

Item = Run | Row | End | Carrier | str


class ResultsError(Exception):
    """A results file can't be read; the message names it and says why."""


class _Head(msgspec.Struct):
    """What says how the rest of a line is to be read."""

    record: str
    schema: object = None


class _Called(msgspec.Struct):
    call: str
    made_by: Literal["test", "fixture", "peer"] = "test"


class _LightRow(RowHead, tag_field="record", tag="row", kw_only=True):
    """A row of which nothing large is decoded."""

    transcript: list[_Called]


_KINDS: dict[str, type[Row | _LightRow | End | Carrier]] = {"row": Row, "end": End, "carrier": Carrier}


class Parser:
    """Makes records of the lines of one file, and keeps what later lines are checked against.

    Args:
        path: the file, for messages.
        light: leave out of rows what is large.
    """

    def __init__(self, path: Path, *, light: bool) -> None:
        self._path = path
        self._kinds = {**_KINDS, "row": _LightRow} if light else _KINDS
        self._decoders = {name: msgspec.json.Decoder(kind) for name, kind in self._kinds.items()}
        self._head, self._any = msgspec.json.Decoder(_Head), msgspec.json.Decoder(dict[str, Any])
        self._former = False
        self._labels: list[str | None] = []
        self._calls: list[dict[str, tuple[str, ...]]] = []
        self._rows: set[tuple[int, str]] = set()
        self._counts: list[Counter[str]] = []
        self._damaged = 0

    def take(self, number: int, line: bytes) -> list[tuple[int, Item]]:
        """The records of a line, each with the number of its run; a text says why a line is none.

        Lines that need no mention give nothing, and a run of schema 1 may give two records.

        Raises:
            ResultsError: when it is the first and no record of a run, or a run's record can't be used.
        """
        if not line.strip():
            return []
        try:
            head = decode_with(self._head, line)
            if head.record == "run":
                return self._begin(head.schema, line)
            if self._labels:
                return [self._item(head.record, line)] if head.record in self._kinds else []
        except _WRONG as error:
            if self._labels:
                self._damaged += 1
                what = f"line {number} is no record: {_reason(error)}"
                return [(len(self._labels) - 1, what)] if self._damaged <= _SHOWN else []
        said = "it is no results file of kconform, or was cut off at once"
        raise ResultsError(f"{self._path}: has no run record: {said}")

    def finish(self) -> list[tuple[int, str]]:
        """At the end of the file: how many damaged lines were not named.

        Raises:
            ResultsError: when there was nothing in it.
        """
        if not self._labels:
            raise ResultsError(f"{self._path}: has no run record: it is empty, or was cut off at once")
        left = self._damaged - _SHOWN
        return [(len(self._labels) - 1, f"and {left} more lines are no records")] if left > 0 else []

    def _begin(self, schema: object, line: bytes) -> list[tuple[int, Item]]:
        if type(schema) is not int or schema not in (SCHEMA_VERSION, FORMER_SCHEMA):
            reads = f"this kconform reads {FORMER_SCHEMA} and {SCHEMA_VERSION}"
            raise ResultsError(f"{self._path}: has schema version {schema!r:.20}; {reads}")
        carrier: Carrier | None = None
        try:
            if schema == FORMER_SCHEMA:
                run, carrier = upgraded_run(decode_with(self._any, line))
            else:
                run = decode_with(msgspec.json.Decoder(Run), line)
            calls = {clause: tuple(suite.calls) for suite in run.suites for clause in _check(suite)}
        except _WRONG as error:
            raise ResultsError(f"{self._path}: has a run record that can't be used: {_reason(error)}") from error
        self._former = schema == FORMER_SCHEMA
        self._calls.append(calls)
        self._counts.append(Counter())
        self._labels.append(run.label)
        index = len(self._labels) - 1
        return [(index, run), *([(index, carrier)] if carrier is not None else [])]

    def _item(self, kind: str, line: bytes) -> tuple[int, Item]:
        if self._former:
            item = upgraded(decode_with(self._any, line), self._kinds[kind])
        else:
            item = decode_with(self._decoders[kind], line)
        index = self._find(item.run)
        if isinstance(item, End):
            check_end(item, self._counts[index])
        elif isinstance(item, Row | _LightRow):
            return index, self._row(index, item)
        return index, item

    def _row(self, index: int, row: Row | _LightRow) -> Row:
        lie = contradiction(row, row.transcript, self._calls[index].get(row.clause, ()))
        if lie:
            raise ValueError(f"the row {row.id} {lie}")
        if (index, row.id) in self._rows:
            raise ValueError(f"the row {row.id} was there before")
        if row.clause not in self._calls[index]:
            raise ValueError(f"the row {row.id} is of no clause of its run")
        if len(self._rows) >= MOST_ROWS:
            raise ResultsError(f"{self._path}: has more than {MOST_ROWS:,} rows, which is more than is read")
        self._rows.add((index, row.id))
        self._counts[index].update([row.verdict, *(["unexpected"] if row.unexpected else [])])
        if isinstance(row, Row):
            return row
        made = Row(**{**asdict(row), "transcript": [], "topology": None})
        return made if made.unexpected else made.light()

    def _find(self, label: str | None) -> int:
        """Which run a record belongs to: the one it names, else the last that began."""
        if label is None:
            return len(self._labels) - 1
        if label not in self._labels:
            raise ValueError(f"no run has the label {label}")
        return len(self._labels) - 1 - self._labels[::-1].index(label)


def _check(suite: SuiteRecord) -> set[str]:
    """Check that a catalogue holds together, and give the ids of its clauses.

    Raises:
        ValueError: when a sentence names a clause that is not there.
    """
    clauses = {clause.id for clause in suite.clauses}
    for document in suite.documents:
        for sentence in document.sentences:
            for name in sentence.clauses:
                if name not in clauses:
                    raise ValueError(f"the sentence {sentence.id} names the clause {name}, which is not there")
    return clauses


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return f"it has no {error}" if isinstance(error, KeyError) else str(error)

"""What the HTML report holds of its data: every row of every kernel in columns, and transcripts in compressed parts.

A page of 50,000 rows has to be small and to open at once. So texts that come again and again stand once, in a table,
and rows are columns of numbers that point there; what only the view of a single row shows (transcript, evidence) is
deflated in parts of ``PART`` rows, of which the browser opens the one that it needs. Rows can be taken one by one as
they are read, so that a big results file never is in memory whole. ``page/types.js`` has the shapes.
"""

import base64
import errno
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from reports.html.pcapng import Told, tell
from results.ends import incompleteness
from results.files import EVIDENCE
from results.records import (
    VERDICTS,
    Carrier,
    Clause,
    End,
    Evidence,
    Feature,
    Privilege,
    Row,
    Run,
    SuiteRecord,
    Topology,
)

PART = 64  # Rows in a compressed part: fewer compress worse, more take longer to open.
_LEVEL = 6  # Of zlib: 3 % larger than the best; 5 is 7 % larger than 6 and saves 2 µs a row.
_UNEXPECTED = 4  # Added to a verdict's number.
_DAMAGED = 20  # Sentences about records that could not be taken; the rest is counted.

# ASCII only: neither U+2028 nor half a surrogate pair gets into the page as itself.
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
_encoder = msgspec.json.Encoder()


class Packer:
    """Takes kernels and their rows, and gives the page's data."""

    def __init__(self) -> None:
        self.kernels: list[dict[str, Any]] = []
        self._suites: list[str] = []
        self._documents: dict[str, dict[str, Any]] = {}
        self._clauses: dict[str, dict[str, Any]] = {}
        self._numbers: dict[str, int] = {}
        self._texts: dict[str | None, int] = {None: 0}
        self._items: dict[str, tuple[int, ...]] = {}
        self._rows: dict[tuple[str, int], tuple[Any, ...]] = {}
        self._details: dict[tuple[str, int], bytes] = {}
        self._expectations: dict[tuple[Any, ...], int] = {}
        self._folders: list[Path | None] = []
        self._order: list[tuple[str, int]] = []

    def begin(self, run: Run, label: str = "", base: str = "", folder: Path | None = None) -> int:
        """Take the facts of a run; returns the kernel's number. A label that is there already gets a number.

        ``base`` leads from the page to the folder of the run's evidence; empty where that lies beside the page;
        ``folder`` is that folder, to tell of the packets in it.
        """
        kernel, system = run.kernel, run.system
        privilege = _privilege(run.privilege)
        wanted = label or run.label or f"{kernel.release}, {privilege}"
        taken = {each["label"] for each in self.kernels}
        unique, number = wanted, 1
        while unique in taken:
            number += 1
            unique = f"{wanted} ({number})"
        self.kernels.append(
            {
                "label": unique,
                "base": base,
                "name": kernel.name,
                "release": kernel.release,
                "version": kernel.version,
                "machine": kernel.machine,
                "distribution": system.distribution,
                "libc": system.libc,
                "python": system.python,
                "cpus": _text(system.cpus),
                "host": system.host,
                "kconform": " ".join(filter(None, (run.kconform.version, run.kconform.commit))),
                "started": run.started,
                "command": " ".join(run.command),
                "privilege": privilege,
                "carrier": "",
                "config": _table(kernel.config),
                "sysctls": _table(kernel.sysctls),
                "features": [_feature(name, each) for name, each in sorted((run.entries | run.features).items())],
                "rows": 0,
                "seconds": None,
                "incomplete": "the run was cut off, and nobody counted how many rows there should be",
                "damaged": [],
            }
        )
        self._catalogue(run.suites)
        self._folders.append(folder)
        return len(self.kernels) - 1

    def add(self, kernel: int, row: Row) -> None:
        """Take a row; one that can't be taken is named in the report instead."""
        try:
            self._add(kernel, row)
        except (ValueError, OverflowError) as error:
            self.damage(kernel, f"a row could not be taken: {type(error).__name__}: {error}")

    def end(self, kernel: int, end: End) -> None:
        """Take the end of a run: whether it came to all its rows, and how long it took."""
        facts = self.kernels[kernel]
        facts["seconds"] = end.seconds
        facts["incomplete"] = incompleteness(end, facts["rows"])

    def carried(self, kernel: int, carrier: Carrier) -> None:
        """Take what had the kernel run."""
        self.kernels[kernel]["carrier"] = _carrier(carrier)

    def damage(self, kernel: int, sentence: str) -> None:
        """Note something that could not be read."""
        noted: list[str] = self.kernels[kernel]["damaged"]
        if len(noted) < _DAMAGED:
            noted.append(sentence[:300])

    @property
    def title(self) -> str:
        """What the page is about: a suite's whole title, or the system calls of several."""
        whole = len(self._suites) == 1
        return ", ".join(title if whole else title.partition(":")[0] for title in self._suites)

    def data(self) -> str:
        """The data as JSON that can stand in a script element: it holds no ``<``, ``>`` or ``&``."""
        items = sorted(self._items, key=lambda id_: (self._items[id_][0], id_))
        place = {id_: number for number, id_ in enumerate(items)}
        self._order = sorted(self._rows, key=lambda key: (place[key[0]], key[1]))
        rows = [(place[key[0]], key[1], *self._rows[key]) for key in self._order]
        names = ("item", "kernel", "verdict", "time", "expected", "observed", "reason", "expectation", "topology")
        item_names = ("clause", "tail", "family", "type", "mode", "entry", "case", "test")
        whole = {
            "part": PART,
            "verdicts": VERDICTS,
            "errnos": sorted(errno.errorcode.values()),
            "kernels": self.kernels,
            "title": self.title,
            "documents": [self._document(each) for each in self._documents.values()],
            "clauses": list(self._clauses.values()),
            "texts": ["", *list(self._texts)[1:]],
            "expectations": [list(key) for key in self._expectations],
            "items": _columns(item_names, [self._items[id_] for id_ in items]),
            "rows": _columns(names, rows),
        }
        return _encode(whole).replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")

    def parts(self) -> str:
        """The compressed parts, base64, a line each, in the order of the rows; call ``data`` before."""
        details = [self._details[key] for key in self._order]
        packed = []
        for start in range(0, len(details), PART):
            part = b"[" + b",".join(details[start : start + PART]) + b"]"
            packed.append(base64.b64encode(zlib.compress(part, _LEVEL)).decode("ascii"))
        return "\n".join(packed)

    def _add(self, kernel: int, row: Row) -> None:
        id_ = row.id
        if (id_, kernel) in self._rows:
            raise ValueError(f"the row '{id_}' stands there twice")
        verdict = VERDICTS.index(row.verdict) + (_UNEXPECTED if row.unexpected else 0)
        word = self._word
        # Before anything is kept, so that a row is taken whole or not at all.
        detail, time = _encoded(_detail(row, self._folders[kernel])), _micro(row.seconds)
        if id_ not in self._items:
            self._items[id_] = self._item(id_, row)
        found = row.expectation
        entry = 0
        if found is not None:
            key = (found.state, found.rows, found.observed, found.reason, found.document)
            entry = self._expectations.setdefault(key, len(self._expectations)) + 1
        self._rows[id_, kernel] = (
            verdict,
            time,
            word(row.expected),
            word(row.observed),
            word(row.reason),
            entry,
            word(row.topology.name if row.topology else None),
        )
        self._details[id_, kernel] = detail
        self.kernels[kernel]["rows"] += 1

    def _item(self, id_: str, row: Row) -> tuple[int, ...]:
        clause, word, variant = row.clause, self._word, row.variant
        if clause not in self._clauses:
            self._clause(clause, None)
        head = len(clause) + 1
        # Where an id is not made of its clause's, which only a stranger's can be, it stands whole, behind a slash.
        tail = id_[head:] if id_.startswith(f"{clause}/") and id_[head : head + 1] != "/" else f"/{id_}"
        parts = (variant.family, variant.type, variant.mode, variant.entry, variant.case)
        return (self._numbers[clause], word(tail), *map(word, parts), word(row.test.partition("[")[0]))

    def _catalogue(self, suites: Iterable[SuiteRecord]) -> None:
        for suite in suites:
            if suite.title not in self._suites:
                self._suites.append(suite.title)
            for clause in suite.clauses:
                if clause.id not in self._clauses:
                    self._clause(clause.id, clause)
            for document in suite.documents:
                known = self._documents.setdefault(
                    document.id, {"id": document.id, "title": document.title, "sentences": []}
                )
                said = [(one.id, one.gist, one.clauses) for one in document.sentences]
                known["sentences"] += [one for one in said if one not in known["sentences"]]

    def _document(self, document: dict[str, Any]) -> dict[str, Any]:
        """A document as the page has it: clauses by number, and none that nobody knows."""
        sentences = [
            [id_, gist, [self._numbers[name] for name in names if name in self._numbers]]
            for id_, gist, names in document["sentences"]
        ]
        return {**document, "sentences": [each for each in sentences if each[2]]}

    def _clause(self, id_: str, clause: Clause | None) -> None:
        """Take a clause; of one that is in no catalogue only the id is known."""
        self._numbers[id_] = len(self._clauses)
        self._clauses[id_] = {
            "id": id_,
            "title": clause.title if clause else "",
            "statement": clause.statement if clause else "",
            "expected": clause.expected if clause else "",
            "untestable": clause.untestable if clause else "",
            "disagreement": clause.disagreement if clause else "",
            "sources": clause.sources if clause else [],
        }

    def _word(self, text: str | None) -> int:
        """The number of a text in the table; 0 is no text."""
        return self._texts.setdefault(text, len(self._texts))


class RowDetail(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What only the view of a row shows; ``reports/html/page/types.js`` has it as ``PackedDetail``.

    ``texts``, ``starts``, ``durations`` and ``thread_of`` have an entry for each call of the transcript. A start is the
    time since the start before it, in microseconds as durations are, since small numbers compress well; a duration is
    null for a call that did not return. ``thread_of`` is an index into ``threads``. ``marks`` are those calls that the
    test compared with something: the call's number, with what, and whether it was equal. ``rerun`` is missing where the
    row's id says it; ``packets`` are microseconds, where, and what each one was.
    """

    texts: list[str]
    starts: list[int]
    durations: list[int | None]
    threads: list[str]
    thread_of: list[int]
    marks: list[tuple[int, str, bool | None]]
    topology: Topology | None = None
    detail: str | None = None
    rerun: str | None = None
    evidence: list[Evidence] = []
    packets: list[Told] = []


def _detail(row: Row, folder: Path | None) -> RowDetail:
    threads: dict[str, int] = {}
    made = RowDetail(texts=[], starts=[], durations=[], threads=[], thread_of=[], marks=[], topology=row.topology)
    at = 0
    for number, call in enumerate(row.transcript):
        start = _micro(call.start)
        made.texts.append(call.text())
        made.starts.append(start - at)
        made.durations.append(None if call.seconds is None else _micro(call.seconds))
        made.thread_of.append(threads.setdefault(call.thread, len(threads)))
        if call.asked is not None:
            made.marks.append((number, call.asked, call.met))
        at = start
    made.threads = list(threads)
    # What the terminal said is told by the rest, but for a traceback: kept where somebody has to look into it.
    made.detail = row.detail if row.unexpected else None
    made.rerun = None if row.rerun == f"pytest --row {row.id}" else row.rerun
    made.evidence = row.evidence
    made.packets = _packets(row.evidence, folder) if row.evidence and folder else []
    return made


def _encoded(detail: RowDetail) -> bytes:
    try:
        return _encoder.encode(detail)
    except UnicodeEncodeError:  # Half a surrogate pair.
        return _encode(msgspec.to_builtins(detail)).encode("ascii")


def _packets(evidence: Sequence[Evidence], folder: Path) -> list[Told]:
    files = [folder / each.path for each in evidence if each.kind == "packets"]
    # A link in a stranger's folder may lead anywhere.
    return [
        told for path in files if path.resolve().is_relative_to((folder / EVIDENCE).resolve()) for told in tell(path)
    ]


def _columns(names: Iterable[str], rows: list[tuple[Any, ...]]) -> dict[str, Any]:
    columns: Iterable[Any] = zip(*rows, strict=True) if rows else [[] for _ in names]
    return dict(zip(names, columns, strict=True))


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _micro(seconds: float) -> int:
    return int(seconds * 1e6 + 0.5)


def _table(values: Mapping[str, str]) -> list[list[str]]:
    return [[name, value] for name, value in sorted(values.items())]


def _feature(name: str, feature: Feature) -> list[Any]:
    return [name, feature.available, feature.how, feature.reason]


def _carrier(carrier: Carrier) -> str:
    """What had the kernel run, and what that took, as far as it is known."""
    words = f"{carrier.name} ({carrier.what})"
    if carrier.seconds is not None:
        words += f": {carrier.seconds:.1f} s"
        words += f", {carrier.start_up:.1f} s of them to start" if carrier.start_up is not None else ""
    if carrier.deaths:
        words += f", with {carrier.deaths} death{'s' if carrier.deaths > 1 else ''} of the kernel"
    return words


def _privilege(facts: Privilege) -> str:
    return "root" if facts.kind == "root" else f"user {facts.uid} in a user namespace"

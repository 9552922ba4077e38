"""What the HTML report holds of its data: every row of every kernel in columns, and transcripts in compressed parts.

A page of 50,000 rows has to be small and to open at once. So texts that come again and again stand once, in a table,
and rows are columns of numbers that point there; what only the view of a single row shows (transcript, evidence) is
deflated in parts of ``PART`` rows, of which the browser opens the one that it needs. Rows can be taken one by one as
they are read, so that a big results file never is in memory whole. ``page/types.js`` has the shapes.
"""

import base64
import errno
import json
import math
import zlib
from collections.abc import Iterable, Mapping
from functools import cache
from operator import itemgetter
from pathlib import Path
from typing import Any

from reports.html.pcapng import Told, tell
from results.reader import incompleteness
from results.records import VERDICTS, End

PART = 64  # Rows in a compressed part: fewer compress worse, more take longer to open.
_LEVEL = 6  # Of zlib: 3 % larger than the best; 5 is 7 % larger than 6 and saves 2 µs a row.
_UNEXPECTED = 4  # Added to a verdict's number.
_DAMAGED = 20  # Sentences about records that could not be taken; the rest is counted.
_CALL = itemgetter("text", "start", "seconds", "thread", "asked", "met")
_FACTS = {
    "kernel": ("name", "release", "version", "machine"),
    "system": ("distribution", "libc", "python", "cpus", "host"),
    "kconform": ("version", "commit"),
}
# What a record may do wrong that its code of the right shape could not.
_WRONG = (TypeError, ValueError, KeyError, AttributeError, IndexError, OverflowError, RecursionError)

# ASCII only: neither U+2028 nor half a surrogate pair gets into the page as itself.
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


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

    def begin(self, run: Mapping[str, Any], label: str = "", base: str = "", folder: Path | None = None) -> int:
        """Take the facts of a run; returns the kernel's number. A label that is there already gets a number.

        ``base`` leads from the page to the folder of the run's evidence; empty where that lies beside the page;
        ``folder`` is that folder, to tell of the packets in it.

        Raises:
            ValueError: when the record is not of a run's shape.
        """
        try:
            facts = {name: _text(run[group][name]) for group, names in _FACTS.items() for name in names}
            facts["kconform"] = " ".join(filter(None, (facts.pop("version"), facts.pop("commit"))))
            facts["version"] = _text(run["kernel"]["version"])
            facts["started"], facts["command"] = _text(run["started"]), " ".join(map(_text, run["command"]))
            facts["privilege"], facts["carrier"] = _privilege(run["privilege"]), _carrier(run.get("carrier"))
            tables = {
                "config": _table(run["kernel"]["config"]),
                "sysctls": _table(run["kernel"]["sysctls"]),
                "features": [_feature(name, each) for name, each in sorted((run["entries"] | run["features"]).items())],
            }
            self._catalogue(run["suites"])
        except _WRONG as error:
            raise ValueError(f"the run record is not of its shape: {type(error).__name__}: {error}") from error
        wanted = label or _text(run.get("label")) or f"{facts['release']}, {facts['privilege']}"
        taken = {kernel["label"] for kernel in self.kernels}
        unique, number = wanted, 1
        while unique in taken:
            number += 1
            unique = f"{wanted} ({number})"
        cut_off = "the run was cut off, and nobody counted how many rows there should be"
        self.kernels.append(
            {
                "label": unique,
                "base": base,
                **facts,
                **tables,
                "rows": 0,
                "seconds": None,
                "incomplete": cut_off,
                "damaged": [],
            }
        )
        self._folders.append(folder)
        return len(self.kernels) - 1

    def add(self, kernel: int, row: Mapping[str, Any]) -> None:
        """Take a row; one that is not of its shape is named in the report instead."""
        try:
            self._add(kernel, row)
        except _WRONG as error:
            self.damage(kernel, f"a row could not be taken: {type(error).__name__}: {error}")

    def end(self, kernel: int, end: End) -> None:
        """Take the end of a run: whether it came to all its rows, and how long it took."""
        facts = self.kernels[kernel]
        facts["seconds"] = _number(end.seconds)
        facts["incomplete"] = incompleteness(end, facts["rows"])

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

    def _add(self, kernel: int, row: Mapping[str, Any]) -> None:
        id_ = row["id"]
        if (id_, kernel) in self._rows:
            raise ValueError(f"the row '{id_}' stands there twice")
        verdict = VERDICTS.index(row["verdict"]) + (_UNEXPECTED if row["unexpected"] else 0)
        word = self._word
        # Before anything is kept, so that a row is taken whole or not at all.
        detail = _detail(row, self._folders[kernel])
        if id_ not in self._items:
            self._items[id_] = self._item(id_, row)
        topology = row["topology"]
        found = row["expectation"]
        entry = 0
        if found is not None:
            key = tuple(_text(found[name]) for name in ("state", "rows", "observed", "reason", "document"))
            entry = self._expectations.setdefault(key, len(self._expectations)) + 1
        self._rows[id_, kernel] = (
            verdict,
            _micro(row["seconds"]),
            word(row["expected"]),
            word(row["observed"]),
            word(row["reason"]),
            entry,
            word(topology["name"] if topology else None),
        )
        self._details[id_, kernel] = detail
        self.kernels[kernel]["rows"] += 1

    def _item(self, id_: str, row: Mapping[str, Any]) -> tuple[int, ...]:
        clause, word = _text(row["clause"]), self._word
        if clause not in self._clauses:
            self._clause({"id": clause, "title": "", "statement": "", "expected": "", "sources": []})
        head = len(clause) + 1
        # Where an id is not made of its clause's, which only a stranger's can be, it stands whole, behind a slash.
        tail = id_[head:] if id_.startswith(f"{clause}/") and id_[head : head + 1] != "/" else f"/{id_}"
        variant = [word(_text(row["variant"].get(name))) for name in ("family", "type", "mode", "entry", "case")]
        return (self._numbers[clause], word(tail), *variant, word(row["test"].partition("[")[0]))

    def _catalogue(self, suites: Iterable[Mapping[str, Any]]) -> None:
        for suite in suites:
            if suite["title"] not in self._suites:
                self._suites.append(_text(suite["title"]))
            for clause in suite["clauses"]:
                if clause["id"] not in self._clauses:
                    self._clause(clause)
            for document in suite["documents"]:
                known = self._documents.setdefault(
                    document["id"],
                    {"id": _text(document["id"]), "title": _text(document["title"]), "sentences": []},
                )
                said = [_sentence(one) for one in document["sentences"]]
                known["sentences"] += [one for one in said if one not in known["sentences"]]

    def _document(self, document: dict[str, Any]) -> dict[str, Any]:
        """A document as the page has it: clauses by number, and none that nobody knows."""
        sentences = [
            [id_, gist, [self._numbers[name] for name in names if name in self._numbers]]
            for id_, gist, names in document["sentences"]
        ]
        return {**document, "sentences": [each for each in sentences if each[2]]}

    def _clause(self, clause: Mapping[str, Any]) -> None:
        names = ("id", "title", "statement", "expected", "untestable", "disagreement")
        fields = {name: _text(clause.get(name)) for name in names}
        made = {**fields, "sources": [_text(source) for source in clause["sources"]]}
        self._numbers[fields["id"]] = len(self._clauses)
        self._clauses[fields["id"]] = made

    def _word(self, text: Any) -> int:
        """The number of a text in the table; 0 is no text."""
        if text is not None and not isinstance(text, str):
            raise TypeError(f"a text is wanted in place of {text!r:.40}")
        return self._texts.setdefault(text, len(self._texts))


def _detail(row: Mapping[str, Any], folder: Path | None) -> bytes:
    """What only the view of the row shows, as JSON."""
    calls = row["transcript"]
    threads: dict[str, int] = {}
    texts: tuple[str, ...] = ()
    starts: list[int] = []
    durations: list[int | None] = []
    thread_of: list[int] = []
    marks: list[tuple[int, str, bool]] = []
    if calls:
        texts, begun, took, names, asked, met = zip(*map(_CALL, calls), strict=True)
        # Each start as what lies between it and the one before: small numbers compress well.
        at = 0
        for start in begun:
            now = int(start * 1e6 + 0.5)
            starts.append(now - at)
            at = now
        durations = [None if each is None else int(each * 1e6 + 0.5) for each in took]
        thread_of = [threads.setdefault(name, len(threads)) for name in names]
        marks = [(number, each, met[number]) for number, each in enumerate(asked) if each is not None]
    # The terminal's text repeats the rest, except for a traceback, so it is kept where a reader needs the traceback.
    detail = row["detail"] if row["unexpected"] else None
    rerun = None if row["rerun"] == f"pytest --row {row['id']}" else row["rerun"]
    evidence = row.get("evidence") or None
    packets = _packets(evidence, folder) if evidence and folder else None
    # reports/html/page/types.js has the same names as PackedDetail; what is None is left out.
    fields = {
        "texts": texts,
        "starts": starts,
        "durations": durations,
        "threads": list(threads),
        "thread_of": thread_of,
        "marks": marks,
        "topology": row["topology"],
        "detail": detail,
        "rerun": rerun,
        "evidence": evidence,
        "packets": packets,
    }
    whole = {name: value for name, value in fields.items() if value is not None}
    try:
        return bytes(_quickly().encode(whole))
    except UnicodeEncodeError:  # Half a surrogate pair.
        return _encode(whole).encode("ascii")


def _packets(evidence: list[dict[str, str]], folder: Path) -> list[Told]:
    files = [folder / each["path"] for each in evidence if each["kind"] == "packets"]
    # A link in a stranger's folder may lead anywhere.
    return [
        told for path in files if path.resolve().is_relative_to((folder / "evidence").resolve()) for told in tell(path)
    ]


@cache
def _quickly() -> Any:
    """An encoder for what there is most of; imported late, as whoever runs a single row needs none."""
    import msgspec

    return msgspec.json.Encoder()


def _sentence(fields: Mapping[str, Any]) -> tuple[str, str, list[str]]:
    return _text(fields["id"]), _text(fields["gist"]), [_text(name) for name in fields["clauses"]]


def _columns(names: Iterable[str], rows: list[tuple[Any, ...]]) -> dict[str, Any]:
    columns: Iterable[Any] = zip(*rows, strict=True) if rows else [[] for _ in names]
    return dict(zip(names, columns, strict=True))


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and math.isfinite(value) else None


def _micro(seconds: float) -> int:
    return int(seconds * 1e6 + 0.5)


def _table(values: Mapping[str, Any]) -> list[list[str]]:
    return [[_text(name), _text(value)] for name, value in sorted(values.items())]


def _feature(name: str, fields: Mapping[str, Any]) -> list[Any]:
    return [_text(name), bool(fields["available"]), _text(fields["how"]), _text(fields["reason"])]


def _carrier(carrier: Any) -> str:
    """What had the kernel run, and what it took; empty where nobody says."""
    if carrier is None:
        return ""
    deaths = int(carrier["deaths"])
    died = f", with {deaths} death{'s' if deaths > 1 else ''} of the kernel" if deaths else ""
    took = f"{float(carrier['seconds']):.1f} s, {float(carrier['start_up']):.1f} s of them to start"
    return f"{_text(carrier['name'])} ({_text(carrier['what'])}): {took}{died}"


def _privilege(facts: Mapping[str, Any]) -> str:
    return "root" if facts["kind"] == "root" else f"user {_text(facts['uid'])} in a user namespace"

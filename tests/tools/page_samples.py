"""Results for the tests of the page, made by hand: two kernels that differ, hosts, threads, packets and evidence."""

import base64
import json
import zlib
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from results.reader import Results, read_many
from results.records import Call, Document, Evidence, Host, Row, Sentence, SuiteRecord, Topology
from tests.tools.samples import CALL, ROWS, RUN, records, row, written

PAIR = Topology("pair", [Host("client", ["192.0.2.1", "2001:db8:1::1"]), Host("server", ["192.0.2.2"])])
WAITING = replace(CALL, thread="caller", start=0.2, seconds=1.5, met=True)
STUCK = Call("poll", ["3"], 1.9, "main")


def suites() -> list[SuiteRecord]:
    """The sample's catalogue with a document that is known by sentence, and a clause that documents disagree on."""
    (suite,) = RUN.suites
    sentences = (Sentence("1", "First.", ("demo.a",)), Sentence("2", "Then.", ("demo.b",)))
    first, second, *others = suite.clauses
    sources = (*first.sources, "other.3 [DESCRIPTION]")
    first = replace(first, sources=sources, disagreement="other.3 says so, too, and differently.")
    clauses = [first, replace(second, sources=sources), *others]
    documents = [*suite.documents, Document("other.3", "Another page", sentences)]
    return [replace(suite, documents=documents, clauses=clauses)]


def rows(**changes: Any) -> list[Row]:
    """The sample's rows, one of which waits between two hosts and has evidence."""
    evidence = [
        Evidence("packets", "evidence/demo.b~inet-stream-blocking-syscall/packets.pcapng"),
        Evidence("sockets", "evidence/demo.b~inet-stream-blocking-syscall/sockets.json", "two"),
    ]
    told = replace(ROWS[1], topology=PAIR, transcript=[WAITING, CALL, STUCK], evidence=evidence)
    return [ROWS[0], replace(told, **changes), *ROWS[2:]]


def two_kernels(folder: Path) -> list[Results]:
    """Two kernels that differ about a row; one of them has a row more."""
    kernel = replace(RUN.kernel, release="6.18.0")
    other = [*rows(observed="ENOTCONN")[:-1], row("a", "conforms", family="inet6", seconds=0.5)]
    lines = records(other, replace(RUN, suites=suites(), kernel=kernel))
    return read_many(
        [written(folder / "one", records(rows(), replace(RUN, suites=suites()))), written(folder / "two", lines)]
    )


def element(page: str, opening: str, name: str = "script") -> str:
    """What stands in the element that begins so."""
    return page.partition(opening)[2].partition(f"</{name}>")[0]


def parts(page: str) -> list[dict[str, Any]]:
    """What the page holds of each row for its view."""
    lines = element(page, 'id="parts">').split()
    return [row for line in lines for row in json.loads(zlib.decompress(base64.b64decode(line)))]

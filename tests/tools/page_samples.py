"""Results for the tests of the page, made by hand: two kernels that differ, hosts, threads, packets and evidence."""

import base64
import json
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from results.reader import Results, read_many
from results.records import Row
from tests.tools.samples import CALL, ROWS, RUN, records, row, written

HOSTS = [
    {"name": "client", "addresses": ["192.0.2.1", "2001:db8:1::1"]},
    {"name": "server", "addresses": ["192.0.2.2"]},
]
WAITING = {**CALL, "thread": "caller", "start": 0.2, "seconds": 1.5, "met": True}
STUCK = {**CALL, "start": 1.9, "seconds": None, "returned": None, "asked": None, "met": None, "text": "poll(3) = ?"}


def suites() -> list[dict[str, Any]]:
    """The sample's catalogue with a document that is known by sentence, and a clause about which documents disagree."""
    (suite,) = json.loads(json.dumps(RUN.suites))
    sentences = [
        {"id": "1", "gist": "First.", "clauses": ["demo.a"]},
        {"id": "2", "gist": "Then.", "clauses": ["demo.b"]},
    ]
    suite["documents"].append({"id": "other.3", "title": "Another page", "sentences": sentences})
    for clause in suite["clauses"][:2]:
        clause["sources"].append("other.3 [DESCRIPTION]")
    suite["clauses"][0]["disagreement"] = "other.3 says so, too, and differently."
    return [suite]


def rows(**changes: Any) -> list[Row]:
    """The sample's rows, one of which waits between two hosts and has evidence."""
    evidence = [
        {"kind": "packets", "path": "evidence/demo.b~inet-stream-blocking-syscall/packets.pcapng"},
        {"kind": "sockets", "path": "evidence/demo.b~inet-stream-blocking-syscall/sockets.json", "note": "two"},
    ]
    told = replace(
        ROWS[1], topology={"name": "pair", "hosts": HOSTS}, transcript=[WAITING, CALL, STUCK], evidence=evidence
    )
    return [ROWS[0], replace(told, **changes), *ROWS[2:]]


def two_kernels(folder: Path) -> list[Results]:
    """Two kernels that differ about a row; one of them has a row more."""
    kernel = {**RUN.kernel, "release": "6.18.0"}
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

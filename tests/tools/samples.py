"""Results files made by hand, for tests of what is made of them: a row of every verdict, and no kernel needed."""

import contextlib
import io
import json
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from msgspec.structs import replace

from reports.__main__ import main
from results.codec import encode
from results.ids import Variant
from results.reader import Results, read_results
from results.records import (
    SCHEMA_VERSION,
    Call,
    Clause,
    Document,
    End,
    Expectation,
    Kernel,
    Privilege,
    Record,
    Row,
    Run,
    SuiteRecord,
    System,
    Verdict,
    Version,
)

CLAUSES = ("a", "b", "c", "d", "e", "f", "g")
RUN = Run(
    schema=SCHEMA_VERSION,
    started="2026-11-24T08:58:58+00:00",
    kernel=Kernel(name="Linux", release="6.1.0", version="#1 SMP", machine="x86_64", config={}, sysctls={}),
    system=System(distribution="Debian", libc="glibc 2.36", python="3.11.7", cpus=2, host="vm"),
    privilege=Privilege(uid=0, kind="root"),
    features={},
    entries={},
    kconform=Version(version="0.1.0", commit=None),
    command=["pytest", "suites"],
    suites=[
        SuiteRecord(
            name="demo",
            title="connect(2)",
            calls=["connect"],
            documents=[Document("demo.2", "A page", ())],
            clauses=[
                Clause(
                    id=f"demo.{name}",
                    title=name,
                    statement="It is so.",
                    expected="so",
                    sources=("demo.2 [DESCRIPTION]",),
                    untestable="nobody can" if name == "g" else "",
                    disagreement="",
                )
                for name in CLAUSES
            ],
        )
    ],
)
CALL = Call(
    call="connect",
    arguments=["3", "{AF_INET, 127.0.0.1:7001}", "16"],
    start=0.001,
    thread="main",
    returned=-1,
    error="ECONNREFUSED",
    seconds=0.0001,
    asked="EISCONN",
    met=False,
)


def row(name: str, verdict: Verdict, *, family: str = "inet", unexpected: bool = False, **more: Any) -> Row:
    """A row of the clause ``demo.NAME``."""
    variant = Variant(family, "stream", "blocking", "syscall")
    id_ = f"demo.{name}/{variant}"
    made = Row(
        id=id_,
        clause=f"demo.{name}",
        variant=variant,
        test=f"suites/demo/test_{name}.py::test_{name}[{id_}]",
        verdict=verdict,
        unexpected=unexpected,
        expected=None,
        observed=None,
        expectation=None,
        reason=None,
        seconds=0.25,
        topology=None,
        transcript=[],
        detail=None,
        rerun=f"pytest --row {id_}",
    )
    return replace(made, **more)


def expectation(state: Literal["met", "other", "stale"]) -> Expectation:
    """What is written down of the rows of a clause."""
    return Expectation(state, "demo.e/*", "EPERM", "known since 1998", "kernel")


ROWS = [
    row("a", "conforms", expected="ECONNREFUSED", observed="ECONNREFUSED", transcript=[CALL]),
    row("b", "deviates", unexpected=True, expected="EISCONN", observed="ECONNREFUSED", transcript=[CALL], detail="oh"),
    row("c", "not-exercised", reason="not here"),
    row("d", "harness-error", unexpected=True, reason="ValueError: oh"),
    row("e", "deviates", expected="EISCONN", observed="EPERM", expectation=expectation("met")),
    row("f", "conforms", unexpected=True, expectation=expectation("stale")),
]


HOSTILE = (
    "\n::error::x\r\nok 1 fine\n# x [FAIL] FAIL: # SKIP\n1..0\nBail out!\x1b[2J\x00\u202e<b onclick='x'>&|`*_[a](http://b)"
    ' ##[error]x "=1+1,\n</svg>--- % ![x](y)\n\n# h\n- l\n'
)
EVIL = [
    replace(
        each,
        id=f"{HOSTILE}{number}/{HOSTILE}",
        expected=HOSTILE if each.expected else None,
        observed=HOSTILE if each.observed else None,
        reason=HOSTILE if each.reason else None,
        detail=HOSTILE,
        rerun=HOSTILE,
        test=f"suites/../../{HOSTILE}::x",
        variant=Variant(*[HOSTILE] * 5),
        expectation=replace(each.expectation, reason=HOSTILE) if each.expectation else None,
    )
    for number, each in enumerate(ROWS)
]


def records(rows: list[Row], run: Run = RUN, **end: Any) -> list[dict[str, Any]]:
    """The records of a whole run with these rows."""
    counts = {verdict: sum(row.verdict == verdict for row in rows) for verdict in ("conforms", "deviates")}
    last = End(
        collected=len(rows),
        reported=len(rows),
        verdicts=counts,
        unexpected=sum(row.unexpected for row in rows),
        seconds=1.5,
        exit_status=1,
    )
    whole: list[Record] = [run, *rows, replace(last, **end)]
    return [json.loads(encode(record)) for record in whole]


RECORDS = records(ROWS)


def written(folder: Path, lines: list[dict[str, Any]]) -> Path:
    """A results file of these records."""
    folder.mkdir(exist_ok=True)
    path = folder / "results.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in lines), encoding="utf-8")
    return path


def sample(folder: Path, rows: list[Row] | None = None, **facts: Any) -> Results:
    """A run with these rows (default: one of each kind), written and read back; ``facts`` replace facts of the run."""
    return read_results(written(folder, records(deepcopy(ROWS if rows is None else rows), replace(RUN, **facts))))


@dataclass
class Done:
    """What came of a subcommand: its exit status, and what it printed and complained of."""

    status: int
    output: str


def run_reports(*arguments: Any) -> Done:
    """Carry out ``python -m reports ARGUMENTS`` in this process."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            status = main([str(each) for each in arguments])
        except SystemExit as gone:
            status = int(str(gone.code))
    return Done(status, said.getvalue())

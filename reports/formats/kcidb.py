"""``python -m reports kcidb``: the results as a report of KCIDB, the common database of the kernel's testing systems.

Version 5.3 of its schema. A deviation is FAIL, expected or not, for the database keeps what is known of a failure
elsewhere; a row that could not be judged is ERROR, or MISS where its process died or never ran it: neither says
anything of the kernel. What else there is to know of a row stands under ``misc``.
"""

import argparse
import hashlib
import json
import re
from datetime import datetime
from typing import Any

from msgspec.structs import asdict

from reports.commandline import CommandError, Commands, declare, wants_output, wants_results, write
from reports.text import privilege
from results.printable import one_line
from results.reader import Results, read_many
from results.records import CONFORMS, DEVIATES, HARNESS_ERROR, NEVER_REACHED, Row

VERSION = {"major": 5, "minor": 3}
LONGEST_EXCERPT = 16384  # Characters that the schema lets a log's excerpt have.
_EXAMPLES = """reports/out --origin mylab
reports/out --origin mylab --build-id mylab:6.18-x86_64-42 -o kcidb.json"""


def add_command(commands: Commands) -> None:
    """Declare ``python -m reports kcidb``."""
    parser = declare(commands, "kcidb", "write the results as a report for KCIDB, version 5.3", _EXAMPLES, _run)
    wants_results(parser, many=True)
    parser.add_argument(
        "--origin", default="kconform", help="the name of the CI system that submits (default: kconform)"
    )
    parser.add_argument(
        "--build-id",
        metavar="ID",
        help="the tested build, where KCIDB knows it (default: a build is made up for each run)",
    )
    wants_output(parser)


def _run(chosen: argparse.Namespace) -> int:
    several = read_many(chosen.results, light=True)
    if not re.fullmatch(r"[a-z0-9_]+", chosen.origin):
        raise CommandError(f"--origin {chosen.origin}: has to be of lower-case letters, digits and underscores")
    if chosen.build_id is not None and not re.fullmatch(r"[a-z0-9_]+:\S+", chosen.build_id):
        raise CommandError(f"--build-id {chosen.build_id}: has to be of the form ORIGIN:NAME")
    if chosen.build_id is not None and len(several) > 1:
        raise CommandError(f"--build-id names one build, and there are {len(several)} runs")
    write(json.dumps(kcidb(several, chosen.origin, chosen.build_id), indent=1) + "\n", chosen.output)
    return 0


def kcidb(several: list[Results], origin: str, build_id: str | None = None) -> dict[str, Any]:
    """The report as JSON objects.

    Args:
        several: the runs.
        origin: the submitting system: lower-case letters, digits and underscores.
        build_id: the build that was tested; None makes up a checkout and a build for each run, of the kernel's facts.
    """
    report: dict[str, Any] = {"version": VERSION, "tests": []}
    if build_id is None:
        report |= {"checkouts": [], "builds": []}
    for results in several:
        name = f"{origin}:kconform-{_digest(results)}"
        if build_id is None:
            report["checkouts"].append(_checkout(results, name, origin))
            report["builds"].append(_build(results, name, origin))
        common = {"origin": origin, "build_id": build_id or name, "environment": _environment(results)}
        started = _time(results.run.started)
        if started is not None:
            common["start_time"] = started
        clauses = results.clauses
        for row in results.rows:
            documents = list(clauses[row.clause].documents) if row.clause in clauses else []
            report["tests"].append({"id": f"{name}:{one_line(row.id)}", **common, **_test(row, documents)})
        if results.incomplete:
            whole = {"path": "kconform", "status": "MISS", "comment": one_line(results.incomplete)}
            report["tests"].append({"id": f"{name}:whole", **common, **whole})
    return report


def status(row: Row) -> str:
    """The word of KCIDB for a row."""
    if row.verdict == CONFORMS:
        return "PASS"
    if row.verdict == DEVIATES:
        return "FAIL"
    if row.verdict == HARNESS_ERROR:
        # A row whose process died was written down by another, which knows of no time that it took.
        return "ERROR" if row.seconds else "MISS"
    return "MISS" if row.reason == NEVER_REACHED else "SKIP"


def path(row: Row) -> str:
    """Where a row stands in KCIDB's tree of tests: its id, with only such signs as a path may have."""
    clause, _, variant = row.id.partition("/")
    names = ["kconform", *clause.split("."), variant]
    return ".".join(re.sub(r"[^A-Za-z0-9_-]+", "_", name) for name in names if name)


def _test(row: Row, documents: list[str]) -> dict[str, Any]:
    facts = {
        "row": row.id,
        "verdict": row.verdict,
        "unexpected": row.unexpected,
        "allowed": row.expected,
        "observed": row.observed,
        "reason": row.reason,
        "known": row.expectation and row.expectation.reason,
        "documents": documents,
        "variant": {key: value for key, value in asdict(row.variant).items() if value},
        "rerun": row.rerun,
    }
    said = row.reason or (f"allowed {row.expected}, observed {row.observed}" if row.verdict == DEVIATES else None)
    made = {
        "path": path(row),
        "status": status(row),
        "duration": row.seconds,
        "misc": {"kconform": {key: value for key, value in facts.items() if value is not None}},
    }
    if said is not None:
        made["comment"] = one_line(said)
    if row.detail:
        # Lines are kept here; what is no text is not.
        lines = [one_line(line) for line in row.detail.splitlines()]
        made["log_excerpt"] = "\n".join(lines)[:LONGEST_EXCERPT]
    return made


def _checkout(results: Results, name: str, origin: str) -> dict[str, Any]:
    kernel = results.run.kernel
    return {"id": name, "origin": origin, "valid": True, "comment": one_line(f"{kernel.name} {kernel.release}")}


def _build(results: Results, name: str, origin: str) -> dict[str, Any]:
    kernel = results.run.kernel
    made = {
        "id": name,
        "checkout_id": name,
        "origin": origin,
        "comment": one_line(f"{kernel.release} {kernel.version}"),
        "misc": {"kconform": {"kernel": asdict(kernel)}},
    }
    if re.fullmatch(r"[a-z0-9_]+", kernel.machine):
        made["architecture"] = kernel.machine
    return made


def _environment(results: Results) -> dict[str, Any]:
    run = results.run
    facts = {"kconform": run.kconform.version, "libc": run.system.libc, "privilege": run.privilege.kind}
    return {"comment": one_line(f"{run.system.distribution}, {privilege(results)}"), "misc": facts}


def _digest(results: Results) -> str:
    """A name for the run that is the same whenever its report is made anew, and no other run's."""
    run = results.run
    facts = json.dumps(
        [run.started, asdict(run.kernel), asdict(run.system), asdict(run.privilege), run.command], sort_keys=True
    )
    return hashlib.sha256(facts.encode()).hexdigest()[:16]


def _time(text: str) -> str | None:
    """A time as RFC 3339 has it; None where the text is none."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time.isoformat() if time.tzinfo is not None else None

"""Where the time of a default run goes: by the clock of the run, and by what its processes did with theirs.

The run is ``make conformance``'s: the suites, the native call, a worker for each processor. Where a process neither
computed nor had the kernel compute, it waited: for the kernel (timers, the making of namespaces), for another process,
or for a processor. The kernel says itself how long that last was.
"""

import json
from pathlib import Path
from typing import Any

from tests.bench.machine import CORES, PYTEST, table
from tests.bench.metered import Process, Run, metered

_PHASES = ("set-up", "test", "tear-down")
_EVENTS = (
    ("Python and pytest start, the catalogue is read", "began", "started"),
    ("what this kernel can do is tried, workers are started", "started", "loop"),
    ("workers import, read, collect", "loop", "collected"),
    ("rows, until the last of those that do not wait", "collected", "last row"),
    ("the rest of the rows that wait", "last row", "reported"),
    ("workers end", "reported", "finishing"),
    ("the end of the results, the report, JUnit's file", "finishing", "finished"),
)


def default_run(folder: Path) -> Path:
    """Run the suites as ``make conformance`` does, once for each folder; gives the folder with its results."""
    if not (folder / "where.json").exists():
        command = [*PYTEST, "suites", "-n", "auto", "--entry=syscall", f"--results={folder / 'out'}"]
        found = described(metered(command, look=True), folder / "out" / "results.jsonl")
        (folder / "where.json").write_text(json.dumps(found), encoding="utf-8")
    return folder / "out"


def measure(folder: Path) -> dict[str, Any]:
    """The default run's timeline, and its processes' time."""
    default_run(folder)
    found: dict[str, Any] = json.loads((folder / "where.json").read_text(encoding="utf-8"))
    return found


def described(run: Run, results: Path) -> dict[str, Any]:
    """A run in numbers. All are seconds, but where the name says otherwise."""
    records = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    rows = [record for record in records if record["record"] == "row"]
    # Without workers the controller runs the rows.
    workers = run.workers or [run.controller]
    moments = dict(run.controller.moments)
    last = max(worker.moments.get("last row", moments["reported"]) for worker in workers)
    moments["last row"] = min(last, moments["reported"])
    moments.setdefault("collected", moments["loop"])
    timeline = {said: round(moments[end] - moments[start], 3) for said, start, end in _EVENTS}
    timeline["Python ends"] = round(max(run.took.seconds - sum(timeline.values()), 0.0), 3)
    return {
        "seconds": round(run.took.seconds, 2),
        "processor": round(run.took.processor, 2),
        "rows": len(rows),
        "megabytes": {
            "all": round(run.took.megabytes, 1),
            "controller": round(run.controller.megabytes, 1),
            "worker": round(max(worker.megabytes for worker in workers), 1),
        },
        "timeline": timeline,
        "workers": {"processes": len(workers), "queued": _queued(workers), "spans": _of_workers(workers)},
        "apart": {"processes": len(run.apart), "queued": _queued(run.apart), "spans": _phases(run.apart)},
        "controller": {"user": run.controller.processor[0], "system": run.controller.processor[1]},
        "longest_rows": sorted((row["seconds"] for row in rows), reverse=True)[:3],
        "in_calls": round(sum(call.get("seconds", 0.0) for row in rows for call in row["transcript"]), 2),
    }


def _of_workers(workers: list[Process]) -> dict[str, list[float]]:
    summed = {name: _sum(workers, name) for name in ("start", "probe", "collect", "row", "given away", "loop")}
    phases = _phases(workers)
    ended = [0, sum(each.moments["looped"] - each.moments.get("last row", each.moments["loop"]) for each in workers)]
    around = _less(summed["row"], *phases.values())
    rest = _less(summed["loop"], summed["row"], summed["given away"])
    return {
        "start and imports": _plus(summed["start"], summed["probe"]),
        "collection": summed["collect"],
        **phases,
        "pytest, the record, the message to the controller": [summed["row"][0], *around[1:]],
        "giving away rows that wait, taking their reports": summed["given away"],
        "waiting for the last of them": [ended[0], round(ended[1], 3), *rest[2:]],
        "waiting for orders": [0, round(rest[1] - ended[1], 3), 0.0, 0.0],
    }


def _phases(processes: list[Process]) -> dict[str, list[float]]:
    return {name: _sum(processes, name) for name in _PHASES}


def _sum(processes: list[Process], name: str) -> list[float]:
    return _plus(*(process.span(name) for process in processes))


def _plus(*spans: list[float]) -> list[float]:
    return [round(sum(parts), 3) for parts in zip([0, 0.0, 0.0, 0.0], *spans, strict=True)]


def _less(whole: list[float], *spans: list[float]) -> list[float]:
    return [round(whole[place] - sum(span[place] for span in spans), 3) for place in range(4)]


def _queued(processes: list[Process]) -> float:
    return round(sum(process.queued for process in processes), 2)


def in_words(found: dict[str, Any]) -> list[str]:
    """The numbers for people."""
    seconds, busy = found["seconds"], found["processor"] / (found["seconds"] * CORES)
    workers, apart, memory = found["workers"], found["apart"], found["megabytes"]
    controller, worker = memory["controller"], memory["worker"]
    timeline = [(said, f"{took:.2f}", f"{took / seconds:.0%}") for said, took in found["timeline"].items()]
    longest = ", ".join(f"{row:.1f}" for row in found["longest_rows"])
    used = found["controller"]["user"] + found["controller"]["system"]
    return [
        f"- {found['rows']} rows in {seconds:.1f} s, {found['rows'] / seconds:.0f} a second.",
        f"- All processes: {found['processor']:.1f} s of a processor, {busy:.0%} of what {CORES} have in that time.",
        f"- The controller's part of it: {used:.1f} s, the report included.",
        f"- The longest rows: {longest} s. All calls of all rows, one after the other: {found['in_calls']:.0f} s.",
        f"- Memory at most, MB: {memory['all']:.0f} in all, {controller:.0f} the controller, {worker:.0f} a worker.",
        "",
        *table(("the run, by the clock", "seconds", "share"), *timeline),
        "",
        *table(*_split(f"{workers['processes']} workers, summed", workers["spans"])),
        "",
        f"Of what they waited, {workers['queued']:.1f} s were for a processor.",
        "",
        *table(*_split(f"{apart['processes']} processes of rows that wait, summed", apart["spans"])),
        "",
        f"Of what they waited, {apart['queued']:.1f} s were for a processor.",
    ]


def _split(head: str, spans: dict[str, list[float]]) -> list[tuple[str, ...]]:
    lines: list[tuple[str, ...]] = [(head, "times", "seconds by the clock", "computing", "in the kernel", "waiting")]
    for name, (times, clock, user, system) in spans.items():
        waited = max(clock - user - system, 0.0)
        lines.append((name, f"{times:.0f}", f"{clock:.2f}", f"{user:.2f}", f"{system:.2f}", f"{waited:.2f}"))
    return lines

"""``make soak``: run the suites again and again, in random order and under load; list every row that ever differed.

A row that comes to another end in one run of a thousand is broken. What counts as the same is the verdict, what was
observed, and the reason; runs of one user are compared with each other, since what a user may not do is not exercised.
With ``--again`` one worker runs every row many times, and what it holds is listed: that should not grow.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

from tests.tools.busy_processes import loaded
from tests.tools.namespace_count import Held, watched

ROOT = Path(__file__).parent.parent
_WORKERS = (1, 2, 3, 4, 6)  # What the number of workers is drawn from.
_END = tuple[str, str | None, str | None]


def main() -> int:
    """Run as often as was asked for, and compare."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description="Run the suites many times and compare.")
    parser.add_argument("-n", "--count", type=int, default=10, help="runs (default: 10)")
    parser.add_argument("--loaded", type=int, default=0, metavar="N", help="of these, with every processor kept busy")
    parser.add_argument("--seed", type=int, default=None, help="makes the orders the same again")
    parser.add_argument("--user", type=int, default=0, metavar="N", help="of these, as uid 65534 (needs root)")
    parser.add_argument("--again", type=int, default=0, metavar="N", help="run every row N times in one worker instead")
    parser.add_argument("arguments", nargs="*", help="further arguments for pytest, after --")
    chosen = parser.parse_args()
    if chosen.again:
        return _again(chosen.again, chosen.arguments)
    seed = chosen.seed if chosen.seed is not None else random.SystemRandom().randrange(1 << 30)
    print(
        f"{chosen.count} runs, {chosen.loaded} of them loaded, {chosen.user} as another user; seed {seed}", flush=True
    )
    ends: dict[tuple[bool, str], Counter[_END]] = defaultdict(Counter)
    runs: Counter[bool] = Counter()
    bad = most = 0
    for number in range(chosen.count):
        # Spread over the runs, so that a run can be both loaded and another user's.
        under_load = number * chosen.loaded // chosen.count < (number + 1) * chosen.loaded // chosen.count
        user = number * chosen.user // chosen.count < (number + 1) * chosen.user // chosen.count
        workers = random.Random(seed + number).choice(_WORKERS)  # noqa: S311  Nobody's secret.
        try:
            status, seconds, rows, held = _run(
                seed + number, workers, chosen.arguments, under_load=under_load, user=user
            )
        except KeyboardInterrupt:
            print("stopped; what ran before is compared", flush=True)
            break
        for id_, end in rows.items():
            ends[user, id_][end] += 1
        runs[user] += 1
        bad += status != 0
        how = f"{workers} workers" + ", loaded" * under_load + ", as another user" * user
        most = max(most, held.namespaces)
        how += f"; at most {held.namespaces} network namespaces and {held.processes} processes at a time"
        print(f"run {number + 1}: exit status {status}, {len(rows)} rows in {seconds:.1f} s, {how}", flush=True)
    differing = {key: seen for key, seen in ends.items() if len(seen) > 1 or seen.total() != runs[key[0]]}
    for (user, id_), seen in sorted(differing.items()):
        print(f"DIFFERS {id_}" + " as another user" * user)
        for (verdict, observed, reason), times in seen.most_common():
            print(f"    {times} times {verdict}, observed {observed}" + (f", {reason}" if reason else ""))
        if seen.total() != runs[user]:
            print(f"    missing {runs[user] - seen.total()} times")
    rows_seen = len({id_ for _, id_ in ends})
    print(
        f"{rows_seen} rows, {runs.total()} runs: {len(differing)} rows differed, {bad} runs failed, "
        f"at most {most} network namespaces at a time"
    )
    return 1 if differing or bad or runs.total() < chosen.count else 0


def _run(
    seed: int, workers: int, arguments: list[str], *, under_load: bool, user: bool
) -> tuple[int, float, dict[str, _END], Held]:
    """One run: exit status, seconds, how each row ended, and what it held."""
    with tempfile.TemporaryDirectory(prefix="kconform-soak-") as folder:
        command = [sys.executable, "-m", "pytest", "suites", "-q", "-n", str(workers), "-W", "error"]
        command += ["-p", "tests.plugins.random_order", "-p", "no:cacheprovider", f"--results={folder}", *arguments]
        if user:
            os.chmod(folder, 0o777)
            command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command]
        start = time.monotonic()
        environment = os.environ | {"KCONFORM_SHUFFLE": str(seed), "PYTHONPATH": str(ROOT)}
        with (
            loaded(len(os.sched_getaffinity(0)) if under_load else 0),
            subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            ) as run,
            watched(run.pid) as held,
        ):
            try:
                stdout, stderr = run.communicate()
            except KeyboardInterrupt:
                run.send_signal(signal.SIGINT)  # As if it had been in the terminal's group.
                run.communicate()
                raise
        seconds = time.monotonic() - start
        results = Path(folder) / "results.jsonl"
        lines = results.read_text(encoding="utf-8").splitlines() if results.exists() else []
        if not lines:
            print(stdout[-2000:] + stderr[-2000:])
        elif run.returncode:
            print("".join(stdout.partition("UNEXPECTED")[1:])[:4000], flush=True)
        rows = [record for record in map(json.loads, lines) if record["record"] == "row"]
    ends = {row["id"]: (row["verdict"], row["observed"], row["reason"]) for row in rows}
    return run.returncode, seconds, ends, held


def _again(times: int, arguments: list[str]) -> int:
    """Run every row that does not wait so many times in one worker, and list what that holds as the rows go by."""
    with tempfile.TemporaryDirectory(prefix="kconform-soak-") as folder:
        told = Path(folder) / "told.jsonl"
        command = [sys.executable, "-m", "pytest", "suites", "-q", "-n", "1", "-W", "error"]
        command += ["-p", "tests.plugins.repeat_rows", "-p", "no:cacheprovider", *arguments]
        environment = os.environ | {"KCONFORM_AGAIN": str(times), "KCONFORM_TOLD": str(told), "PYTHONPATH": str(ROOT)}
        start = time.monotonic()
        status = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=False).returncode
        seconds = time.monotonic() - start
        lines = [json.loads(line) for line in told.read_text(encoding="utf-8").splitlines()] if told.exists() else []
    print("rows in one process, megabytes in memory, descriptors, threads")
    for held in lines:
        print(
            f"{held['rows']:>7} {held['megabytes']:>6} {held['descriptors']:>6} {held['threads']:>4}", *held["failed"]
        )
    failed = sum(len(held["failed"]) for held in lines)
    print(f"exit status {status}, {failed} repetitions failed, {seconds:.0f} s")
    return 1 if status or failed or not lines else 0


if __name__ == "__main__":
    sys.exit(main())

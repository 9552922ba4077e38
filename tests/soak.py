"""``make soak``: run the suites again and again, in random order and under load; list every row that ever differed.

A row that comes to another end in one run of a thousand is broken. What counts as the same is the verdict, what was
observed, and the reason; runs of one user are compared with each other, since what a user may not do is not exercised.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

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
    parser.add_argument("arguments", nargs="*", help="further arguments for pytest, after --")
    chosen = parser.parse_args()
    seed = chosen.seed if chosen.seed is not None else random.SystemRandom().randrange(1 << 30)
    print(
        f"{chosen.count} runs, {chosen.loaded} of them loaded, {chosen.user} as another user; seed {seed}", flush=True
    )
    ends: dict[tuple[bool, str], Counter[_END]] = defaultdict(Counter)
    runs: Counter[bool] = Counter()
    bad = 0
    for number in range(chosen.count):
        # Spread over the runs, so that a run can be both loaded and another user's.
        loaded = number * chosen.loaded // chosen.count < (number + 1) * chosen.loaded // chosen.count
        user = number * chosen.user // chosen.count < (number + 1) * chosen.user // chosen.count
        workers = random.Random(seed + number).choice(_WORKERS)  # noqa: S311  Nobody's secret.
        status, seconds, rows = _run(seed + number, workers, chosen.arguments, loaded=loaded, user=user)
        for id_, end in rows.items():
            ends[user, id_][end] += 1
        runs[user] += 1
        bad += status != 0
        how = f"{workers} workers" + ", loaded" * loaded + ", as another user" * user
        print(f"run {number + 1}: exit status {status}, {len(rows)} rows in {seconds:.1f} s, {how}", flush=True)
    differing = {key: seen for key, seen in ends.items() if len(seen) > 1 or seen.total() != runs[key[0]]}
    for (user, id_), seen in sorted(differing.items()):
        print(f"DIFFERS {id_}" + " as another user" * user)
        for (verdict, observed, reason), times in seen.most_common():
            print(f"    {times} times {verdict}, observed {observed}" + (f", {reason}" if reason else ""))
        if seen.total() != runs[user]:
            print(f"    missing {runs[user] - seen.total()} times")
    rows_seen = len({id_ for _, id_ in ends})
    print(f"{rows_seen} rows, {chosen.count} runs: {len(differing)} rows differed, {bad} runs failed")
    return 1 if differing or bad else 0


def _run(
    seed: int, workers: int, arguments: list[str], *, loaded: bool, user: bool
) -> tuple[int, float, dict[str, _END]]:
    """One run: exit status, seconds, and how each row ended."""
    burners = [_burn() for _ in os.sched_getaffinity(0)] if loaded else []
    with tempfile.TemporaryDirectory(prefix="kconform-soak-") as folder:
        command = [sys.executable, "-m", "pytest", "suites", "-q", "-n", str(workers), "-W", "error"]
        command += ["-p", "tests.shuffle", "-p", "no:cacheprovider", f"--results={folder}", *arguments]
        if user:
            os.chmod(folder, 0o777)
            command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command]
        start = time.monotonic()
        environment = os.environ | {"KCONFORM_SHUFFLE": str(seed), "PYTHONPATH": str(ROOT)}
        try:
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        finally:
            for burner in burners:
                burner.kill()
                burner.wait()
        seconds = time.monotonic() - start
        results = Path(folder) / "results.jsonl"
        lines = results.read_text(encoding="utf-8").splitlines() if results.exists() else []
        if not lines:
            print(done.stdout[-2000:] + done.stderr[-2000:])
        elif done.returncode:
            print("".join(done.stdout.partition("UNEXPECTED")[1:])[:4000], flush=True)
        rows = [record for record in map(json.loads, lines) if record["record"] == "row"]
    return done.returncode, seconds, {row["id"]: (row["verdict"], row["observed"], row["reason"]) for row in rows}


def _burn() -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", "while True: pass"])


if __name__ == "__main__":
    sys.exit(main())

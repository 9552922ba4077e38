"""``make chaos``: end runs at random moments, run in bad surroundings, read hostile files; say what went wrong."""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.chaos.killing import BLOWS, strike
from tests.chaos.surroundings import SURROUNDINGS, Unavailable, crowd, endure
from tests.chaos.traces import Watch

ROOT = Path(__file__).parent.parent.parent
# Rows with everything that could be left: worlds, processes of their own, control groups, firewalls, socket files.
ROWS = ["connect.ETIMEDOUT.tcp*", "connect.cgroup-bpf.*", "connect.ENOENT*", "connect.netfilter*"]
_CASES = 700  # For each of the sixteen tests of hostile files.
_LONGEST = 12.0  # Seconds after which a blow falls at the latest.


def main() -> int:
    """Do as was asked; the exit status is 1 where anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="Make trouble for runs of the suites.")
    parser.add_argument("-n", "--count", type=int, default=20, help="runs to end at random moments (default: 20)")
    parser.add_argument("--seed", type=int, default=None, help="makes the moments the same again")
    parser.add_argument("--only", choices=("killing", "surroundings", "files"), help="one kind of trouble only")
    chosen = parser.parse_args()
    seed = chosen.seed if chosen.seed is not None else random.SystemRandom().randrange(1 << 30)
    bad: Counter[str] = Counter()
    place = Path(tempfile.mkdtemp(prefix="chaos-", dir="/tmp"))
    try:
        if chosen.only in (None, "killing"):
            bad += _kill(place, chosen.count, random.Random(seed), seed)  # noqa: S311  Moments, not secrets.
        if chosen.only in (None, "surroundings"):
            bad += _endure(place)
        if chosen.only in (None, "files"):
            bad += _read()
    finally:
        shutil.rmtree(place, ignore_errors=True)
    print(f"{bad.total()} were not as they should be" + "".join(f"; {what}: {times}" for what, times in bad.items()))
    return 1 if bad else 0


def _kill(place: Path, count: int, chance: random.Random, seed: int) -> Counter[str]:
    print(f"{count} runs that are ended at random moments; seed {seed}", flush=True)
    bad: Counter[str] = Counter()
    asked = ["suites", "--door=syscall", "-n", "2", *(f"--row={row}" for row in ROWS)]
    for number in range(count):
        blow, after = BLOWS[number % len(BLOWS)], chance.uniform(0.0, _LONGEST)
        temporary = place / f"t{number}"
        temporary.mkdir()
        watch, results = Watch(temporary), place / f"r{number}"
        wrong = strike(watch, lambda to, watch=watch: watch.start(to, *asked), results, blow, after)  # type: ignore[misc]
        print(f"run {number + 1}: {blow} after {after:.2f} s: {'WRONG' if wrong else 'well'}", flush=True)
        for line in wrong:
            print(f"    {line}", flush=True)
        bad[str(blow)] += bool(wrong)
    return +bad


def _endure(place: Path) -> Counter[str]:
    bad: Counter[str] = Counter()
    for name in (*SURROUNDINGS, "four-at-once"):
        folder = place / name
        folder.mkdir()
        try:
            wrong = endure(name, folder) if name in SURROUNDINGS else crowd(folder)
        except Unavailable as missing:
            print(f"{name}: can't be tried: {missing}", flush=True)
            continue
        print(f"{name}: {'WRONG' if wrong else 'well'}", flush=True)
        for line in wrong:
            print(f"    {line}", flush=True)
        bad[name] += bool(wrong)
    return +bad


def _read() -> Counter[str]:
    print(f"files of strangers, {_CASES} cases to each test", flush=True)
    command = [sys.executable, "-m", "pytest", "-q", "tests/test_hostile.py"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"KCONFORM_CASES": str(_CASES)}, check=False)
    return Counter({"files of strangers": 1} if done.returncode else {})


if __name__ == "__main__":
    sys.exit(main())

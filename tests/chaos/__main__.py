"""``make chaos``: end runs at random moments, run in bad surroundings, read hostile files; say what went wrong."""

import argparse
import itertools
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

from kernels import find_kernel
from tests.chaos.killing import BLOWS, GUEST_BLOWS, Blow, Outcome, begin, strike
from tests.chaos.surroundings import SURROUNDINGS, Unavailable, crowd, endure, step_clock
from tests.chaos.traces import Watch

ROOT = Path(__file__).parent.parent.parent
_CASES = 700  # For each of the sixteen tests of hostile files.
# Which run is struck, again and again in this order; one that can't be made here is left out.
_KINDS = ("suites", "suites", "uml", "suites", "suites", "suites", "gvisor", "suites")


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
    """Strike so many runs; of each kind one is left alone first, which says how long it takes."""
    print(f"{count} runs that are ended at random moments; seed {seed}", flush=True)
    bad: Counter[str] = Counter()
    seconds: dict[str, float] = {}
    for kind in dict.fromkeys(_KINDS):
        missing = find_kernel(kind).lacks() if kind != "suites" else ""
        if missing:
            print(f"{kind} can't be tried: {missing}", flush=True)
            continue
        start = time.monotonic()
        bad[kind] += bool(_strike(place / kind, kind, None, 0.0).wrong)
        seconds[kind] = time.monotonic() - start
    blows = {kind: itertools.cycle(BLOWS if kind == "suites" else GUEST_BLOWS) for kind in seconds}
    kinds = itertools.cycle(kind for kind in _KINDS if kind in seconds)
    fell: Counter[str] = Counter()
    blow = {kind: next(each) for kind, each in blows.items()}
    for number in itertools.count(1):
        if fell.total() >= count:
            break
        kind = next(kinds)
        outcome = _strike(place / f"{number}", kind, blow[kind], chance.uniform(0.0, seconds[kind]))
        bad[f"{kind}: {blow[kind]}"] += bool(outcome.wrong)
        if outcome.met:  # One that had ended by then is no trial.
            fell[kind] += 1
            blow[kind] = next(blows[kind])
    print(f"blows that fell: {dict(fell)}", flush=True)
    return +bad


def _strike(place: Path, kind: str, blow: Blow | None, after: float) -> Outcome:
    """Strike a run in a folder of its own, and print how that went."""
    temporary, start = place / "t", time.monotonic()
    temporary.mkdir(parents=True)
    watch = Watch(temporary)
    outcome = strike(watch, partial(begin, kind, watch), place / "r", blow, after)
    how = "left alone" if blow is None else f"{blow} after {after:.2f} s" + (", too late" * (not outcome.met))
    end = "WRONG" if outcome.wrong else "well"
    print(f"{place.name}, {kind}: {how}: {end} ({time.monotonic() - start:.1f} s)", flush=True)
    for line in outcome.wrong:
        print(f"    {line}", flush=True)
    shutil.rmtree(place, ignore_errors=True)
    return outcome


def _endure(place: Path) -> Counter[str]:
    bad: Counter[str] = Counter()
    ways: dict[str, Callable[[Path], list[str]]] = {name: partial(endure, name) for name in SURROUNDINGS}
    for name, way in (ways | {"four-at-once": crowd, "clock-set": step_clock}).items():
        folder, start = place / name, time.monotonic()
        folder.mkdir()
        try:
            wrong = way(folder)
        except Unavailable as missing:
            print(f"{name}: can't be tried: {missing}", flush=True)
            continue
        print(f"{name}: {'WRONG' if wrong else 'well'} ({time.monotonic() - start:.1f} s)", flush=True)
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

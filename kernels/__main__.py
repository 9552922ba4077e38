"""``python -m kernels``: which kernels can be run here, and the suites inside one of them or several."""

import argparse
import subprocess
import sys
from pathlib import Path

from kernels import KERNELS
from kernels.kernel import ROOT, python
from kernels.suites import LIMIT, RESTARTS, STALL, Limits, run_suites


def main(arguments: list[str] | None = None) -> int:
    """Carry out one subcommand, and give the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m kernels",
        description="Run the suites inside other kernels on this machine.",
        epilog="exit status of run: pytest's own inside, 3 where the kernel did not last, 2 where it can't be run here",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("list", help="say which kernels can be run here, and what the others need")
    run = commands.add_parser("run", help="run the suites inside a kernel; pytest's arguments go behind --")
    run.add_argument("kernel", choices=sorted(KERNELS), metavar="KERNEL", help=", ".join(sorted(KERNELS)))
    run.add_argument("--results", type=Path, metavar="DIR", help="where results go (default: reports/out/KERNEL)")
    matrix = commands.add_parser("matrix", help="run the suites inside several kernels, one after another, and merge")
    matrix.add_argument(
        "kernels", nargs="+", choices=sorted(KERNELS), metavar="KERNEL", help=", ".join(sorted(KERNELS))
    )
    matrix.add_argument("--results", type=Path, default=Path("reports/out"), metavar="DIR", help="default: reports/out")
    for each in (run, matrix):
        words = "for how long a kernel may run the suites"
        each.add_argument("--limit", type=float, default=LIMIT, metavar="SECONDS", help=f"{words} (default: {LIMIT:g})")
        words = "for how long nothing may be heard of it"
        each.add_argument("--stall", type=float, default=STALL, metavar="SECONDS", help=f"{words} (default: {STALL:g})")
        words = "how often it is started again after it has died"
        each.add_argument("--restarts", type=int, default=RESTARTS, metavar="N", help=f"{words} (default: {RESTARTS})")
    given = sys.argv[1:] if arguments is None else arguments
    # What stands behind -- is pytest's, and argparse does not look at it.
    end = given.index("--") if "--" in given else len(given)
    chosen = parser.parse_args(given[:end])
    if chosen.command == "list":
        return _list()
    return _run(chosen, given[end + 1 :]) if chosen.command == "run" else _matrix(chosen, given[end + 1 :])


def _list() -> int:
    width = max(len(name) for name in KERNELS)
    for name, kernel in KERNELS.items():
        missing = kernel.lacks()
        print(f"{name:<{width}}  {kernel.what}" + (f": not here; {missing}" if missing else ""))
    return 0


def _run(chosen: argparse.Namespace, arguments: list[str]) -> int:
    kernel = KERNELS[chosen.kernel]
    missing = kernel.lacks()
    if missing:
        print(f"{kernel.name} can't be run here: {missing}", file=sys.stderr)
        return 2
    folder = chosen.results or Path("reports/out") / kernel.name
    ran = run_suites(kernel, folder, arguments, _limits(chosen))
    log = ran.folder / "console.log"
    if log.exists():
        sys.stdout.write(log.read_text(encoding="utf-8", errors="replace"))
    print(f"{kernel.name}: {ran.seconds:.1f} s, results in {ran.folder}")
    if ran.ending.status is None:
        print(f"{kernel.name} did not last: {ran.ending.reason}", file=sys.stderr)
    return ran.status


def _matrix(chosen: argparse.Namespace, arguments: list[str]) -> int:
    if _cannot(chosen.kernels):
        return 2
    rans = []
    for name in chosen.kernels:
        ran = run_suites(KERNELS[name], chosen.results / name, arguments, _limits(chosen))
        ended = "did not last: " + ran.ending.reason if ran.ending.status is None else f"exit status {ran.status}"
        print(f"{name}: {ran.seconds:.1f} s, {ended}; {ran.folder}", flush=True)
        rans.append(ran)
    there = [ran for ran in rans if (ran.folder / "results.jsonl").exists()]
    labels = [part for ran in there for part in ("--label", ran.kernel.name)]
    merged = str(chosen.results / "matrix")
    command = [python(), "-m", "reports", "merge", *(str(ran.folder) for ran in there), *labels, "-o", merged]
    status = subprocess.run(command, cwd=ROOT, check=False).returncode if there else 3  # noqa: S603  Our own command.
    return max(status, *(ran.status for ran in rans))


def _limits(chosen: argparse.Namespace) -> Limits:
    return Limits(chosen.limit, chosen.stall, chosen.restarts)


def _cannot(names: list[str]) -> bool:
    """Say which of the kernels can't be run here, and why."""
    missing = {name: KERNELS[name].lacks() for name in names}
    for name, words in missing.items():
        if words:
            print(f"{name} can't be run here: {words}", file=sys.stderr)
    return any(missing.values())


if __name__ == "__main__":
    sys.exit(main())

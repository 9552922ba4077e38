"""``python -m kernels``: which kernels can be run here, and the suites inside one of them or several."""

import argparse
import signal
import sys
import time
from pathlib import Path

from kernels import KERNELS, find_kernel
from kernels.kernel import Kernel
from kernels.matrix import merge, run_all, this_machine
from kernels.suites import LIMIT, RESTARTS, STALL, Limits, Ran, folder_name, run_suites
from kernels.vm import ANY, PREFIX, tools_missing
from results.files import CONSOLE


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
    names = f"{', '.join(sorted(KERNELS))}, or a virtual machine: {', '.join(PREFIX + which for which in ANY)}"
    run.add_argument("kernel", type=_named, metavar="KERNEL", help=names)
    run.add_argument("--results", type=Path, metavar="DIR", help="where results go (default: reports/out/KERNEL)")
    matrix = commands.add_parser("matrix", help="run the suites inside several kernels, and make one report")
    matrix.add_argument("kernels", nargs="+", type=_named, metavar="KERNEL", help=names)
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
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # In good order: what was made goes.
    try:
        return _run(chosen, given[end + 1 :]) if chosen.command == "run" else _matrix(chosen, given[end + 1 :])
    except KeyboardInterrupt:
        print("interrupted; what had ended by then is in the folder of the results", file=sys.stderr)
        return 128 + signal.SIGINT


def _list() -> int:
    known = [(kernel.name, kernel.what, kernel.lacks()) for kernel in KERNELS.values()]
    known += [(f"{PREFIX}{which}", what, tools_missing()) for which, what in ANY.items()]
    width = max(len(name) for name, _, _ in known)
    for name, what, missing in known:
        print(f"{name:<{width}}  {what}" + (f": not here; {missing}" if missing else ""))
    return 0


def _run(chosen: argparse.Namespace, arguments: list[str]) -> int:
    kernel: Kernel = chosen.kernel
    missing = kernel.lacks()
    if missing:
        print(f"{kernel.name} can't be run here: {missing}", file=sys.stderr)
        return 2
    folder = chosen.results or Path("reports/out") / folder_name(kernel)
    ran = run_suites(kernel, folder, arguments, _limits(chosen))
    log = ran.folder / CONSOLE
    if log.exists():
        sys.stdout.write(log.read_text(encoding="utf-8", errors="replace"))
    print(f"{kernel.name}: {ran.seconds:.1f} s, results in {ran.folder}")
    if ran.ending.status is None:
        print(f"{kernel.name} did not last: {ran.ending.reason}", file=sys.stderr)
    return ran.status


def _matrix(chosen: argparse.Namespace, arguments: list[str]) -> int:
    kernels = list(dict.fromkeys(chosen.kernels))
    missing = {kernel.name: kernel.lacks() for kernel in kernels}
    for name, words in missing.items():
        if words:
            print(f"{name} can't be run here: {words}", file=sys.stderr)
    if any(missing.values()):
        return 2

    def run(kernel: Kernel) -> Ran:
        ran = run_suites(kernel, chosen.results / folder_name(kernel), arguments, _limits(chosen))
        ended = "did not last: " + ran.ending.reason if ran.ending.status is None else f"exit status {ran.status}"
        started = f", started in {ran.start_up:.1f} s" if ran.start_up is not None else ""
        died = f", died {ran.deaths} times" if ran.deaths else ""
        print(f"{kernel.name}: {ran.seconds:.1f} s{started}{died}, {ended}; {ran.folder}", flush=True)
        return ran

    start = time.monotonic()
    rans = run_all(kernels, run, this_machine())
    status = merge(rans, chosen.results / "matrix")
    print(f"{len(kernels)} kernels in {time.monotonic() - start:.1f} s", flush=True)
    return max(status, *(ran.status for ran in rans))


def _limits(chosen: argparse.Namespace) -> Limits:
    return Limits(chosen.limit, chosen.stall, chosen.restarts)


def _named(name: str) -> Kernel:
    try:
        return find_kernel(name)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


if __name__ == "__main__":
    sys.exit(main())

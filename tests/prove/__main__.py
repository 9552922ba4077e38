"""``python -m tests.prove``: lie to every row about every call, and tell which lies nobody notices.

What is not known here goes to pytest: ``--clause``, ``--row``, ``-k`` choose rows as they do for a run.
"""

import argparse
import sys
from pathlib import Path

import pytest

from tests.prove.accepted import load_accepted
from tests.prove.plugin import Prover
from tests.prove.report import report

ACCEPTED = Path(__file__).with_name("accepted.toml")


def main(arguments: list[str]) -> int:
    """Prove, and report; gives 0 where no survivor is left that nobody has accepted, 1 where one is, 2 on errors."""
    parser = argparse.ArgumentParser(prog="python -m tests.prove", description=__doc__, allow_abbrev=False)
    parser.add_argument("--resume", type=Path, metavar="FILE", help="go on with what is in FILE, and keep it there")
    parser.add_argument("--every", action="store_true", help="tell each lie in every row, not in one of those alike")
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="tell N lies that chance picks")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="what chance picks by")
    parser.add_argument("--workers", type=int, default=0, metavar="N", help="how many processes run rows at a time")
    chosen, others = parser.parse_known_args(arguments)
    prover = Prover(chosen.resume, chosen.every, chosen.sample, chosen.seed, chosen.workers)
    given = ["suites", "--entry=syscall", "--evidence=none", "-qq", "-p", "no:cacheprovider", *others]
    status = pytest.main(given, plugins=[prover])
    if not prover.is_done:
        return int(status) or 2
    whole = not chosen.sample and not others
    lines, left = report(prover, load_accepted(ACCEPTED), whole=whole)
    print("\n".join(lines))
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

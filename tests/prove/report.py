"""What a proof says: a score for each clause, and each survivor with the assertion that is missing."""

from collections import Counter

from tests.prove.accepted import Accepted, line_of
from tests.prove.journal import NOTICED, SURVIVED, UNTOLD, Told
from tests.prove.lies import LIES
from tests.prove.plugin import Prover


def report(prover: Prover, accepted: list[Accepted], *, whole: bool) -> tuple[list[str], list[Told]]:
    """The report in lines, and the survivors that nobody has accepted; ``whole``: all lies were told."""
    survivors = [told for told in prover.told if told.outcome == SURVIVED]
    used: Counter[int] = Counter()
    left = []
    for told in survivors:
        entry = next((at for at, each in enumerate(accepted) if each.covers(told)), None)
        if entry is None:
            left.append(told)
        else:
            used[entry] += 1
    lines = [*_scores(prover, left), *_unheard(prover)]
    lines += [
        line for told in sorted(left, key=lambda each: (each.lied.place, each.lied.lie)) for line in _survivor(told)
    ]
    if whole:
        lines += [f"accepts nothing: {each}" for at, each in enumerate(accepted) if not used[at]]
    outcomes = Counter(told.outcome for told in prover.told)
    rows = len({told.lied.row for told in prover.told})
    lines.append(
        f"{len(prover.told)} lies in {rows} rows: {outcomes[NOTICED]} noticed, {sum(used.values())} accepted, "
        f"{outcomes[UNTOLD]} that could not be told, {len(left)} survived"
    )
    return lines, left


def _scores(prover: Prover, left: list[Told]) -> list[str]:
    """A line for each clause that has a survivor left, the worst first."""
    told, missed = Counter(each.lied.clause for each in prover.told), Counter(each.lied.clause for each in left)
    worst = sorted(missed, key=lambda clause: (-missed[clause] / told[clause], clause))
    lines = [
        f"{100 - 100 * missed[clause] / told[clause]:5.1f} %  {clause}: {missed[clause]} of {told[clause]}"
        for clause in worst
    ]
    whole = len(told) - len(missed)
    return [*lines, f"100.0 %  {whole} of {len(told)} clauses"]


def _unheard(prover: Prover) -> list[str]:
    """The rows that were not as expected when nobody lied, and so say nothing."""
    return [
        f"not proved, because it is not as expected: {each.row}: {each.verdict}: {each.reason}"
        for each in prover.heard
        if each.unexpected
    ]


def _survivor(told: Told) -> list[str]:
    lied = told.lied
    missing = LIES[lied.lie].misses.format(call=lied.call)
    ended = "" if told.verdict == "conforms" else f" (the row {told.verdict}: {told.reason})"
    return [
        f"SURVIVED {lied.lie} of {lied.call}() in {lied.row}{ended}",
        f"    {lied.place}: {line_of(lied.place)}",
        f"    nothing asserts {missing}",
    ]

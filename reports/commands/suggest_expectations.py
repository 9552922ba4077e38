"""``python -m reports expectations``: what a run showed that no expectation has, and which expectations are stale.

With ``--update`` it comes as TOML, for a person to review: a reason and a document can only come from somebody who has
looked again whether it is the kernel or the row. Nothing is written into a suite.
"""

import argparse
import itertools
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from reports.commandline import CommandError, Commands, declare, wants_output, wants_results, write
from results.reader import Results, read_many
from results.records import CONFORMS, DEVIATES, Row

_EXAMPLES = """reports/out
--update reports/out/gvisor -o new.toml"""
_TO_SAY = "TODO"
_NUMBER = re.compile(r"\d+")
_RELEASE = re.compile(r"\d+\.\d+")
_VARIANT = 5  # The parts of a variant: family, type, mode, entry point, case.


@dataclass(frozen=True)
class Proposal:
    """An entry that would make rows expected: their pattern, and what they observed, which may be one, too.

    ``fact`` says which kernels it is for, as narrow as the runs are; ``count`` is how many rows it is about.
    """

    rows: str
    observed: str
    pattern: bool
    fact: tuple[str, str]
    count: int

    def toml(self) -> str:
        """The entry as an expectations file has it, with its reason and its document still to be said."""
        lines = ["[[expectation]]", f"rows = {_text(self.rows)}"]
        lines += [f"{'pattern' if self.pattern else 'observed'} = {_text(self.observed)}"]
        lines += [f'reason = "{_TO_SAY}"', f'document = "{_TO_SAY}"']
        return "\n".join([*lines, f"{self.fact[0]} = {_text(self.fact[1])}"]) + "\n"


@dataclass(frozen=True)
class Stale:
    """An entry of which rows conform; ``all_rows`` tells that no row which it covers still deviates."""

    rows: str
    reason: str
    conforming: tuple[str, ...]
    all_rows: bool


def add_command(commands: Commands) -> None:
    """Declare ``python -m reports expectations``."""
    words = "say which deviations no expectation has, and which expectations are stale"
    parser = declare(commands, "expectations", words, _EXAMPLES, _run)
    parser.add_argument("--update", action="store_true", help="propose entries, as TOML for a person to review")
    wants_results(parser, many=True)
    wants_output(parser)


def _run(chosen: argparse.Namespace) -> int:
    several = read_many(chosen.results, light=True)
    made = {_implementation(results) for results in several}
    if len(made) > 1:
        raise CommandError(f"these runs are of several kernels ({', '.join(sorted(made))}): propose for one at a time")
    new, stale = proposals(several), stale_entries(several)
    said = [_stale_text(each, "# " if chosen.update else "") for each in stale]
    if chosen.update:
        said = [each.toml() for each in new] + said
    else:
        said = [f"new: {each.rows} observes {each.observed} ({each.count} rows)\n" for each in new] + said
    write("\n".join(said) if chosen.update else "".join(said), chosen.output)
    return 1 if (new or stale) and not chosen.update else 0


def proposals(several: Sequence[Results]) -> list[Proposal]:
    """Entries for the rows that deviate otherwise than is written down; several runs of a kernel tell what varies."""
    if not several:
        return []
    by_clause: dict[str, dict[str, list[Row]]] = {}
    for row in (row for results in several for row in results.rows if row.verdict in (CONFORMS, DEVIATES)):
        by_clause.setdefault(row.clause, {}).setdefault(row.id, []).append(row)
    fact = _fact(several)
    return [each for rows in by_clause.values() for each in _of_clause(rows, fact)]


def stale_entries(several: Sequence[Results]) -> list[Stale]:
    """The entries of which rows conform."""
    judged: dict[tuple[str, str], list[Row]] = {}
    for row in (row for results in several for row in results.rows):
        if row.expectation is not None:
            judged.setdefault((row.expectation.rows, row.expectation.reason), []).append(row)
    found = []
    for (rows, reason), covered in judged.items():
        conforming = sorted({row.id for row in covered if row.verdict == CONFORMS})
        if conforming:
            whole = all(row.verdict != DEVIATES for row in covered)
            found.append(Stale(rows, reason, tuple(conforming), whole))
    return found


def _of_clause(rows: dict[str, list[Row]], fact: tuple[str, str]) -> Iterable[Proposal]:
    groups: dict[tuple[str, bool], list[str]] = {}
    for id_, seen in rows.items():
        if any(row.verdict == DEVIATES and row.unexpected for row in seen):
            groups.setdefault(_observation(seen), []).append(id_)
    for (observed, pattern), ids in groups.items():
        others = [id_ for id_ in rows if id_ not in ids]
        for glob, covered in _globs(ids, others):
            yield Proposal(glob, observed, pattern, fact, covered)


def _observation(seen: list[Row]) -> tuple[str, bool]:
    """What a row observed in all runs; a pattern where it is another number each time."""
    observed = sorted({row.observed or "" for row in seen if row.verdict == DEVIATES})
    if len(observed) == 1:
        return observed[0], False
    words = {tuple(_NUMBER.split(text)) for text in observed}
    if len(words) > 1:
        return "|".join(map(_literal, observed)), True
    numbers = zip(*(_NUMBER.findall(text) for text in observed), strict=True)
    shown = [each[0] if len(set(each)) == 1 else r"\d+" for each in numbers]
    pieces = [_literal(piece) for piece in words.pop()]
    return "".join(map("".join, itertools.zip_longest(pieces, shown, fillvalue=""))), True


def _literal(text: str) -> str:
    return re.escape(text).replace(r"\ ", " ")


def _globs(ids: list[str], others: list[str]) -> Iterable[tuple[str, int]]:
    """Patterns that cover these rows and none of the others, the widest first, with how many each adds."""
    left = set(ids)
    candidates = {glob for id_ in ids for glob in _wider(id_) if not any(fnmatchcase(each, glob) for each in others)}
    while left:
        best = min(candidates, key=lambda glob: (-_count(glob, left), glob.count("*"), glob))
        yield best, _count(best, left)
        # No row may be covered twice.
        candidates = {glob for glob in candidates if glob == best or not _meet(glob, best, ids)}
        left = {each for each in left if not fnmatchcase(each, best)}


def _wider(id_: str) -> Iterable[str]:
    """The row, and patterns that leave out parts of its variant."""
    clause, _, variant = id_.partition("/")
    parts = variant.split("-", _VARIANT - 1)
    yield f"{clause}/*"
    for kept in itertools.product((True, False), repeat=len(parts)):
        made = "-".join(part if keep else "*" for part, keep in zip(parts, kept, strict=True))
        yield f"{clause}/{made}"


def _count(glob: str, ids: Iterable[str]) -> int:
    return sum(fnmatchcase(each, glob) for each in ids)


def _meet(one: str, other: str, ids: list[str]) -> bool:
    return any(fnmatchcase(each, one) and fnmatchcase(each, other) for each in ids)


def _implementation(results: Results) -> str:
    return results.run.kernel.implementation or results.run.kernel.name


def _fact(several: Sequence[Results]) -> tuple[str, str]:
    """What these runs' kernels have in common: who wrote them; of Linux, from which version to which."""
    name = _implementation(several[0])
    found = [_RELEASE.match(results.run.kernel.release) for results in several]
    if name != "Linux" or None in found:
        return "implementation", name
    releases = sorted(tuple(map(int, each.group().split("."))) for each in found if each is not None)
    first, last = (".".join(map(str, each)) for each in (releases[0], releases[-1]))
    return "kernel", f">={first},<={last}"


def _stale_text(stale: Stale, mark: str) -> str:
    words = "no row of it deviates" if stale.all_rows else "some rows of it conform"
    return "".join(
        f"{mark}{line}\n" for line in [f"stale: {stale.rows}: {words}", *map("  {}".format, stale.conforming)]
    )


def _text(text: str) -> str:
    # What JSON calls a string is one to TOML, too; a literal one shows a pattern as it is.
    literal = "\\" in text and "'" not in text and text.isprintable()
    return f"'{text}'" if literal else json.dumps(text, ensure_ascii=False)

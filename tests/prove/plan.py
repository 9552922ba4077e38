"""Which lies are told: of every call that any row makes, by what the rows came to when nobody lied.

Lies of one kind about one line of a test meet the same assertions in each of its variants. So each is told once, in a
row that chance picks; with ``every`` it is told in every row, of the first and the last time that the line was reached.
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.prove.journal import Heard, Lied

ROOT = Path(__file__).parents[2]
_SLOW = 0.3  # Seconds beside twice the shortest that a row may take to be picked.


def wanted(heard: Mapping[str, Heard], *, every: bool, sample: int, seed: int) -> list[Lied]:
    """The lies to tell, in an order that begins with the rows that take longest."""
    groups: dict[tuple[str, ...], list[tuple[Heard, Lied]]] = {}
    for row, known in sorted(heard.items()):
        for call, last in _ends(known.calls):
            for lie in call["lies"]:
                lied = Lied(row, call["call"], call["nth"], lie, call["site"], call["place"], known.mark)
                key = (call["site"], call["call"], lie, *([row, last] if every else []))
                groups.setdefault(key, []).append((known, lied))
    chosen = [_pick(key, group, seed) for key, group in groups.items()]
    if sample:
        chosen = sorted(chosen, key=lambda lied: by_chance(seed, lied.row, lied.site, lied.call, lied.lie))[:sample]
    return sorted(chosen, key=lambda lied: -heard[lied.row].seconds)


def by_chance(seed: int, *what: str) -> bytes:
    """A number of chance that belongs to a thing alone, so that one more thing beside it changes nothing."""
    return hashlib.sha256(repr((seed, what)).encode()).digest()


def _ends(calls: list[dict[str, Any]]) -> Iterable[tuple[dict[str, Any], str]]:
    """The first and the last call of each name that was made at each place."""
    first: dict[tuple[str, str], dict[str, Any]] = {}
    last: dict[tuple[str, str], dict[str, Any]] = {}
    for call in calls:
        key = (call["site"], call["call"])
        first.setdefault(key, call)
        last[key] = call
    for key, call in first.items():
        yield call, ""
        if last[key] is not call:
            yield last[key], "last"


def _pick(key: tuple[str, ...], group: list[tuple[Heard, Lied]], seed: int) -> Lied:
    # A row that deviates, as is known, ends there: what follows in it is not tried.
    good = [each for each in group if each[0].verdict == "conforms"] or group
    limit = 2 * min(known.seconds for known, _ in good) + _SLOW
    quick = [lied for known, lied in good if known.seconds <= limit]
    return min(quick, key=lambda lied: by_chance(seed, *key, lied.row))


class Marks:
    """What a row's outcome depends on, as a short word: its test's module, what tests share, and the lies.

    Args:
        root: where the folder ``suites`` is.
    """

    def __init__(self, root: Path) -> None:
        shared = [*(ROOT / "fixtures").rglob("*.py"), *(ROOT / "netns").rglob("*.py")]
        shared += [each for each in (root / "suites").rglob("*.py") if not each.name.startswith("test_")]
        shared += [Path(__file__).with_name(name) for name in ("lies.py", "lying_entry.py")]
        self._shared = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(shared))).digest()
        self._known: dict[Path, str] = {}

    def of(self, module: Path) -> str:
        """The mark of rows of a module."""
        if module not in self._known:
            self._known[module] = hashlib.sha256(self._shared + module.read_bytes()).hexdigest()[:12]
        return self._known[module]

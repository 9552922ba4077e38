"""Results files with something wrong in them at random: every command gives output or one line of complaint."""

import json
import random
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.samples import RECORDS, run_reports

COMMANDS = ("summary", "ktap", "kcidb", "github", "csv", "badge", "disagreements", "html", "compare", "merge")
VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    10**400,
    0.5,
    "",
    "x\n::error::y\x1b",
    "../..",
    [],
    ["x", None],
    {},
    {"x": {"y": []}},
)
TRIES = 40


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in a record with a key or an index that it has."""
    if isinstance(value, (dict, list)):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from places(value[key])


def spoilt(chance: random.Random) -> bytes:
    """The lines of a results file, with one to three things wrong."""
    records = deepcopy(RECORDS)
    for _ in range(chance.randint(1, 3)):
        container, key = chance.choice([place for record in records for place in places(record)])
        if chance.random() < 0.3:
            del container[key]
        else:
            container[key] = deepcopy(chance.choice(VALUES))
    if chance.random() < 0.2:
        chance.shuffle(records)
    text = bytearray("".join(json.dumps(record) + "\n" for record in records).encode())
    if chance.random() < 0.3:
        for _ in range(chance.randint(1, 20)):
            text[chance.randrange(len(text))] = chance.randrange(256)
    if chance.random() < 0.2:
        del text[chance.randrange(len(text)) :]
    return bytes(text)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_file_makes_a_command_stumble(tmp_path: Path, command: str) -> None:
    folder = tmp_path / "spoilt"
    folder.mkdir()
    more: dict[str, list[Any]] = {"compare": [folder], "merge": ["-o", tmp_path / "merged"]}
    outcomes = set()
    for seed in range(TRIES):
        (folder / "results.jsonl").write_bytes(spoilt(random.Random(seed)))  # noqa: S311  Not a secret.
        done = run_reports(command, folder, *more.get(command, []))
        outcomes.add(done.status)
        assert done.status in (0, 2), seed
        if done.status == 2:
            assert done.output.count("\n") == 1, seed
        assert "\x1b" not in done.output, seed
    assert outcomes == {0, 2}

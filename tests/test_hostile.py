"""Files of strangers, broken at random and made to do harm: a clear error or a right report, and never anything else.

``KCONFORM_CASES`` is how many cases there are to each test; ``make chaos`` asks for many. Hypothesis makes them up, and
finds the smallest that does harm.
"""

import json
import os
import re
import struct
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir
from markdown_it import MarkdownIt

from netns.capture import Captured, write_packets
from reports.html.pcapng import tell
from results.catalogue import CatalogueError, load_suite
from results.expectations import KernelFacts, load_expectations
from tests.conftest import read_records
from tests.tools.samples import RECORDS, run_reports

COMMANDS = ("summary", "ktap", "kcidb", "github", "csv", "badge", "disagreements", "html", "compare", "merge", "tmt")
ROOT = Path(__file__).parent.parent
# What means something to a terminal, a page, Markdown, KTAP, the log of a CI, XML, a shell, or a path.
HARM = (
    "\x1b]0;mine\x07\x1b[31m",
    "\nnot ok 99 - mine",
    "\n::error::mine",
    "##[error]mine",
    "</script><script>mine()</script>",
    '"><img src=x onerror=mine()>',
    "[mine](javascript:mine())",
    "](x)\n\n# mine\n\n<b>mine</b>",
    "| mine |\n|---|",
    "]]><mine/>&mine;",
    "../../../mine",
    "# SKIP mine",
    "\N{RIGHT-TO-LEFT OVERRIDE}mine\0\r",
    "\ud800",
)
words = st.one_of(st.sampled_from(HARM), st.text(max_size=30), st.tuples(*[st.sampled_from(HARM)] * 2).map("".join))
# What UTF-8 can hold, and says something: a result without its reason contradicts itself, and shows as such.
proper = words.filter(lambda each: bool(each.strip()) and all(not "\ud800" <= part <= "\udfff" for part in each))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=5,
)
cases = settings(
    max_examples=int(os.environ.get("KCONFORM_CASES", "40")),
    deadline=None,
    database=None,
    derandomize="KCONFORM_CASES" not in os.environ,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)


WHOLE = [*RECORDS, {"record": "carrier", "name": "uml", "what": "a kernel", "start_up": 1.5, "seconds": 9, "deaths": 1}]
FORMER = read_records(ROOT / "tests" / "data" / "schema-1.jsonl")


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in a record with a key or an index that it has."""
    if isinstance(value, (dict, list)):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from places(value[key])


def lines_of(records: list[dict[str, Any]]) -> bytes:
    """A results file, as Python writes it: with whatever is no text escaped."""
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def spoil(data: st.DataObject, text: bytes) -> bytes:
    """Bytes that are put in, taken out or changed."""
    spoilt = bytearray(text)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(len(spoilt) - 1, 0)))
        length = data.draw(st.integers(0, 20))
        spoilt[at : at + length] = data.draw(st.binary(max_size=6) | words.map(lambda w: w.encode("utf-8", "replace")))
    return bytes(spoilt)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for one results file after another; what Hypothesis keeps goes beside it, and not into the checkout."""
    made = tmp_path_factory.mktemp("hostile")
    set_hypothesis_home_dir(made.with_name("hypothesis"))
    return made


def carried_out(command: str, folder: Path, text: bytes) -> tuple[int, str]:
    """Exit status and output of a command that is given a results file of these bytes."""
    (folder / "results.jsonl").write_bytes(text)
    merged = folder.with_name("merged")
    more: dict[str, list[Any]] = {"compare": [folder], "merge": ["-o", merged], "html": [], "tmt": []}
    done = run_reports(command, folder, *more.get(command, []))
    return done.status, done.output


@pytest.mark.parametrize("schema", ["today", "former"])
@pytest.mark.parametrize("command", COMMANDS)
@cases
@given(data=st.data())
def test_no_results_make_a_command_stumble(folder: Path, command: str, schema: str, data: st.DataObject) -> None:
    records = deepcopy(WHOLE if schema == "today" else FORMER)
    for _ in range(data.draw(st.integers(1, 3))):
        container, key = data.draw(st.sampled_from([place for record in records for place in places(record)]))
        if data.draw(st.integers(0, 9)) < 3:
            del container[key]
        else:
            container[key] = data.draw(values)
    if data.draw(st.booleans()):
        records = data.draw(st.permutations(records))
    text = lines_of(records)
    if data.draw(st.integers(0, 9)) < 3:
        text = spoil(data, text)
    before = set(folder.parent.iterdir()) | {folder.with_name("merged"), folder.with_name("hypothesis")}
    status, output = carried_out(command, folder, text)
    assert status in (0, 2, *((1,) if command == "compare" else ()))
    if status == 2:
        assert output.count("\n") == 1
    assert fit_for_a_terminal(output)
    assert set(folder.parent.iterdir()) <= before


def fit_for_a_terminal(text: str) -> bool:
    """Tell whether nothing in a text steers a terminal or the direction of writing."""
    return all(each.isprintable() or each in "\n\t\r\ufeff" for each in text)


# The texts that a stranger may choose without the file being wrong.
FREE = (
    "reason",
    "detail",
    "observed",
    "expected",
    "title",
    "statement",
    "version",
    "host",
    "gave",
    "asked",
    "distribution",
)


def with_words(said: list[str]) -> list[dict[str, Any]]:
    """The records with some of what is free to choose replaced."""
    records = deepcopy(RECORDS)
    free = [
        (box, key) for record in records for box, key in places(record) if key in FREE and isinstance(box[key], str)
    ]
    for number, (container, key) in enumerate(free):
        container[key] = said[number % len(said)]
    return records


class Tags(HTMLParser):
    """Counts the elements of a page, and of their attributes those that run or load something."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: Counter[str] = Counter()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Count one."""
        self.seen[tag] += 1
        for name, value in attrs:
            if name.startswith("on") or (value or "").strip().lower().startswith("javascript:"):
                self.seen[f"{tag} {name}"] += 1


def tags(folder: Path, records: list[dict[str, Any]]) -> Counter[str]:
    """The elements of the page that is made of the records."""
    assert carried_out("html", folder, lines_of(records))[0] == 0
    reader = Tags()
    reader.feed((folder / "index.html").read_text(encoding="utf-8"))
    return reader.seen


@cases
@given(said=st.lists(proper, min_size=1, max_size=6))
def test_words_stay_words_in_the_page(folder: Path, said: list[str]) -> None:
    assert tags(folder, with_words(said)) == tags(folder, deepcopy(RECORDS))


@cases
@given(said=st.lists(proper, min_size=1, max_size=6))
def test_words_stay_words_in_other_formats(folder: Path, said: list[str]) -> None:
    hostile, plain = lines_of(with_words(said)), lines_of(RECORDS)
    for command, is_ours in (
        ("ktap", re.compile(r"^ *(not )?ok \d|^ *1\.\.\d|^ *Bail out", re.MULTILINE)),
        ("github", re.compile(r"^\s*::|##\[", re.MULTILINE)),
        ("summary", re.compile(r"^(UNEXPECTED|\s*::|##\[)", re.MULTILINE)),
    ):
        status, output = carried_out(command, folder, hostile)
        assert status == 0
        assert fit_for_a_terminal(output)
        assert len(is_ours.findall(output)) == len(is_ours.findall(carried_out(command, folder, plain)[1])), command


@cases
@given(said=st.lists(proper, min_size=1, max_size=6))
def test_words_stay_words_in_markdown(folder: Path, said: list[str]) -> None:
    for command in ("github", "disagreements"):
        kinds = []
        for records in (with_words(said), deepcopy(RECORDS)):
            (folder / "results.jsonl").write_bytes(lines_of(records))
            target = folder / "page.md"
            target.unlink(missing_ok=True)
            assert run_reports(command, folder, "--output", target).status == 0
            found: Counter[str] = Counter()
            for token in MarkdownIt("gfm-like", {"linkify": False}).parse(target.read_text(encoding="utf-8")):
                for each in (token, *(token.children or [])):
                    found[each.type] += each.type in ("link_open", "image", "html_block", "html_inline", "heading_open")
            kinds.append(found)
        assert kinds[0] == kinds[1], command


SUITE = {
    "suite.toml": 'name = "demo"\ntitle = "demo(2)"\ncalls = ["connect"]\n',
    "documents/demo.2.toml": (ROOT / "suites/getpeername/documents/getpeername.2.toml").read_text(encoding="utf-8"),
    "clauses/demo.toml": (ROOT / "suites/getpeername/clauses/getpeername.toml").read_text(encoding="utf-8"),
    "expectations/demo.toml": (
        '[[expectation]]\nrows = ["getpeername.*"]\nobserved = "EINVAL"\nreason = "So."\ndocument = "kernel"\n'
        'kernel = ">=6.1,<6.8"\nimplementation = "Linux"\nsecurity = "selinux"\nwaits = 1.5\n'
    ),
}


@cases
@given(data=st.data())
def test_no_catalogue_makes_the_reader_stumble(folder: Path, data: st.DataObject) -> None:
    place = folder / "demo"
    for name, text in SUITE.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text, encoding="utf-8")
    name = data.draw(st.sampled_from(sorted(SUITE)))
    text = SUITE[name]
    if data.draw(st.booleans()):  # One value or key replaced by another that is well-formed.
        parts = [match.span() for match in re.finditer(r'"[^"\n]*"|^\w+(?= =)|\b\d[\d.]*\b', text, re.MULTILINE)]
        start, end = data.draw(st.sampled_from(parts))
        new = data.draw(proper.map(json.dumps) | st.sampled_from(["7", "[]", "{}"]))
        spoilt = (text[:start] + new + text[end:]).encode()
    else:
        spoilt = spoil(data, text.encode())
    (place / name).write_bytes(spoilt)
    complaint = ""
    try:
        load_expectations(load_suite(place), KernelFacts("6.5.0", security=frozenset({"selinux"})))
    except CatalogueError as error:
        complaint = str(error)
    assert fit_for_a_terminal(complaint)
    assert not complaint or complaint.startswith(str(place))
    assert len(complaint.splitlines()) <= 1


@cases
@given(data=st.data())
def test_no_capture_makes_its_reader_stumble(folder: Path, data: st.DataObject) -> None:
    path = folder / "packets.pcapng"
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 1, 0, 64, 6, 0, bytes((127, 0, 0, 1)), bytes((127, 0, 0, 1)))
    frame = bytes(12) + b"\x08\x00" + ip + struct.pack("!HHIIBBHHH", 7001, 7002, 1, 0, 0x50, 2, 1000, 0, 0)
    if not (folder / "whole.pcapng").exists():
        write_packets(folder / "whole.pcapng", [Captured(1000 * at, "local:lo", bool(at), frame) for at in range(2)])
    path.write_bytes(spoil(data, (folder / "whole.pcapng").read_bytes()))
    for _, where, said in tell(path):
        assert isinstance(where, str)
        assert isinstance(said, str)

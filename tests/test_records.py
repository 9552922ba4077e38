"""Records in lines: what is written is read back, whatever is in its texts; and files of our own, cut off or not."""

import os
import subprocess
import tomllib
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from results.codec import decode, decode_row, encode
from results.files import append, whole_lines
from results.ids import RowId, Variant
from results.records import Call, Carrier, Evidence, Record
from results.version import VERSION, commit
from tests.conftest import ROOT, Project
from tests.tools.samples import CALL, ROWS, RUN

CARRIER = Carrier(name="uml", what="a kernel", start_up=1.5, seconds=9.25, deaths=1)
HALF = "a path of bytes: \udcff \ud83d"


def test_what_is_written_is_read_back() -> None:
    every: list[Record] = [RUN, *ROWS, CARRIER]
    for record in every:
        line = encode(record)
        assert line.endswith(b"}\n")
        assert line.count(b"\n") == 1
        assert decode(line) == record


def test_half_a_surrogate_pair_comes_back() -> None:
    row = replace(
        ROWS[0],
        observed=HALF,
        transcript=[replace(CALL, gave=HALF)],
        evidence=[Evidence("packets", "evidence/a/b", HALF)],
    )
    assert decode_row(encode(row)) == row
    with pytest.raises(msgspec.ValidationError, match=r"Expected `float` >= 0.0 - at `\$\.seconds`"):
        decode_row(encode(replace(row, seconds=-1.0)))
    for wrong in (b"NaN", b"Infinity", b"1e999", b"[" * 100_000):
        with pytest.raises((ValueError, RecursionError)):
            decode_row(encode(row).replace(b'"seconds":0.25', b'"seconds":' + wrong))


def test_bytes_that_are_no_text_are_replaced() -> None:
    row = decode_row(encode(ROWS[2]).replace(b"not here", b"not \xff here"))
    assert row.reason == "not \N{REPLACEMENT CHARACTER} here"


def test_a_key_that_says_nothing_is_left_out() -> None:
    made = msgspec.to_builtins(Call("poll", [], 0.5, "main"))
    assert made == {"call": "poll", "arguments": [], "start": 0.5, "thread": "main"}
    assert set(msgspec.to_builtins(ROWS[2])) >= {"expected", "transcript", "topology", "detail"}
    assert not {"evidence", "run", "changes", "folder", "unrecorded"} & set(msgspec.to_builtins(ROWS[2]))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (CALL, "connect(3, {AF_INET, 127.0.0.1:7001}, 16) = -1 ECONNREFUSED"),
        (
            replace(CALL, returned=0, error=None, gave="4 <sock>"),
            "connect(3, {AF_INET, 127.0.0.1:7001}, 16) = 0 [4 <sock>]",
        ),
        (Call("accept4", ["3"], 0.0, "caller"), "accept4(3) = ? <did not return>"),
    ],
)
def test_the_text_of_a_call_is_made_of_its_parts(call: Call, text: str) -> None:
    assert call.text() == text


def test_a_row_is_read_out_of_a_node_id() -> None:
    row = RowId.parse("suites/x/test_y.py::test_z[x.y/inet6-stream-nonblocking-io_uring-a-b.c]")
    assert row == RowId(
        "x.y/inet6-stream-nonblocking-io_uring-a-b.c",
        "x.y",
        Variant("inet6", "stream", "nonblocking", "io_uring", "a-b.c"),
    )
    assert RowId.parse("tests/test_x.py::test_y[1/2]x") is None


@pytest.mark.parametrize("cut", [0, 40], ids=["whole", "cut-off"])
def test_a_record_is_appended_on_a_line_of_its_own(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "results.jsonl"
    lines = [encode(RUN), encode(ROWS[0]), encode(ROWS[1])]
    whole = b"".join(lines)
    path.write_bytes(whole[: len(whole) - cut])
    append(path, CARRIER)
    assert path.read_bytes().startswith(whole[: len(whole) - cut])
    kept = [record for _, record in whole_lines(path)]
    assert kept == [RUN, *ROWS[: 1 if cut else 2], CARRIER]
    assert list(whole_lines(tmp_path / "nothing")) == []


def test_a_run_without_a_report(project: Project) -> None:
    project.test("assert sock.connect(server.address) == 0")
    ran = project.run("--no-report")
    out = project.pytester.path / "out"
    assert ran.status == 0
    assert sorted(path.name for path in out.iterdir()) == ["junit.xml", "results.jsonl"]
    assert f"results: {out / 'results.jsonl'}" in ran.output
    assert "report:" not in ran.output


def test_the_version_stands_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["version"] == VERSION


def test_the_commit_of_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KCONFORM_COMMIT", raising=False)
    assert commit(tmp_path) == ""
    git = ["git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for name in ("file", "same"):
        (tmp_path / name).write_text("one", encoding="ascii")
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "One"]):
        subprocess.run([*git, *words], check=True)
    clean = commit(tmp_path)
    assert len(clean) == 12
    index = (tmp_path / ".git" / "index").read_bytes()
    (tmp_path / "file").write_text("two", encoding="ascii")
    os.utime(tmp_path / "same", (1, 1))  # Git would write into its index that it has looked at this one.
    assert commit(tmp_path) == f"{clean}-dirty"
    assert (tmp_path / ".git" / "index").read_bytes() == index
    monkeypatch.setenv("KCONFORM_COMMIT", "told")
    assert commit(tmp_path) == "told"

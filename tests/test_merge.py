"""Merging runs: one file of all, each with its label, and their evidence beside it and from nowhere else."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
from msgspec.structs import replace

from results.codec import decode, encode
from results.reader import read_many, read_results
from results.records import Evidence, Privilege
from results.schema import json_schema
from tests.conftest import read_records
from tests.tools.samples import RECORDS, ROWS, row, run_reports, sample, written

PATH = "evidence/demo.a~inet-stream-blocking-syscall/packets.pcapng"


def with_evidence(folder: Path, content: bytes, path: str = PATH) -> None:
    """A run of one row with one file of evidence."""
    file = folder / path
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    sample(folder, [replace(ROWS[0], evidence=[Evidence("packets", path, "both ends")])])


def test_a_merged_file_holds_every_run(tmp_path: Path) -> None:
    sample(tmp_path / "a")
    sample(tmp_path / "b", [row("a", "conforms")], privilege=Privilege(uid=1000, kind="user-namespace"))
    written(tmp_path / "c", RECORDS[:3])
    done = run_reports(
        "merge", tmp_path / "a", tmp_path / "b", tmp_path / "c", "-o", tmp_path / "all", "--label", "new"
    )
    assert done.status == 0
    assert "6.1.0 root (2): INCOMPLETE: the run was cut off: 2 rows had ended" in done.output
    assert done.output.endswith(f"wrote {tmp_path / 'all' / 'results.jsonl'} and index.html, with 3 runs\n")
    assert kernels_of(tmp_path / "all" / "index.html") == ["new", "6.1.0 user", "6.1.0 root (2)"]
    runs = read_many([tmp_path / "all"])
    assert [each.label for each in runs] == ["new", "6.1.0 user", "6.1.0 root (2)"]
    assert [len(each.rows) for each in runs] == [6, 1, 2]
    assert [bool(each.incomplete) for each in runs] == [False, False, True]
    assert [replace(each, run=None) for each in runs[0].rows] == read_results(tmp_path / "a").rows
    schema = json_schema()
    for record in read_records(tmp_path / "all" / "results.jsonl"):
        jsonschema.Draft202012Validator(schema).validate(record)


def kernels_of(page: Path) -> list[str]:
    """The labels of the kernels of which a page holds rows."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text(encoding="utf-8"))
    assert found is not None
    return [kernel["label"] for kernel in json.loads(found[1])["kernels"]]


def test_a_page_of_several_files(tmp_path: Path) -> None:
    with_evidence(tmp_path / "a", b"from a")
    sample(tmp_path / "b")
    page = tmp_path / "page.html"
    assert run_reports("html", tmp_path / "a", tmp_path / "b", "-o", page, "--label", "old").status == 0
    assert kernels_of(page) == ["old", "6.1.0 root"]
    assert run_reports("html", tmp_path / "a", tmp_path / "b").output.endswith(
        "where the page of several results goes\n"
    )
    compared = run_reports("compare", tmp_path / "a", tmp_path / "b", "--html", page, "--label", "x")
    assert compared.status == 0
    assert compared.output.endswith(f"what differs, as a page: {page}#rows?q=is:different\n")
    assert kernels_of(page) == ["x", "6.1.0 root (2)"]
    assert run_reports("html", tmp_path / "a").status == 0
    assert kernels_of(tmp_path / "a" / "index.html") == ["6.1.0 root"]


def test_a_merged_file_can_be_compared_and_merged_again(tmp_path: Path) -> None:
    sample(tmp_path / "a")
    sample(tmp_path / "b", [row("a", "deviates", unexpected=True, expected="0", observed="EPERM"), *ROWS[1:]])
    run_reports("merge", tmp_path / "a", tmp_path / "b", "-o", tmp_path / "all", "--label", "a", "--label", "b")
    assert run_reports("compare", tmp_path / "all").status == 1
    run_reports("merge", tmp_path / "all", tmp_path / "a", "-o", tmp_path / "more")
    assert [each.label for each in read_many([tmp_path / "more"])] == ["a", "b", "6.1.0 root"]


def test_evidence_comes_along(tmp_path: Path) -> None:
    with_evidence(tmp_path / "a", b"from a")
    with_evidence(tmp_path / "b", b"from b")
    run_reports("merge", tmp_path / "a", tmp_path / "b", "-o", tmp_path / "all", "--label", "../a b", "--label", "b")
    found = []
    for results in read_many([tmp_path / "all"]):
        (evidence,) = results.rows[0].evidence
        found.append((tmp_path / "all" / evidence.path).read_bytes())
        assert (evidence.kind, evidence.note) == ("packets", "both ends")
    assert found == [b"from a", b"from b"]
    assert sorted(path.name for path in (tmp_path / "all" / "evidence").iterdir()) == [
        "1-.._a_b~demo.a~inet-stream-blocking-syscall",
        "2-b~demo.a~inet-stream-blocking-syscall",
    ]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_no_file_of_elsewhere_comes_along(tmp_path: Path, kind: str) -> None:
    secret = tmp_path / "secret" / "packets.pcapng"
    secret.parent.mkdir()
    secret.write_text("secret", encoding="ascii")
    with_evidence(tmp_path / "a", b"from a")
    file = tmp_path / "a" / PATH
    file.unlink()
    if kind == "file":
        file.symlink_to(secret)
    else:
        file.parent.rmdir()
        file.parent.symlink_to(secret.parent)
    done = run_reports("merge", tmp_path / "a", "-o", tmp_path / "all")
    assert f"6.1.0 root: {PATH} is not there, and was left out" in done.output
    assert read_results(tmp_path / "all").rows[0].evidence == []
    assert not any(path.is_file() for path in (tmp_path / "all").rglob("*.pcapng"))


def test_wrong_usage(tmp_path: Path) -> None:
    sample(tmp_path / "a")
    file = tmp_path / "file"
    file.write_text("", encoding="ascii")
    before = (tmp_path / "a" / "results.jsonl").read_bytes()
    for output, said in (
        (tmp_path / "a", "is read from"),
        (file, "can't be written"),
        (file / "x", "can't be written"),
    ):
        done = run_reports("merge", tmp_path / "a", "-o", output)
        assert done.status == 2
        assert said in done.output
        assert done.output.count("\n") == 1
    assert (tmp_path / "a" / "results.jsonl").read_bytes() == before
    assert run_reports("merge", tmp_path / "a", tmp_path / "nowhere", "-o", tmp_path / "all").status == 2
    assert not (tmp_path / "all").exists()


def test_a_row_without_evidence_says_nothing_of_it() -> None:
    assert not {"evidence", "run"} & json.loads(encode(ROWS[0])).keys()
    assert decode(json.dumps({**RECORDS[1], "later": 1}).encode()) == ROWS[0]

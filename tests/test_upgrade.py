"""Results of schema 1, which earlier versions wrote: they are read, compared and merged as those of today are.

``tests/data/schema-1.jsonl`` is of a run of version 0.1.0 in gVisor, with a few of its rows.
"""

import json
import shutil
from pathlib import Path

import jsonschema
import pytest

from results.reader import ResultsError, read_many, read_results
from results.schema import json_schema
from tests.conftest import ROOT, read_records
from tests.tools.samples import RECORDS, run_reports, written

FORMER = ROOT / "tests" / "data" / "schema-1.jsonl"


def former(folder: Path) -> Path:
    """A folder with results of schema 1."""
    folder.mkdir()
    shutil.copy(FORMER, folder / "results.jsonl")
    return folder


def test_what_was_called_otherwise_is_found_by_its_name_of_today() -> None:
    results = read_results(FORMER)
    assert (results.damaged, results.incomplete) == ([], "")
    old = [json.loads(line) for line in FORMER.read_text(encoding="utf-8").splitlines()]
    run, rows = old[0], old[1:-1]
    assert [row.id for row in results.rows] == [row["id"] for row in rows]
    assert [row.variant.entry for row in results.rows] == [row["variant"]["door"] for row in rows]
    assert [row.topology and row.topology.name for row in results.rows] == [
        row["world"] and row["world"]["name"] for row in rows
    ]
    assert [row.unrecorded for row in results.rows] == [row.get("beside", []) for row in rows]
    calls = [(call.text(), call.replay) for row in results.rows for call in row.transcript]
    assert calls == [(call["text"], call["raw"]) for row in rows for call in row["transcript"]]
    assert calls
    assert results.run.entries.keys() == run["doors"].keys()
    assert set(results.run.features) == {"ipv6", "topology:pair"}
    assert [suite.calls for suite in results.run.suites] == [[suite["act"]] for suite in run["suites"]]
    assert results.carrier is not None
    assert (results.carrier.name, results.carrier.start_up, results.carrier.deaths) == ("gvisor", 3.59, 0)


def test_light_reading_leaves_out_the_same() -> None:
    (light,), whole = read_many([FORMER], light=True), read_results(FORMER)
    assert light.rows == [row.light() for row in whole.rows]
    assert light.carrier == whole.carrier


def test_former_results_compare_and_merge_with_those_of_today(tmp_path: Path) -> None:
    old = former(tmp_path / "old")
    new = written(tmp_path / "new", RECORDS)
    assert run_reports("merge", old, new, "-o", tmp_path / "all", "--label", "old", "--label", "new").status == 0
    validator = jsonschema.Draft202012Validator(json_schema())
    merged = read_records(tmp_path / "all" / "results.jsonl")
    for record in merged:
        validator.validate(record)
    assert [(record["record"], record["run"]) for record in merged if record["record"] == "carrier"] == [
        ("carrier", "old")
    ]
    first, second = read_many([tmp_path / "all"])
    assert [row.id for row in first.rows] == [row.id for row in read_results(old).rows]
    assert len(second.rows) == 6
    assert first.carrier is not None
    assert second.carrier is None
    run_reports("merge", old, "-o", tmp_path / "again")
    compared = run_reports("compare", old, tmp_path / "again", "--label", "old", "--label", "again")
    assert compared.status == 0
    assert compared.output.endswith(
        f"{len(first.rows)} rows: 0 got worse, 0 changed, 0 got better, 0 new, {len(first.rows)} the same\n"
    )


def test_a_program_can_be_made_of_a_former_row(tmp_path: Path) -> None:
    row = next(row for row in read_results(FORMER).rows if row.verdict == "conforms" and not row.unrecorded)
    done = run_reports("reproduce", row.id, "--results", FORMER, "-o", tmp_path / "row.c")
    assert done.status == 0, done.output
    assert row.transcript[0].call in (tmp_path / "row.c").read_text(encoding="ascii")


@pytest.mark.parametrize("key", ["doors", "suites", "features", "kernel"])
def test_former_runs_of_another_shape_are_refused_in_one_line(tmp_path: Path, key: str) -> None:
    run = json.loads(FORMER.read_text(encoding="utf-8").splitlines()[0])
    del run[key]
    with pytest.raises(ResultsError, match=r"has a run record that can't be used: [^\n]+$"):
        read_results(written(tmp_path, [run]))
    with pytest.raises(ResultsError, match=r"has a run record that can't be used: [^\n]+$"):
        read_results(written(tmp_path, [{**run, key: 5}]))

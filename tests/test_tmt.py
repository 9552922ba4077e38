"""What tmt is told: tmt reads our results, the plan is run for real, and its metadata keep tmt's rules."""

import os
import shutil
import subprocess
import sys
from functools import cache
from importlib.metadata import files
from pathlib import Path
from typing import Any

import fmf.utils
import pytest
from msgspec.structs import replace
from ruamel.yaml import YAML

from reports.formats.tmt import ROWS as ROWS_NAMED
from reports.formats.tmt import tmt
from results.reader import Results, read_results
from results.records import Document
from tests.conftest import ROOT
from tests.tools.samples import RECORDS, ROWS, RUN, records, row, run_reports, sample, written

HOSTILE = "\r\n- name: /x\n\x1b[2J\x00\u202e\ufeff\u2028\x85 'a' \"b\" \\u0041 #c &d *e {f: [g]} \U0001f600: "


def load(text: str) -> Any:
    """What YAML says."""
    return YAML(typ="safe", pure=True).load(text)


@cache
def schemas_of_tmt() -> dict[str, Any]:
    """The schemas that tmt comes with, by id."""
    schemas = [load(path.read_text(encoding="utf-8")) for path in files("tmt") or () if path.match("schemas/*.yaml")]
    return {schema["$id"]: schema for schema in schemas if "$id" in schema}


def read(text: str) -> list[dict[str, Any]]:
    """The results as a reader of YAML has them, held to tmt's own schema."""
    found = load(text)
    by_id = schemas_of_tmt()
    checked = fmf.utils.validate_data(found, by_id["/schemas/results"], schema_store=by_id)
    assert checked.result, checked.errors
    assert isinstance(found, list)
    return found


def of_rows(folder: Path, names: str, **end: Any) -> Results:
    """A run with the sample rows of the clauses of these letters."""
    rows = [each for each in ROWS if each.clause[-1] in names]
    return read_results(written(folder, records(rows, **end)))


def test_each_document_is_a_subresult_that_names_its_rows(tmp_path: Path) -> None:
    (made,) = read(tmt([sample(tmp_path)], tmp_path))
    assert (made["name"], made["result"], made["duration"]) == ("/", "error", "00:00:02")
    assert made["note"] == [
        "kernel Linux 6.1.0 x86_64, as root",
        "rows: 2 conforms, 2 deviates, 1 not-exercised, 1 harness-error",
    ]
    (document,) = made["subresult"]
    assert (document["name"], document["result"]) == ("/demo.2", "error")
    assert [line.partition("/")[0] for line in document["note"][1:]] == ["demo.b", "demo.d", "demo.f"]
    assert document["note"][1].endswith("deviates: allowed EISCONN, observed ECONNREFUSED")


@pytest.mark.parametrize(
    ("names", "whole", "document"),
    [
        ("a", "pass", "pass"),
        ("ac", "pass", "pass"),  # What was not exercised takes nothing from what was.
        ("ae", "pass", "info"),  # A deviation that is written down is no pass of the document, and fails nothing.
        ("c", "skip", "skip"),
        ("ab", "fail", "fail"),
        ("af", "fail", "fail"),  # What is written down, and is gone.
        ("abd", "error", "error"),
    ],
)
def test_outcomes(tmp_path: Path, names: str, whole: str, document: str) -> None:
    results = of_rows(tmp_path, names, exit_status=int(bool({*names} & {*"bdf"})))
    (made,) = read(tmt([results], tmp_path))
    assert (made["result"], made["subresult"][0]["result"]) == (whole, document)


def test_a_run_that_says_nothing_of_the_kernel_is_an_error(tmp_path: Path) -> None:
    cut = written(tmp_path / "cut", RECORDS[:2])
    for results, why in (
        (read_results(cut), "the run was cut off: 1 rows had ended, and nobody counted how many there should be"),
        (of_rows(tmp_path / "empty", "", exit_status=5), "no row was selected"),
        (of_rows(tmp_path / "two", "a", exit_status=2), "the run was interrupted"),
        (of_rows(tmp_path / "three", "a", exit_status=3), "pytest ended with exit status 3, and no row says why"),
        (of_rows(tmp_path / "one", "a", exit_status=1), "pytest ended with exit status 1, and no row says why"),
    ):
        (made,) = read(tmt([results], tmp_path))
        assert (made["result"], made["note"][-1]) == ("error", why)


def test_many_failing_rows_are_counted(tmp_path: Path) -> None:
    rows = [row("b", "deviates", unexpected=True, family=f"f{number}") for number in range(ROWS_NAMED + 3)]
    (made,) = read(tmt([sample(tmp_path, rows)], tmp_path))
    (document,) = made["subresult"]
    assert (len(document["note"]), document["note"][-1]) == (ROWS_NAMED + 2, "and 3 more rows")


def test_several_runs_are_several_results(tmp_path: Path) -> None:
    for name in ("one", "two"):
        sample(tmp_path / name)
    made = run_reports("tmt", tmp_path / "one", tmp_path / "two", "-o", tmp_path / "results.yaml")
    assert made.status == 0, made.output
    both = read((tmp_path / "results.yaml").read_text(encoding="utf-8"))
    assert [each["name"] for each in both] == ["/6.1.0_root", "/6.1.0_root_2"]
    assert [each["log"] for each in both] == [["one/results.jsonl"], ["two/results.jsonl"]]


def test_files_where_tmt_would_not_find_them_are_refused(tmp_path: Path) -> None:
    sample(tmp_path / "out")
    (tmp_path / "elsewhere").mkdir()
    made = run_reports("tmt", tmp_path / "out", "-o", tmp_path / "elsewhere" / "results.yaml")
    assert made.status == 2
    assert "where tmt looks for files" in made.output


def test_strangers_inject_nothing(tmp_path: Path) -> None:
    rows = [replace(each, id=HOSTILE, expected=HOSTILE, observed=HOSTILE, reason=HOSTILE) for each in ROWS]
    kernel = replace(RUN.kernel, name=HOSTILE, release=HOSTILE, machine=HOSTILE)
    suites = [replace(RUN.suites[0], documents=[Document(HOSTILE, HOSTILE, ())])]
    text = tmt([sample(tmp_path, rows, kernel=kernel, suites=suites)], tmp_path)
    assert all(line.isprintable() for line in text.splitlines())
    (made,) = read(text)
    assert [*made] == ["name", "result", "note", "log", "subresult", "duration"]
    assert "'a' \"b\" \\u0041 #c &d *e {f: [g]} \U0001f600" in made["note"][0]
    assert made["subresult"][0]["name"] == "/-_name_x_2J_a_b_u0041_c_d_e_f_g"


def call_tmt(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Call tmt for the project, with all that it keeps in a folder of the test."""
    places = {"TMT_CONFIG_DIR": str(folder), "TMT_TEST_PIDFILE_ROOT": str(folder), "NO_COLOR": "1"}
    command = [sys.executable, "-m", "tmt", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | places, text=True, capture_output=True, check=False, timeout=300
    )


def test_the_metadata_keep_the_rules_of_tmt(tmp_path: Path) -> None:
    done = call_tmt(tmp_path, "lint")
    assert (done.returncode, done.stderr) == (0, "")
    verdicts = {line.split()[0] for line in done.stdout.splitlines() if line and not line.startswith(("/", "Lint"))}
    assert verdicts == {"pass", "skip"}, done.stdout
    assert {"/plans/conformance", "/plans/suites"} <= {*done.stdout.splitlines()}


def test_tmt_runs_the_suites_here(tmp_path: Path) -> None:
    if shutil.which("rsync") is None:
        pytest.skip("tmt copies a project by rsync, which is not here: apt-get install rsync")
    run = tmp_path / "run"
    # Its prepare step would install a package of its own on this machine, by the network.
    steps = ["--feeling-safe", "run", "--id", str(run), "--keep"]
    selection = "-n 0 --clause connect.EISCONN.unix.* --entry syscall"
    settings = ["--environment", f"KCONFORM_PYTHON={sys.executable}", "--environment"]
    first = call_tmt(
        tmp_path,
        *steps,
        "--all",
        "--skip",
        "prepare",
        *settings,
        f"KCONFORM_ARGS='{selection}'",
        "provision",
        "-hlocal",
    )
    assert first.returncode == 0, first.stdout + first.stderr
    plan = run / "plans/conformance/execute"
    made = only_result(plan)
    assert (made["name"], made["result"]) == ("/plans/suites", "pass")
    documents = {each["name"]: each["result"] for each in made["subresult"]}
    assert (documents["/POSIX.1-2017"], documents["/unix.7"], documents["/tcp.7"]) == ("pass", "info", "skip")
    assert [Path(log).name for log in made["log"]] == ["index.html", "results.jsonl", "junit.xml"]
    rows = read_results(plan / made["log"][1]).rows
    assert rows
    assert all(each.clause.startswith("connect.EISCONN.unix.") for each in rows)

    # The same once more, on a kernel that has a bug.
    lie = [*settings, f"KCONFORM_ARGS='{selection} -p tests.plugins.lying_entry' KCONFORM_TEST_LIE=success_for_failure"]
    second = call_tmt(tmp_path, *steps, *lie, "execute", "--again", "report")
    assert second.returncode == 1, second.stdout + second.stderr
    made = only_result(plan)
    assert made["result"] == "fail"
    assert any("allowed EISCONN, observed 0" in note for each in made["subresult"] for note in each["note"])


def only_result(plan: Path) -> dict[str, Any]:
    """What tmt took for the result of the plan's one test."""
    (made,) = load((plan / "results.yaml").read_text(encoding="utf-8"))
    assert isinstance(made, dict)
    return made

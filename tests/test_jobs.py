"""The jobs of others' machines: linters read them, and their gate is shut where a row got worse or nobody can tell."""

import importlib.util
import io
import json
import os
import subprocess
import sys
import zipfile
from email.message import Message
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request

import pytest
from ruamel.yaml import YAML

from tests.conftest import ROOT
from tests.tools.samples import row, sample

GITHUB = ".github/workflows/conformance.yml"
GITLAB = ".gitlab-ci.yml"
BIN = Path(sys.executable).parent


def load(path: str) -> Any:
    """A job file as a reader of YAML has it."""
    return YAML(typ="safe", pure=True).load((ROOT / path).read_text(encoding="utf-8"))


def run(*command: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the project."""
    return subprocess.run(
        [str(each) for each in command],
        cwd=ROOT,
        env=os.environ | environment,
        text=True,
        capture_output=True,
        check=False,
        timeout=120,
    )


# Linters


def test_the_workflow_of_github_keeps_its_schema() -> None:
    done = run(BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", GITHUB)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_linter_finds_nothing_in_the_workflow_and_can_find_something(tmp_path: Path) -> None:
    linter = [BIN / "zizmor", "--offline", "--no-progress", "--collect=workflows"]
    done = run(*linter, GITHUB)
    assert done.returncode == 0, done.stdout + done.stderr
    # The same with a pin that is none, a right too many and a stranger's words in a shell.
    for good, bad in (
        ("actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683", "someone/checkout@main"),
        ("permissions:\n      contents: read\n    strategy", "permissions: write-all\n    strategy"),
        ("run: make test", "run: make test ${{ github.head_ref }}"),
    ):
        broken = tmp_path / ".github" / "workflows" / "broken.yml"
        broken.parent.mkdir(parents=True, exist_ok=True)
        text = (ROOT / GITHUB).read_text(encoding="utf-8")
        assert good in text
        broken.write_text(text.replace(good, bad), encoding="utf-8")
        assert run(*linter, broken).returncode > 10, bad


def test_the_pipeline_of_gitlab_keeps_its_schema() -> None:
    command = [BIN / "check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"]
    done = run(*command, GITLAB)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_twins_run_the_same() -> None:
    github, gitlab = load(GITHUB)["jobs"], load(GITLAB)
    assert {*github} == {"live", "matrix", "test"} <= {*gitlab}
    assert github["matrix"]["env"]["KERNELS"] == gitlab["matrix"]["variables"]["KERNELS"]
    for name in ("live", "matrix", "test"):
        here = "\n".join(step.get("run", "") for step in github[name]["steps"])
        there = "\n".join(gitlab[name]["script"])
        for words in (
            "make conformance",
            "make kernels",
            "make matrix",
            "make test",
            ".ci/accepted.py fetch",
            ".ci/gate",
        ):
            assert (words in here) == (words in there), (name, words)
        # Each make target and each file that a job names is there.
        lines = [line.split() for line in f"{here}\n{there}".splitlines()]
        targets = {line[1] for line in lines if line[:1] == ["make"]}
        assert targets
        assert run("make", "--dry-run", *sorted(targets)).returncode == 0
        assert all((ROOT / word).exists() for line in lines for word in line if word.startswith(".ci/"))


def test_the_job_of_lava_makes_a_test_case_of_each_clause(tmp_path: Path) -> None:
    job = load("docs/lava-job.yaml")
    assert [action for each in job["actions"] for action in each] == ["deploy", "boot", "test"]
    (definition,) = job["actions"][2]["test"]["definitions"]
    (step,) = (each for each in definition["repository"]["run"]["steps"] if "reports ktap" in each)
    sample(tmp_path / "out")
    told = tmp_path / "lava-test-case"
    told.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/told\n', encoding="utf-8")
    told.chmod(0o755)
    script = step.replace(".venv/bin/python", sys.executable).replace("ktap out", f"ktap {tmp_path}/out")
    assert run("sh", "-ec", script, PATH=f"{tmp_path}:{os.environ['PATH']}").returncode == 0
    results = ("pass", "fail", "skip", "fail", "pass", "fail", "skip")
    assert (tmp_path / "told").read_text(encoding="utf-8").splitlines() == [
        f"demo.{name} --result {result}" for name, result in zip("abcdefg", results, strict=True)
    ]


# The gate

GOOD = [row("a", "conforms"), row("c", "conforms")]
BAD = [row("a", "deviates", unexpected=True), row("c", "conforms")]


def gate(accepted: Path, results: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Ask the gate."""
    return run(ROOT / ".ci/gate", accepted, results, PYTHON=sys.executable, **environment)


def test_the_gate_is_shut_where_a_row_got_worse(tmp_path: Path) -> None:
    sample(tmp_path / "accepted", GOOD)
    sample(tmp_path / "same", GOOD)
    sample(tmp_path / "worse", BAD)
    assert gate(tmp_path / "accepted", tmp_path / "same").returncode == 0
    done = gate(tmp_path / "accepted", tmp_path / "worse")
    assert done.returncode == 1
    assert "demo.a/inet-stream-blocking-syscall" in done.stdout
    allowed = tmp_path / "allowed.toml"
    allowed.write_text('[[allow]]\nrows = "demo.a/*"\nreason = "We know."\n', encoding="utf-8")
    assert gate(tmp_path / "accepted", tmp_path / "worse", ALLOWED=str(allowed)).returncode == 0


def test_the_gate_looks_at_each_kernel(tmp_path: Path) -> None:
    for folder, rows in (("accepted/live", GOOD), ("accepted/my uml", GOOD), ("new/live", GOOD), ("new/my uml", BAD)):
        (tmp_path / folder).parent.mkdir(exist_ok=True)
        sample(tmp_path / folder, rows)
    (tmp_path / "accepted" / "matrix").mkdir()
    sample(tmp_path / "accepted" / "matrix", GOOD)
    assert gate(tmp_path / "accepted", tmp_path / "new").returncode == 1
    sample(tmp_path / "new" / "my uml", GOOD)
    assert gate(tmp_path / "accepted", tmp_path / "new").returncode == 0
    (tmp_path / "new" / "live" / "results.jsonl").unlink()
    done = gate(tmp_path / "accepted", tmp_path / "new")
    assert (done.returncode, done.stdout.splitlines()[0]) == (
        1,
        f"./live/results.jsonl was accepted, and is not in {tmp_path}/new",
    )


def test_the_gate_says_where_it_has_nothing_to_compare_with(tmp_path: Path) -> None:
    sample(tmp_path / "new", BAD)
    done = gate(tmp_path / "accepted", tmp_path / "new")
    assert done.returncode == 0
    assert "nothing was accepted yet" in done.stdout


# What was accepted last


class Service:
    """A service that answers by address, and keeps what it is given."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[Request] = []

    def __call__(self, request: Request, timeout: float) -> io.BytesIO:
        """Answer as ``urlopen`` would."""
        self.asked.append(request)
        assert timeout > 0
        if request.method == "PUT":
            self.answers[request.full_url] = request.data
            return io.BytesIO(b"{}")
        answer = self.answers.get(request.full_url, 404)
        if isinstance(answer, int):
            raise HTTPError(request.full_url, answer, "no", Message(), None)
        if isinstance(answer, Exception):
            raise answer
        return io.BytesIO(answer if isinstance(answer, bytes) else json.dumps(answer).encode())


@pytest.fixture
def accepted() -> ModuleType:
    """The script that fetches and keeps."""
    spec = importlib.util.spec_from_file_location("accepted", ROOT / ".ci" / "accepted.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


HUB = "https://hub/repos/us/kconform"
PACKAGE = "https://lab/projects/7/packages/generic/accepted/live/results.zip"


def artifact(run: int, *, expired: bool = False, branch: str = "main", repository: int = 1) -> dict[str, Any]:
    """What GitHub says of an artifact."""
    where = {"id": run, "head_branch": branch, "head_repository_id": repository, "repository_id": 1}
    return {"expired": expired, "workflow_run": where, "archive_download_url": f"{HUB}/zip/{run}"}


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch, accepted: ModuleType) -> Service:
    """GitHub, with runs 9 to 1: only 3 and 2 are of our main branch, passed, and have an artifact still."""
    monkeypatch.delenv("GITLAB_CI", raising=False)
    for name, value in (("GH_TOKEN", "t"), ("GITHUB_API_URL", "https://hub"), ("GITHUB_REPOSITORY", "us/kconform")):
        monkeypatch.setenv(name, value)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("results.jsonl", "three")
    service = Service()
    service.answers = {
        HUB: {"default_branch": "main"},
        f"{HUB}/actions/artifacts?name=live&per_page=100": {
            "artifacts": [
                artifact(9, branch="topic"),
                artifact(8, repository=2),
                artifact(7, expired=True),
                artifact(6),
                artifact(3),
                artifact(2),
            ]
        },
        f"{HUB}/actions/runs/6": {"conclusion": "failure"},
        f"{HUB}/actions/runs/3": {"conclusion": "success"},
        f"{HUB}/zip/3": packed.getvalue(),
    }
    monkeypatch.setattr(accepted, "urlopen", service)
    return service


def test_github_gives_the_last_run_of_the_default_branch_that_passed(
    accepted: ModuleType, github: Service, tmp_path: Path
) -> None:
    assert accepted.main("fetch", "live", str(tmp_path / "out")) == "accepted last: run 3 of main"
    assert (tmp_path / "out" / "results.jsonl").read_text(encoding="utf-8") == "three"
    # The token goes to the service, and to nobody to whom it sends us on.
    assert all(each.unredirected_hdrs == {"Authorization": "Bearer t"} and not each.headers for each in github.asked)


def test_github_has_nothing_yet(accepted: ModuleType, github: Service, tmp_path: Path) -> None:
    github.answers[f"{HUB}/actions/artifacts?name=live&per_page=100"] = {"artifacts": [artifact(6)]}
    assert "no run of main" in accepted.main("fetch", "live", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("what", [500, 404, URLError("no route"), b"no zip"])
def test_where_github_does_not_say_the_gate_stays_shut(
    accepted: ModuleType, github: Service, tmp_path: Path, what: Any
) -> None:
    github.answers[f"{HUB}/zip/3"] = what
    with pytest.raises(accepted.Unknown):
        accepted.main("fetch", "live", str(tmp_path / "out"))


def test_gitlab_keeps_and_gives_back(accepted: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    service = Service()
    monkeypatch.setattr(accepted, "urlopen", service)
    for name, value in (("GITLAB_CI", "true"), ("CI_JOB_TOKEN", "t"), ("CI_PROJECT_ID", "7")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CI_API_V4_URL", "https://lab")
    assert accepted.main("fetch", "live", str(tmp_path / "none")) == "nothing was kept yet as live"
    assert not (tmp_path / "none").exists()
    (tmp_path / "new" / "uml").mkdir(parents=True)
    sample(tmp_path / "new" / "uml", GOOD)
    accepted.main("keep", "live", str(tmp_path / "new"))
    assert accepted.main("fetch", "live", str(tmp_path / "back")) == "accepted last: what was kept as live"
    assert gate(tmp_path / "back", tmp_path / "new").returncode == 0
    assert (tmp_path / "back" / "uml" / "results.jsonl").exists()
    service.answers[PACKAGE] = 403
    with pytest.raises(accepted.Unknown):
        accepted.main("fetch", "live", str(tmp_path / "back"))

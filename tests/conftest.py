"""What the harness's own tests ask for: projects with a small suite of their own, run by a pytest of their own."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from results.reader import Results, read_results
from results.records import Document
from tests.tools.samples import EVIL, HOSTILE, RECORDS, RUN, sample, written

ROOT = Path(__file__).parent.parent

SUITE = 'name = "demo"\ntitle = "demo"\ncalls = ["connect"]\n'
DOCUMENT = '[document]\nid = "demo.2"\ntitle = "A page about nothing"\n'
CLAUSE = """
[[clause]]
id = "demo.{name}"
title = "{name}"
statement = "It is so."
expected = "so"
sources = ["demo.2 [DESCRIPTION]"]
"""
HEAD = """
import os, signal, threading
from errno import *
import pytest
from fixtures import *
"""


@dataclass
class Ran:
    """A pytest run of a project: its exit status, what it printed, and its records."""

    status: int
    output: str
    records: list[dict[str, Any]]

    @property
    def rows(self) -> dict[str, dict[str, Any]]:
        """The rows by id."""
        return {record["id"]: record for record in self.records if record["record"] == "row"}

    @property
    def row(self) -> dict[str, Any]:
        """The only row."""
        (row,) = self.rows.values()
        return row

    @property
    def end(self) -> dict[str, Any]:
        """The end record."""
        return self.records[-1]


@dataclass
class Project:
    """A folder with one small suite, ``suites/demo``."""

    pytester: pytest.Pytester
    environment: pytest.MonkeyPatch

    @property
    def folder(self) -> Path:
        """The suite's folder."""
        return self.pytester.path / "suites" / "demo"

    def write(self, name: str, text: str) -> None:
        """Write a file of the suite."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def suite(self, *calls: str) -> None:
        """Make the suite one of other calls than connect()."""
        listed = ", ".join(f'"{call}"' for call in calls)
        self.write("suite.toml", f'name = "demo"\ntitle = "demo"\ncalls = [{listed}]\n')

    def clauses(self, *names: str) -> None:
        """Make a catalogue of these clauses."""
        self.write("suite.toml", SUITE)
        self.write("documents/demo.toml", DOCUMENT)
        self.write("clauses/demo.toml", "".join(CLAUSE.format(name=name) for name in names))

    def test(self, body: str, *, name: str = "a", variants: str = 'families=["inet"]', extra: str = "") -> None:
        """Make a test of the clause ``demo.NAME`` with this body; it asks for sock, server, servers and case."""
        lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
        marks = f'@clause("demo.{name}")\n@variants({variants})\n{extra}'
        arguments = "sock, server, servers, calls, folder"
        self.write(f"test_{name}.py", f"{HEAD}\n{marks}\ndef test_{name}({arguments}):\n{lines}\n")

    def run(self, *arguments: str, lie: str = "", plugins: tuple[str, ...] = ()) -> Ran:
        """Run pytest on the project in a process of its own, with results in the folder ``out``."""
        out = self.pytester.path / "out"
        self.environment.setenv("PYTHONPATH", f"{ROOT}:{self.pytester.path}")
        self.environment.setenv("KCONFORM_TEST_LIE", lie)
        named = [part for plugin in ("conftest", "tests.plugins.lying_entry", *plugins) for part in ("-p", plugin)]
        given = ["--import-mode=importlib", "-W", "error", f"--results={out}", *arguments]
        done = self.pytester.runpytest_subprocess(*named, *given)
        return Ran(int(done.ret), done.stdout.str() + done.stderr.str(), read_records(out / "results.jsonl"))


def read_records(path: Path) -> list[dict[str, Any]]:
    """The records of a results file; none where there is no file."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(autouse=True)
def outside_of_github(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep runs of tests from speaking to the CI in which the tests themselves may run."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with one clause, ``demo.a``, and no test yet."""
    made = Project(pytester, monkeypatch)
    made.clauses("a")
    return made


@pytest.fixture
def run_connect(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Runs rows of the real suite for connect(2), through an entry point that lies where a lie is named."""

    def run(*arguments: str, lie: str = "") -> Ran:
        out = pytester.path / "out"
        monkeypatch.chdir(ROOT)
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        monkeypatch.setenv("KCONFORM_TEST_LIE", lie)
        done = pytester.run(
            sys.executable, "-m", "pytest", "-p", "tests.plugins.lying_entry", "suites", f"--results={out}", *arguments
        )
        return Ran(int(done.ret), done.stdout.str() + done.stderr.str(), read_records(out / "results.jsonl"))

    return run


@pytest.fixture
def good(tmp_path: Path) -> Results:
    """A run with a row of each kind."""
    return sample(tmp_path / "good")


@pytest.fixture
def evil(tmp_path: Path) -> Results:
    """A run whose every text is hostile."""
    kernel = replace(RUN.kernel, name=HOSTILE, release=HOSTILE, machine=HOSTILE, version=HOSTILE)
    documents = [Document("demo.2", HOSTILE, ())]
    suites = [replace(RUN.suites[0], name=HOSTILE, title=HOSTILE, documents=documents)]
    system = replace(RUN.system, distribution=HOSTILE)
    return sample(tmp_path / "evil", EVIL, kernel=kernel, suites=suites, system=system, started=HOSTILE)


@pytest.fixture
def cut(tmp_path: Path) -> Results:
    """A run that was cut off after two rows."""
    path = written(tmp_path / "cut", RECORDS[:3])
    path.write_text(path.read_text(encoding="utf-8") + '{"record":"row","id', encoding="utf-8")
    return read_results(path)

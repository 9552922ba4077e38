"""The one file: made of what is installed here, it runs from a folder that can't be written, and leaves nothing."""

import ast
import os
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest

from bundle import start
from results.reader import read_results
from tests.conftest import ROOT

SELECTION = ("-n", "1", "--entry", "syscall", "--clause", "connect.EISCONN.unix.*")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheels of the packages that are locked for running, made anew of what is installed here."""
    folder = tmp_path_factory.mktemp("wheels")
    for line in (ROOT / "requirements" / "run.txt").read_text(encoding="utf-8").splitlines():
        if not line[:1].isalpha():
            continue
        package = distribution(line.partition("==")[0])
        tags = [each[5:] for each in (package.read_text("WHEEL") or "").splitlines() if each.startswith("Tag: ")]
        name = package.metadata["Name"].replace("-", "_")
        with zipfile.ZipFile(folder / f"{name}-{package.version}-{tags[0]}.whl", "w") as file:
            for each in package.files or ():
                if ".." not in each.parts and "__pycache__" not in each.parts:
                    file.write(str(each.locate()), str(each))
    return folder


@pytest.fixture(scope="module")
def bundle(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A bundle, in a folder that can't be written."""
    path = tmp_path_factory.mktemp("media") / "kconform.pyz"
    made = call(sys.executable, "-m", "bundle", "-o", path, "--wheels", wheels, folder=ROOT)
    assert made.returncode == 0, made.stderr
    path.parent.chmod(0o555)
    yield path
    path.parent.chmod(0o755)


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a machine that has nothing: no program on PATH, no home, and a temporary folder."""
    # A short one: sockets of rows lie in it, and their addresses are short.
    with tempfile.TemporaryDirectory(prefix="kc-") as place:
        yield {"PATH": str(tmp_path), "HOME": "/nonexistent", "TMPDIR": place, "LC_ALL": "C"}


def call(*command: object, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with these variables and no others where there are some."""
    asked = [str(each) for each in command]
    return subprocess.run(
        asked, cwd=folder, env=environment or None, check=False, capture_output=True, text=True, timeout=300
    )


def test_it_finds_what_the_checkout_finds(bundle: Path, bare: dict[str, str], tmp_path: Path) -> None:
    assert os.access(bundle, os.X_OK)
    done = call(sys.executable, bundle, *SELECTION, folder=tmp_path, **bare)
    assert done.returncode == 0, done.stdout + done.stderr
    found = read_results(tmp_path / "kconform-results")
    suites = (sys.executable, "-m", "pytest", "suites", *SELECTION, f"--results={tmp_path}/checkout")
    assert call(*suites, folder=ROOT).returncode == 0
    checkout = read_results(tmp_path / "checkout")
    assert {row.id: row.verdict for row in found.rows} == {row.id: row.verdict for row in checkout.rows}
    assert found.rows
    assert found.run.kconform == checkout.run.kconform
    assert sorted(os.listdir(tmp_path)) == ["checkout", "kconform-results"]
    assert os.listdir(bare["TMPDIR"]) == []
    # It makes something of results, too, which are named from where one stands.
    compared = call(
        sys.executable, bundle, "reports", "compare", "checkout", "kconform-results", folder=tmp_path, **bare
    )
    assert compared.returncode == 0, compared.stderr
    assert "0 got worse, 0 changed" in compared.stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_takes_its_folder_away_when_it_is_ended(
    bundle: Path, bare: dict[str, str], tmp_path: Path, number: signal.Signals
) -> None:
    # Rows that wait for seconds.
    command = [sys.executable, str(bundle), "-n", "0", "--clause", "connect.ETIMEDOUT*", "--results", "out"]
    with subprocess.Popen(command, cwd=tmp_path, env=bare, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as running:
        until = time.monotonic() + 120
        while not (tmp_path / "out" / "results.jsonl").exists() and time.monotonic() < until:
            time.sleep(0.05)
        assert any(name.startswith("kconform-one-file-") for name in os.listdir(bare["TMPDIR"]))
        running.send_signal(number)
        running.communicate(timeout=120)
    assert running.returncode not in (0, 1)
    assert (tmp_path / "out" / "results.jsonl").exists()
    assert not any(name.startswith("kconform-one-file-") for name in os.listdir(bare["TMPDIR"]))


def test_what_it_can_not_do_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    ast.parse((ROOT / "bundle" / "start.py").read_text(encoding="utf-8"), feature_version=(3, 6))
    monkeypatch.setattr(sys, "version_info", (3, 10, 1))
    assert "kconform needs Python 3.11 or newer, and this is 3.10" in str(start.main())
    monkeypatch.undo()
    with pytest.raises(start.CannotStart, match="carries no msgspec for cp3"):
        start.best(["wheels/msgspec-1.0-cp39-cp39-win32.whl"])


def test_the_wheel_that_fits_best_is_taken() -> None:
    here = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    names = [f"wheels/psutil-7.2.2-{tags}.whl" for tags in ("cp36-abi3-win32", f"{here}-none-any", "py3-none-any")]
    assert start.best(names) == [names[1]]


def test_no_bundle_is_made_without_wheels_or_of_one_with_modules_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    command = (sys.executable, "-m", "bundle", "-o", tmp_path / "x.pyz", "--wheels", tmp_path / "wheels")
    assert "there are no wheels" in call(*command, folder=ROOT).stderr
    with zipfile.ZipFile(tmp_path / "wheels" / "odd-1-py3-none-any.whl", "w") as file:
        file.writestr("odd-1.data/purelib/odd.py", "")
    assert "has modules where" in call(*command, folder=ROOT).stderr
    assert not (tmp_path / "x.pyz").exists()

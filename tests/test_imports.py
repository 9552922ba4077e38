"""Who imports what: the code, the contracts of the linter, the table and the picture of docs/architecture.md agree."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.tools import architecture
from tests.tools.marked_part import split

LINT = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache", "--no-logo"]
TABLE_OF_CALLS = "fixtures.syscalls.table"
RULES = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
CONTRACTS = {contract["name"]: contract for contract in RULES["contracts"]}


def targets(contract: dict[str, Any]) -> set[str]:
    """The packages and libraries whose imports a contract restricts."""
    return {*contract.get("protected_modules", []), *contract.get("forbidden_modules", [])}


def places() -> dict[str, set[str]]:
    """The table of docs/architecture.md: for each package, sub-package or module what it may import."""
    everything = {target for contract in CONTRACTS.values() for target in targets(contract)}
    found = {}
    rows = re.findall(r"^\| `([\w/.]+)` \| .* \| (.*) \|$", architecture.PAGE.read_text("utf-8"), re.MULTILINE)
    for place, allowed in rows:
        if place.split("/")[0] in RULES["root_packages"]:
            module = place.removesuffix("/").removesuffix(".py").replace("/", ".")
            found[module] = everything if allowed == "everything" else set(re.findall(r"`([\w.]+)`", allowed))
    return found


def forbidden(contract: dict[str, Any]) -> set[tuple[str, str]]:
    """The imports that the table does not allow, of those that a contract is about: from a place, of a target."""
    every = targets(contract) | ({TABLE_OF_CALLS} if "fixtures" in targets(contract) else set())
    return {
        (place, target)
        for place, allowed in places().items()
        for target in every
        if target.split(".")[0] != place.split(".")[0] and not {target, target.split(".")[0]} & allowed
    }


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[tuple[str, str]]]:
    """What the linter reports, by contract, of packages in which each place of the table imports each target."""
    folder = tmp_path_factory.mktemp("packages")
    every = {target for contract in CONTRACTS.values() for target in targets(contract)} | {TABLE_OF_CALLS}
    for module in [*RULES["root_packages"], *places(), "fixtures.syscalls"]:
        package = folder / module.replace(".", "/")
        package.mkdir(parents=True, exist_ok=True)
        for each in (package, *package.relative_to(folder).parents):
            (folder / each / "__init__.py").touch()
    (folder / "fixtures/syscalls/table.py").touch()
    for place in places():
        for target in every:
            module = folder / place.replace(".", "/") / f"imports_{target.replace('.', '_')}.py"
            module.write_text(f"def late():\n    import {target}\n", encoding="utf-8")
    # The exceptions are about modules that these packages have not.
    rules = re.sub("unmatched_ignore_imports_alerting.*", "", (ROOT / "pyproject.toml").read_text("utf-8"))
    head = "[[tool.importlinter.contracts]]\n"
    rules = rules.replace(head, f'{head}unmatched_ignore_imports_alerting = "none"\n')
    (folder / "pyproject.toml").write_text(rules, encoding="utf-8")
    wide = os.environ | {"COLUMNS": "200"}  # Or names of contracts are wrapped.
    done = subprocess.run(LINT, cwd=folder, env=wide, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    sections = re.split(r"^(.+)\n-+\n", done.stdout, flags=re.MULTILINE)
    imports = r"^-\s+([\w.]+)\.imports_\w+ -> ([\w.]+) \(l\.2\)$"
    return {
        name: set(re.findall(imports, text, re.MULTILINE))
        for name, text in zip(sections[1::2], sections[2::2], strict=True)
    }


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_contract_forbids_what_the_table_does_not_allow(name: str, reported: dict[str, set[tuple[str, str]]]) -> None:
    assert forbidden(CONTRACTS[name])
    assert reported.get(name) == forbidden(CONTRACTS[name])


def test_the_code_keeps_the_contracts() -> None:
    done = subprocess.run(LINT, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_each_package_and_library_has_a_contract_and_a_place() -> None:
    packages = architecture.packages(ROOT)
    assert sorted(RULES["root_packages"]) == packages
    assert {place.split(".")[0] for place in places()} == {*packages}
    used = architecture.libraries([name for name in packages if name != "tests"])
    outside = {library for libraries in used.values() for library in libraries} - {"_pytest"}  # Ruff's rule TID251.
    covered = {target for contract in CONTRACTS.values() for target in targets(contract)}
    assert {*packages, *outside} <= covered


def test_the_picture_shows_the_imports_of_the_code() -> None:
    _, lines, _ = split(architecture.PAGE, architecture.COMMAND, architecture.PART)
    drawn = architecture.drawn([name for name in architecture.packages(ROOT) if name != "tests"])
    assert lines == drawn, "make architecture draws the picture anew"

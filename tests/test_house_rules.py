"""The house rules of the suites: a test has ten lines at most, and is written in the vocabulary alone."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

LONGEST = 10  # Lines of a test, from the first statement behind its docstring to its last.
VOCABULARY = {"fixtures", "fixtures.contexts", "fixtures.probes", "netns", "pytest"}


def files_of_suites(root: Path) -> list[Path]:
    return sorted((root / "suites").rglob("*.py"))


def lines_of(function: ast.FunctionDef) -> int:
    first = 1 if ast.get_docstring(function, clean=False) is not None else 0
    body = function.body[first:]
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def long_tests(root: Path) -> list[str]:
    """The tests that are too long: file, function and number of lines."""
    return [
        f"{path.relative_to(root)}::{node.name} has {lines_of(node)} lines"
        for path in files_of_suites(root)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and lines_of(node) > LONGEST
    ]


def modules_imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def in_vocabulary(module: str) -> bool:
    top = module.partition(".")[0]
    return module in VOCABULARY or top == "suites" or top in sys.stdlib_module_names


def imports_outside(root: Path) -> set[tuple[str, str]]:
    """The imports of the suites from outside the vocabulary: file and module."""
    return {
        (str(path.relative_to(root)), module)
        for path in files_of_suites(root)
        for module in modules_imported(ast.parse(path.read_text(encoding="utf-8")))
        if not in_vocabulary(module)
    }


def test_every_test_has_ten_lines_at_most() -> None:
    assert len(files_of_suites(ROOT)) > 50
    assert long_tests(ROOT) == []


def test_suites_are_written_in_the_vocabulary() -> None:
    assert imports_outside(ROOT) == set()


def write_suite(root: Path, text: str) -> None:
    (root / "suites" / "demo").mkdir(parents=True)
    (root / "suites" / "demo" / "test_a.py").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ('    """Words\n    in two lines."""\n' + "    x = 1\n" * 10, 0),
        ('    """Words."""\n' + "    x = 1\n" * 11, 11),
        ("    x = 1\n" * 9 + "    y = (\n        1\n    )\n", 12),
        ("    x = 1\n\n    # Words.\n" * 4, 10),
        ("    x = 1\n\n    # Words.\n" * 4 + "    y = 1\n", 13),
        ('    """Words alone."""\n', 0),
    ],
)
def test_a_long_test_is_named(tmp_path: Path, body: str, lines: int) -> None:
    write_suite(tmp_path, f"def test_x():\n{body}")
    expected = [f"suites/demo/test_a.py::test_x has {lines} lines"] if lines > LONGEST else []
    assert long_tests(tmp_path) == expected


@pytest.mark.parametrize(
    ("line", "module"),
    [
        ("from fixtures.sockets.socket import Socket", "fixtures.sockets.socket"),
        ("import netns.topology", "netns.topology"),
        ("from wiring import row_state", "wiring"),
        ("import msgspec as m", "msgspec"),
        ("from . import names", "."),
        ("def f():\n    import reports", "reports"),
        ("import socket, os.path", None),
        ("from fixtures import Socket\nfrom fixtures.probes import x\nfrom fixtures.contexts import y", None),
        ("import pytest\nfrom netns import Topology\nfrom suites.connect.names import null", None),
    ],
)
def test_an_import_from_elsewhere_is_named(tmp_path: Path, line: str, module: str | None) -> None:
    write_suite(tmp_path, line)
    assert imports_outside(tmp_path) == ({("suites/demo/test_a.py", module)} if module else set())

"""``python -m bundle``: makes one executable file of the project and the wheels of what it needs, for many machines.

The packages are those of ``requirements/run.txt``, by their hashes, as the package index has them for each Python,
machine and C library named here. ``bundle/start.py`` is what the file begins with, and chooses among them.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import zipapp
import zipfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

from results.version import commit

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
"""The versions of CPython for which wheels are carried."""

MACHINES = ("x86_64", "aarch64")
# Kinds of C library, and the names under which the index has wheels for old and newer versions of it.
_LIBRARIES = (("manylinux2014", "manylinux_2_17", "manylinux_2_28"), ("musllinux_1_1", "musllinux_1_2"))
_CARRIED = (
    "conftest.py",
    "pyproject.toml",
    "LICENSE",
    "fixtures",
    "netns",
    "programs",
    "reports",
    "results",
    "suites",
    "wiring",
)
_LEFT = shutil.ignore_patterns("__pycache__", "out", ".*")
_AT_ONCE = 4  # Downloads, most of the time of which is waiting.


class BundleError(Exception):
    """The bundle can't be made; the message says why."""


def main() -> int:
    """Carry out the command, and give the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bundle", description="Make kconform one executable file.")
    words = "where it goes (default: dist/kconform.pyz)"
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "dist" / "kconform.pyz", metavar="FILE", help=words)
    words = "take the wheels of this folder; none is downloaded"
    parser.add_argument("--wheels", type=Path, metavar="DIR", help=words)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kconform-bundle-") as place:
        try:
            wheels = chosen.wheels or download(Path(place) / "wheels")
            make(chosen.output, wheels, Path(place) / "contents")
        except (BundleError, OSError) as error:
            print(f"the bundle can't be made: {error}", file=sys.stderr)
            return 1
    print(f"{chosen.output}: {chosen.output.stat().st_size / 1e6:.1f} MB")
    return 0


def download(folder: Path) -> Path:
    """Get the wheels of the locked packages for every machine into a folder, and give that.

    Raises:
        BundleError: when the index has none for one of them, or can't be reached.
    """
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        list(threads.map(lambda each: _download(folder, *each), product(PYTHONS, MACHINES, _LIBRARIES)))
    return folder


def _download(folder: Path, python: str, machine: str, libraries: Iterable[str]) -> None:
    platforms = [f"--platform={library}_{machine}" for library in libraries]
    given = ["--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes", "--only-binary=:all:"]
    pip = [sys.executable, "-m", "pip", "download", *given, f"--python-version={python}", *platforms]
    lock = ROOT / "requirements" / "run.txt"
    done = subprocess.run([*pip, "--dest", folder, "--requirement", lock], text=True, capture_output=True, check=False)
    if done.returncode:
        raise BundleError(f"the wheels for Python {python} on {machine} are not to be had: {done.stderr.strip()}")


def make(output: Path, wheels: Path, contents: Path) -> None:
    """Make the file of the project and of wheels.

    Args:
        output: the file; it is whole or not there.
        wheels: the folder of wheels.
        contents: a folder that is not there yet, for what goes into the file.

    Raises:
        BundleError: when there are no wheels.
    """
    found = sorted(wheels.glob("*.whl"))
    if not found:
        raise BundleError(f"{wheels}: there are no wheels")
    project = contents / "project"
    project.mkdir(parents=True)
    for name in _CARRIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, project / name, ignore=_LEFT)
        else:
            shutil.copy(ROOT / name, project / name)
    (project / "COMMIT").write_text(commit(ROOT), encoding="ascii")
    shutil.copy(ROOT / "bundle" / "start.py", contents / "__main__.py")
    (contents / "wheels").mkdir()
    for wheel in found:
        with zipfile.ZipFile(wheel) as file:
            if any(".data/purelib/" in name or ".data/platlib/" in name for name in file.namelist()):
                raise BundleError(f"{wheel.name}: has modules where bundle/start.py does not look for them")
        shutil.copy(wheel, contents / "wheels")
    output.parent.mkdir(parents=True, exist_ok=True)
    partly = output.with_suffix(".partly")
    zipapp.create_archive(contents, partly, interpreter="/usr/bin/env python3", compressed=True)
    partly.chmod(0o755)
    partly.replace(output)


if __name__ == "__main__":
    sys.exit(main())

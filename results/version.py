"""Which kconform this is: its version, and the git commit of the folder that it runs from."""

import os
import subprocess
from pathlib import Path

from results.records import Version

VERSION = "0.1.0"
"""The version; a test holds that of pyproject.toml to it."""


def version_record(root: Path) -> Version:
    """The version and the commit, as the record of a run keeps them."""
    return Version(version=VERSION, commit=commit(root) or None)


def commit(root: Path) -> str:
    """The git commit of a checkout, with ``-dirty`` behind it where files differ from it; empty where git can't tell.

    Who starts a run where git would take long, or isn't, says it by ``KCONFORM_COMMIT`` in the environment.
    """
    if os.environ.get("KCONFORM_COMMIT"):
        return os.environ["KCONFORM_COMMIT"]
    try:
        found = _git(root, "describe", "--always", "--abbrev=12")
        return f"{found}-dirty" if _git(root, "status", "--porcelain", "--untracked-files=no") else found
    except (OSError, subprocess.SubprocessError):
        return ""


def _git(root: Path, *words: str) -> str:
    # Without its first option git would write what it found out about the files into its index; "describe --dirty"
    # does so in any case.
    asked = ["git", "--no-optional-locks", "-C", str(root), "-c", f"safe.directory={root}", *words]
    told = subprocess.run(asked, capture_output=True, text=True, timeout=5, check=True)  # noqa: S603  Fixed words.
    return told.stdout.strip()

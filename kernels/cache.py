"""What is made once and kept for later runs: kernels that were fetched, images that were built, what was found out."""

import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_folder() -> Path:
    """The folder for it, which is made where it is not there: ``kconform`` in the user's cache (XDG_CACHE_HOME)."""
    place = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kconform"
    place.mkdir(parents=True, exist_ok=True)
    return place


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Be the only process that makes something of this name."""
    with (cache_folder() / f"{name}.lock").open("w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def fingerprint(parts: Iterable[str]) -> str:
    """A short name for these parts, another for any others."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part.encode("utf-8", "surrogateescape") + b"\0")
    return found.hexdigest()[:16]

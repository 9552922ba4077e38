"""What is made once and kept for later runs: kernels that were fetched, images that were built, what was found out."""

import contextlib
import fcntl
import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from results.printable import one_line


def cache_folder() -> Path:
    """The folder for it, which is made where it is not there: ``kconform`` in the user's cache (XDG_CACHE_HOME)."""
    place = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kconform"
    place.mkdir(parents=True, exist_ok=True)
    return place


UP = b"kconform: the kernel is up"
"""What the first process of a guest prints where the kernel was only tried (kernels/guest)."""


def why_not_up(name: str, parts: Iterable[str], command: Sequence[str], seconds: float) -> str:
    """The last words of a kernel that does not come up; empty where it does. It is tried once, and then known.

    Args:
        name: what is tried; the name of the file in the cache begins with it.
        parts: what decides it: where one of them is another, it is tried again.
        command: what starts the kernel; its first process prints ``UP``.
        seconds: how long that may take.
    """
    known = cache_folder() / f"{name}-{fingerprint(parts)}.json"
    if not known.exists():
        start = time.monotonic()
        output = _output(command, seconds)
        why = "" if UP in output else _last_words(output)
        said = json.dumps({"up": not why, "why": why, "seconds": round(time.monotonic() - start, 3)})
        partly = known.with_name(f".{known.name}.{os.getpid()}")
        partly.write_text(said, encoding="ascii")
        partly.replace(known)
    found = json.loads(known.read_text(encoding="ascii"))
    return "" if found["up"] else str(found.get("why") or "it says nothing")


def _last_words(output: bytes) -> str:
    """The line before a kernel's panic, which has the cause; else the last line that it printed."""
    lines = [one_line(line.strip(), 200) for line in output.decode("utf-8", "replace").splitlines() if line.strip()]
    panic = next((number for number, line in enumerate(lines) if "Kernel panic" in line), len(lines))
    return lines[max(panic - 1, 0)] if lines else "it says nothing"


def _output(command: Sequence[str], seconds: float) -> bytes:
    """What a command and its children print until all have ended; they are killed once the time is over."""
    with subprocess.Popen(  # noqa: S603  The commands are those of the kernels here.
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    ) as process:
        try:
            return process.communicate(timeout=seconds)[0]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return process.communicate()[0]
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


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

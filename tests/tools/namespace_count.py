"""How many network namespaces the processes of a run hold at a time, looked up again and again while it goes on."""

import contextlib
import os
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import psutil

_OFTEN = 0.5  # Seconds between two looks.


@dataclass
class Held:
    """The most that was seen at a time: network namespaces, and processes."""

    namespaces: int = 0
    processes: int = 0


@contextlib.contextmanager
def watched(pid: int) -> Iterator[Held]:
    """Look at a process and its descendants until the block ends; gives what is filled in meanwhile."""
    held, over = Held(), threading.Event()

    def watch() -> None:
        while not over.wait(_OFTEN):
            with contextlib.suppress(psutil.NoSuchProcess):
                root = psutil.Process(pid)
                every = [root, *root.children(recursive=True)]
                found = set().union(*(namespaces(each.pid) for each in every))
                held.namespaces = max(held.namespaces, len(found))
                held.processes = max(held.processes, len(every))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield held
    finally:
        over.set()
        watcher.join()


def namespaces(pid: int) -> set[str]:
    """The network namespaces that a process, its threads or its descriptors are in, or keep alive."""
    return kept_open(pid) | _targets(f"/proc/{pid}/task/{name}/ns/net" for name in _names(f"/proc/{pid}/task"))


def kept_open(pid: int) -> set[str]:
    """The network namespaces that a process holds by descriptor."""
    return _targets(f"/proc/{pid}/fd/{name}" for name in _names(f"/proc/{pid}/fd"))


def _targets(places: Iterable[str]) -> set[str]:
    found = set()
    for place in places:
        with contextlib.suppress(OSError):  # It ended, or was closed.
            found.add(os.readlink(place))
    return {each for each in found if each.startswith("net:[")}


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []

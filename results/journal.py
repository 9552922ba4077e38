"""The journal of a run, a file beside its results: each row is named in it before it runs (``begun NODEID``).

So a kernel that dies leaves word of what it was doing. Who started that kernel adds what was found out from outside
(``kernels.crash_triage``): ``died NODEID`` for the row that it died of, ``unsettled NODEID`` for one that may have had
a part in it. A run that ends in good order leaves no journal.
"""

import contextlib
import os
from collections import defaultdict
from pathlib import Path

from results.files import JOURNAL
from results.ids import RowId

BEGUN, FOUND_DEAD, UNSETTLED = "begun", "died", "unsettled"


class Journal:
    """Writes down that a row begins.

    Args:
        folder: the folder of the results; None where there is none, and then nothing is written.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._file = -1

    def begin(self, nodeid: str) -> None:
        """Write that a row begins. The file is opened once in a process, and its children share it."""
        if self._folder is not None:
            if self._file < 0:
                flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
                self._file = os.open(self._folder / JOURNAL, flags, 0o644)
            with contextlib.suppress(OSError):  # No room is left: the controller will say so, and no row is to blame.
                os.write(self._file, f"{BEGUN} {nodeid}\n".encode())


def read_journal(folder: Path) -> dict[str, list[str]]:
    """The node ids in the journal of a folder, by what is said of them; none where there is no journal."""
    told: dict[str, list[str]] = defaultdict(list)
    try:
        lines = (folder / JOURNAL).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        lines = []
    for line in lines:
        what, _, nodeid = line.partition(" ")
        if RowId.parse(nodeid) is not None:  # The last line may have been cut off.
            told[what].append(nodeid)
    return told

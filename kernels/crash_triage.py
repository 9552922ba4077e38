"""What is done about a kernel that dies while it runs the suites: find the row that it died of, and go on behind it.

The files in the folder of the results say all that is needed: ``results.jsonl`` has the rows that have ended, and the
journal those that had begun (``results.journal``). Where one row was under way, the kernel died of it. Where several
were, they are tried again one at a time in a new kernel, until it dies again.
"""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from kernels.kernel import rewrite
from results.files import CONSOLE, JOURNAL, NOTHING, REST, RESULTS, UNDER_WAY, evidence_folder, whole_lines
from results.ids import RowId
from results.journal import BEGUN, FOUND_DEAD, UNSETTLED
from results.records import End, Row, Run

_MOST = 1 << 20  # Bytes of the console that are kept for a row.


@dataclass
class Inquest:
    """The deaths of a kernel in one run: how many, what they are put down to, and what is to be run next.

    Args:
        folder: the folder of the results.
        most: how many deaths there may be before the run is given up.
    """

    folder: Path
    most: int
    count: int = 0
    _suspects: list[str] = field(default_factory=list)
    _together: list[str] = field(default_factory=list)
    _found: list[str] = field(default_factory=list)

    def cut_off(self) -> bool:
        """Whether a run has begun and has no end."""
        kinds = [type(record) for _, record in whole_lines(self.folder / RESULTS)]
        return bool(kinds) and kinds[-1] is not End

    def next(self, how: str, *, died: bool, log_from: int) -> str:
        """Draw the conclusions from a part of the run that is over, and say how to go on; empty where all is done.

        Args:
            how: how that part was begun: empty for the first, then what this gave.
            died: whether the kernel died.
            log_from: where in the console's log that part begins.
        """
        self.count += died
        if how == NOTHING or not (died or how == UNDER_WAY):
            return ""
        if died:
            self._accuse(how, log_from)
        else:
            # Alone, none of them did it: what they came to alone says nothing of what happened.
            self._found += [f"{UNSETTLED} {nodeid}" for nodeid in self._together]
            self._suspects, self._together = [], []
        if self.count > self.most:
            self._found += [f"{UNSETTLED} {nodeid}" for nodeid in self._suspects]
            self._suspects = []
        self._reopen()
        if self.count > self.most:
            return NOTHING
        return UNDER_WAY if self._suspects else REST

    def give_up(self) -> str:
        """Have the run ended, with what it has, because its time is over."""
        self._suspects = []
        self._reopen()
        return NOTHING

    def _accuse(self, how: str, log_from: int) -> None:
        ended = {each.test for _, each in whole_lines(self.folder / RESULTS) if isinstance(each, Row)}
        whole = _journal(self.folder)[:-1]  # A row whose line was cut off had not begun.
        begun = [line.partition(" ")[2] for line in whole if line.startswith(f"{BEGUN} ")]
        if how == UNDER_WAY:
            # One at a time: the one that was begun last. Those that stand first were written here.
            begun = begun[len(self._suspects) :]
            guilty = [nodeid for nodeid in begun[-1:] if nodeid not in ended]
            self._suspects = [nodeid for nodeid in self._suspects if nodeid not in ended and nodeid not in guilty]
        else:
            self._suspects = list(dict.fromkeys(nodeid for nodeid in begun if nodeid not in ended))
            guilty = self._suspects if len(self._suspects) == 1 else []
            self._together = list(self._suspects)
        if not guilty:
            return
        # Nothing speaks against the others any more: they run with the rest.
        self._suspects, self._together = [], []
        self._keep_console(guilty[0], log_from)
        self._found.append(f"{FOUND_DEAD} {guilty[0]}")

    def _keep_console(self, nodeid: str, log_from: int) -> None:
        row = RowId.parse(nodeid)
        if row is None:
            raise ValueError(f"the journal names {nodeid!r}, which is no row")
        place = self.folder / evidence_folder(row.id)
        place.mkdir(parents=True, exist_ok=True)
        with (self.folder / CONSOLE).open("rb") as log, (place / CONSOLE).open("wb") as kept:
            size = log.seek(0, 2)
            log.seek(max(log_from, size - _MOST))
            shutil.copyfileobj(log, kept)

    def _reopen(self) -> None:
        """Leave the results without an end, and in the journal what the next part has to know."""
        path = self.folder / RESULTS
        rewrite(path, b"".join(line for line, each in whole_lines(path) if isinstance(each, Run | Row)))
        journal, owner = self.folder / JOURNAL, path.stat()
        said = [*(f"{BEGUN} {nodeid}" for nodeid in self._suspects), *self._found]
        journal.write_text("".join(f"{line}\n" for line in said), encoding="utf-8")
        shutil.chown(journal, owner.st_uid, owner.st_gid)


def _journal(folder: Path) -> list[str]:
    try:
        return (folder / JOURNAL).read_text(encoding="utf-8", errors="replace").split("\n")
    except FileNotFoundError:
        return []

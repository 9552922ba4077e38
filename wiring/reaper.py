"""The reaper of a run: a small process that takes away what the run leaves on the machine, however the run ends.

A controller that is killed cannot clean up after itself. So it starts this process first of all, in a session of its
own, and holds a pipe to it; when the pipe ends, the reaper kills what is left of the run's processes (each has the file
``alive`` in the run's folder open), removes its control groups and its folder, and ends. A run that ends in good order
is cleaned in the same way, and waits for it.
"""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_ALIVE = "alive"
_ENDING = 10.0  # Seconds that killed processes get to be gone.
_LONGEST = 40  # Bytes of the temporary folder's path: the paths of UNIX sockets, far below it, have at most 107.
_WAIT = 60.0  # Seconds after which a run no longer waits for its reaper.


def _short_place() -> Path:
    """The temporary folder, or the system's own where the path to that is too long for UNIX sockets below it."""
    place = Path(os.path.realpath(tempfile.gettempdir()))
    usual = Path("/tmp")  # noqa: S108  The run's folder in it has a name that nobody can guess.
    if len(os.fsencode(place)) > _LONGEST and usual.is_dir() and os.access(usual, os.W_OK | os.X_OK):
        return usual
    return place


class Reaper:
    """Starts the reaper's process, and makes the folder that it watches over: ``folder``.

    Args:
        results: the folder of the results, in which a half-written file may have to go; None where there is none.

    Raises:
        OSError: when there is no temporary folder that can be written, or no process can be started.
    """

    def __init__(self, results: Path | None) -> None:
        self.folder = _short_place() / f"kconform-{secrets.token_hex(4)}"
        theirs, self._pipe = os.pipe()
        _pipes.append(self._pipe)
        words = [str(self.folder), str(results or ""), str(os.getpid())]
        try:
            # Before there is a folder, so that there is no moment at which nobody would remove it.
            self._process = subprocess.Popen(  # noqa: S603  Ours.
                [sys.executable, str(Path(__file__).resolve()), *words],
                stdin=theirs,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,
            )
        except OSError:
            self._hang_up()
            raise
        finally:
            os.close(theirs)
        # Another user, whom a row may become, gets through it.
        self.folder.mkdir(mode=0o700)
        self.folder.chmod(0o711)
        hold(self.folder)

    def dismiss(self) -> None:
        """Have everything taken away that is left of the run, and wait until it is."""
        for fd in _held:
            os.close(fd)
        _held.clear()
        self._hang_up()
        try:
            self._process.wait(_WAIT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self.folder.exists():  # Somebody has ended the reaper.
            sweep(self.folder)

    def _hang_up(self) -> None:
        _pipes.remove(self._pipe)
        os.close(self._pipe)


def hold(folder: Path) -> None:
    """Make this process, and what it forks off, known to the reaper as one of the run's."""
    _held.append(os.open(folder / _ALIVE, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))


_held: list[int] = []
_pipes: list[int] = []


def _forked() -> None:
    while _pipes:  # The pipe ends with the controller, and not with the last of its children.
        os.close(_pipes.pop())


os.register_at_fork(after_in_child=_forked)


def main() -> None:
    """Be the reaper: wait for the end of the run, and sweep."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # Whoever ends the run by these wants it swept all the same.
    folder, results, pid = sys.argv[1:]
    while os.read(0, 1):
        pass
    sweep(Path(folder))
    if results:
        for partly in Path(results).glob(f".*.{pid}"):
            partly.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Take away what is left of the run of a folder: processes, control groups, and the folder."""
    end = time.monotonic() + _ENDING
    while (left := _holders(str(folder / _ALIVE))) and time.monotonic() < end:
        for pid in left:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)  # They are no children of this process, so that nothing announces their end.
    groups = list(folder.rglob("cgroup-*"))
    if groups:
        sys.path[0] = str(ROOT)
        from fixtures.contexts.control_groups import remove

        for group in groups:
            with contextlib.suppress(OSError):  # Where it can't be removed nothing else can be done, either.
                remove(group.name.removeprefix("cgroup-"))
    shutil.rmtree(folder, ignore_errors=True)


def _holders(path: str) -> list[int]:
    """The processes that have a file open."""
    return [int(name) for name in os.listdir("/proc") if name.isdecimal() and _has_open(name, path)]


def _has_open(pid: str, path: str) -> bool:
    # A look at where the descriptor leads, and not at the file there: that of another process may be slow to answer.
    with contextlib.suppress(OSError):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/fd/{fd}") == path:
                    return True
    return False


if __name__ == "__main__":
    main()

"""What a kernel is to the rest of kconform: something in which a command can be run, and nothing more."""

import contextlib
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from results.files import CONSOLE

ROOT = Path(__file__).resolve().parent.parent
"""The project's folder; a kernel shows it inside at the same place."""

_LEAVE = 10  # Seconds to end in good order for a command that is interrupted.
# Waits for a word before it becomes the command, and ends where none comes: who starts it may be killed at any moment.
_GATE = ["sh", "-c", 'read word && exec "$@" </dev/null', "sh"]
_OFTEN = 0.1  # Seconds between two looks at a command that runs.

STOPPED = threading.Event()
"""Set when somebody has asked this process to end: what runs in other threads ends as if it had been interrupted."""

Runner = Callable[["Order"], "Ending"]


@dataclass(frozen=True)
class Order:
    """A command to be run inside a kernel.

    ``folder`` is the one folder that can be written from inside, at the same path; ``seconds`` is the limit, on the
    host's clock; ``log`` is the file that gets the command's output and the kernel's own messages. ``watch`` is asked
    several times a second why the command should be ended before its limit; an empty answer lets it go on.
    """

    command: list[str]
    folder: Path
    seconds: float
    environment: Mapping[str, str]
    watch: Callable[[], str] = str

    @property
    def log(self) -> Path:
        """Where the output goes."""
        return self.folder / CONSOLE


@dataclass(frozen=True)
class Ending:
    """How a command in a kernel ended: its exit status, or None where the kernel died or was ended, with the reason."""

    status: int | None
    reason: str = ""


def as_it_is(kernel: "Kernel") -> "Kernel":
    """A kernel that there is nothing to find out about."""
    return kernel


@dataclass(frozen=True)
class Kernel:
    """A kernel that the suites can run in.

    Args:
        name: what the command line calls it.
        what: what it is, in a few words.
        lacks: says what has to be installed or allowed before it can be run here; empty where nothing is missing.
        run: runs a command inside.
        alone: whether it wants the machine for itself, since nothing is between it and the machine.
        processors: how many processors it keeps busy.
        memory: how much memory it takes at most (MiB).
        guests: how many of it share the rows of a run, where there are processors for them; a guest has one.
        workers: how many workers run the suites, in the words of ``pytest -n``; each has to start, and to collect.
        settle: how it will be run, for what is known only when it has been tried: how many guests and workers.
    """

    name: str
    what: str
    lacks: Callable[[], str]
    run: Runner
    alone: bool = False
    processors: int = 1
    memory: int = 1024
    guests: int = 1
    workers: str = "auto"
    settle: Callable[["Kernel"], "Kernel"] = as_it_is


def carry_out(command: list[str], order: Order) -> Ending:
    """Run a command of the host's with its output in the log, and end it, and what it has started, with its limit.

    Args:
        command: what to run.
        order: whose log, environment, limit and watch count.
    """
    with order.log.open("ab") as log:
        process = subprocess.Popen(  # noqa: S603  The commands are those of the kernels here.
            [*_GATE, *command],
            cwd=ROOT,
            env=dict(order.environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
        # A pipe, since gVisor writes to a file at an offset of its own.
        copying = subprocess.Popen(["cat"], stdin=process.stdout, stdout=log)  # noqa: S607  Wherever it is.
        with process, copying as copier, in_case_of_death(f"kill -KILL -{process.pid} 2>/dev/null"):
            try:
                _let_go(process)
                return _wait(process, order)
            except KeyboardInterrupt:
                os.killpg(process.pid, signal.SIGINT)  # As if it had been in the terminal's group.
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_LEAVE)
                raise
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                if process.stdout is not None:
                    process.stdout.close()
                copier.wait(10)


@contextlib.contextmanager
def scratch(prefix: str) -> Iterator[Path]:
    """A temporary folder that goes at the end, and also where this process is killed meanwhile.

    Args:
        prefix: how its name begins.

    Raises:
        OSError: when it can't be made.
    """
    folder = Path(tempfile.gettempdir()) / f"{prefix}{secrets.token_hex(4)}"
    # What is killed beside this process may write for a moment.
    gone = f"rm -rf {shlex.quote(str(folder))}"
    with in_case_of_death(f"for each in 1 2 3; do {gone} && break; sleep 1; done; sleep 1; {gone}"):
        folder.mkdir(mode=0o700)
        yield folder
        shutil.rmtree(folder)


def boot(command: list[str], order: Order, environment: Mapping[str, str]) -> Ending:
    """Start a guest with its orders in the shared folder, and read there what the command's status was.

    Args:
        command: what starts the guest on the host.
        order: what the guest is to do; it finds that as ``command.sh`` in the order's folder, and leaves ``status``.
        environment: that of ``command`` itself; the order's own is the guest's.
    """
    status, script = order.folder / "status", order.folder / "command.sh"
    status.unlink(missing_ok=True)
    kept = [f"export {key}={shlex.quote(value)}" for key, value in order.environment.items()]
    words = [*kept, f"cd {shlex.quote(str(ROOT))}", f"exec {shlex.join(order.command)}"]
    with in_case_of_death(f"rm -f {shlex.quote(str(script))} {shlex.quote(str(status))}"):
        script.write_text("\n".join(words), encoding="utf-8")
        ending = carry_out(command, replace(order, environment=dict(environment)))
        script.unlink()
        try:
            told = int(status.read_text(encoding="ascii"))
        except (OSError, ValueError):
            last = "the kernel ended before the command did; console.log has its last words"
            return Ending(None, ending.reason or last)
        finally:
            status.unlink(missing_ok=True)
    return Ending(told)


def rewrite(path: Path, data: bytes) -> None:
    """Give a file other contents, as a whole or not at all; whoever owned it owns it still."""
    partly, owner = path.with_name(f".{path.name}.{os.getpid()}"), path.stat()
    with in_case_of_death(f"rm -f {shlex.quote(str(partly))}"):
        partly.write_bytes(data)
        shutil.copymode(path, partly)
        os.chown(partly, owner.st_uid, owner.st_gid)
        partly.replace(path)


@contextlib.contextmanager
def in_case_of_death(words: str) -> Iterator[None]:
    """Have the shell's words carried out should this process die meanwhile, however it dies, or what it does fail.

    Args:
        words: a script for sh(1); it keeps the environment and the folder of this process.
    """
    # At first it waits for the end of the pipe, which comes with that of this process.
    command = ["sh", "-c", f"trap '' INT TERM HUP; read word; {words}"]
    keeper = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603  Our own words.
    try:
        yield
    except BaseException:
        keeper.communicate()
        raise
    keeper.kill()
    keeper.communicate()


def _let_go(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(b"go\n")
            process.stdin.close()


def _wait(process: subprocess.Popen[bytes], order: Order) -> Ending:
    end = time.monotonic() + order.seconds
    while True:
        try:
            return Ending(process.wait(_OFTEN))
        except subprocess.TimeoutExpired:
            if STOPPED.is_set():
                raise KeyboardInterrupt from None
            reason = f"it was ended after {order.seconds:g} s" if time.monotonic() > end else order.watch()
            if reason:
                return Ending(None, reason)


def nobody_is_root() -> bool:
    """Whether this is a user namespace to which the machine's root does not belong: its files are nobody's here."""
    return Path(ROOT.anchor).stat().st_uid != 0


def python() -> str:
    """The interpreter of this environment, by the path at which it is found inside."""
    return sys.executable

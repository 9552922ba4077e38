"""User-mode Linux: a Linux kernel as a process; its root is the host's, read only, under a layer in memory."""

import os
import shutil
from pathlib import Path

from kernels.cache import why_not_up
from kernels.kernel import Ending, Kernel, Order, boot, nobody_is_root, scratch

MEMORY = 1536  # MiB; of them only what is touched is the host's.
_TRIAL = 20.0  # Seconds in which it is up, if at all; it takes one or two.
_INIT = Path(__file__).parent / "guest" / "uml-init.sh"
_NEEDED = {"linux.uml": "user-mode-linux", "modprobe": "kmod", "ip": "iproute2"}


def _lacks() -> str:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    missing = [package for program, package in _NEEDED.items() if shutil.which(program, path=path) is None]
    if missing:
        return f"install {' and '.join(missing)} (Debian: apt-get install {' '.join(missing)})"
    if nobody_is_root():
        return "run this outside of a user namespace: root's programs, which the guest starts, are nobody's in one"
    why = _why_not_up()
    return f"use another build, for this one does not come up on this processor: {why}" if why else ""


def _why_not_up() -> str:
    """Why it does not come up here, found out by trying: the processor may have more state than a build knows."""
    program = Path(shutil.which("linux.uml") or "linux.uml")
    processor = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").partition("\n\n")[0]
    lines = [line for line in processor.splitlines() if line.startswith(("vendor_id", "model name", "flags"))]
    with scratch("kconform-uml-") as own:
        parts = [os.uname().release, str(program), str(program.stat().st_mtime_ns), *lines]
        return why_not_up("uml", parts, ["env", f"TMPDIR={_memory(own)}", *_command(own)], _TRIAL)


def _command(own: Path) -> list[str]:
    """What starts it, with a folder of its own for its files."""
    command = ["linux.uml", f"mem={MEMORY}M", "root=none", "rootfstype=hostfs", "rootflags=/", "ro"]
    command += ["con=null", "con0=null,fd:1", "ssl=null", "quiet", "loglevel=4", f"umid={own.name}"]
    return [*command, f"uml_dir={own}", f"init={_INIT}"]


def _memory(own: Path) -> Path:
    """Where the file is that its memory is: in memory, where that is to be had."""
    shared = Path("/dev/shm")  # noqa: S108  The file has no name.
    return shared if shared.is_dir() else own


def _run(order: Order) -> Ending:
    with scratch("kconform-uml-") as own:
        command = [*_command(own), f"kconform={order.folder}"]
        return boot(command, order, {**os.environ, "TMPDIR": str(_memory(own))})


UML = Kernel(
    "uml",
    "user-mode Linux, as Debian builds it",
    _lacks,
    _run,
    processors=2,
    memory=2 * MEMORY,
    guests=2,  # It has one processor, and is all work: each page that is touched first costs 0.1 ms.
    workers="0",
)

"""User-mode Linux: a Linux kernel as a process; its root is the host's, read only, under a layer in memory."""

import base64
import os
import shlex
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from kernels.kernel import ROOT, Ending, Kernel, Order, carry_out

MEMORY = 1536  # MiB; of them only what is touched is the host's.
_INIT = Path(__file__).parent / "guest" / "uml-init.sh"
_NEEDED = {"linux.uml": "user-mode-linux", "modprobe": "kmod", "ip": "iproute2"}


def _lacks() -> str:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    missing = [package for program, package in _NEEDED.items() if shutil.which(program, path=path) is None]
    if missing:
        return f"install {' and '.join(missing)} (Debian: apt-get install {' '.join(missing)})"
    return ""


def _run(order: Order) -> Ending:
    status = order.folder / "status"
    status.unlink(missing_ok=True)
    kept = [f"export {key}={shlex.quote(value)}" for key, value in order.environment.items()]
    words = [*kept, f"cd {shlex.quote(str(ROOT))}", f"exec {shlex.join(order.command)}"]
    script = base64.b64encode("\n".join(words).encode()).decode()
    with tempfile.TemporaryDirectory(prefix="kconform-uml-") as scratch:
        (order.folder / "command.sh").write_bytes(base64.b64decode(script))
        command = ["linux.uml", f"mem={MEMORY}M", "root=none", "rootfstype=hostfs", "rootflags=/", "ro"]
        command += ["con=null", "con0=null,fd:1", "ssl=null", "quiet", "loglevel=4", f"umid=kconform-{os.getpid()}"]
        command += [f"uml_dir={scratch}", f"init={_INIT}", f"kconform={order.folder}"]
        # Its memory is a file: in memory, where that is to be had.
        shared = Path("/dev/shm")  # noqa: S108  The file has no name.
        place = str(shared) if shared.is_dir() else scratch
        ending = carry_out(command, replace(order, environment={**os.environ, "TMPDIR": place}))
        (order.folder / "command.sh").unlink()
    try:
        told = int(status.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return Ending(None, ending.reason or "the kernel ended before the command did; console.log has its last words")
    status.unlink()
    return Ending(told)


UML = Kernel("uml", "user-mode Linux, as Debian builds it", _lacks, _run, memory=MEMORY, workers="0")

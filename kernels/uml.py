"""User-mode Linux: a Linux kernel as a process; its root is the host's, read only, under a layer in memory."""

import os
import shutil
from pathlib import Path

from kernels.kernel import Ending, Kernel, Order, boot, nobody_is_root, scratch

MEMORY = 1536  # MiB; of them only what is touched is the host's.
_INIT = Path(__file__).parent / "guest" / "uml-init.sh"
_NEEDED = {"linux.uml": "user-mode-linux", "modprobe": "kmod", "ip": "iproute2"}


def _lacks() -> str:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    missing = [package for program, package in _NEEDED.items() if shutil.which(program, path=path) is None]
    if missing:
        return f"install {' and '.join(missing)} (Debian: apt-get install {' '.join(missing)})"
    if nobody_is_root():
        return "run this outside of a user namespace: root's programs, which the guest starts, are nobody's in one"
    return ""


def _run(order: Order) -> Ending:
    with scratch("kconform-uml-") as own:
        command = ["linux.uml", f"mem={MEMORY}M", "root=none", "rootfstype=hostfs", "rootflags=/", "ro"]
        command += ["con=null", "con0=null,fd:1", "ssl=null", "quiet", "loglevel=4", f"umid={own.name}"]
        command += [f"uml_dir={own}", f"init={_INIT}", f"kconform={order.folder}"]
        # Its memory is a file: in memory, where that is to be had.
        shared = Path("/dev/shm")  # noqa: S108  The file has no name.
        return boot(command, order, {**os.environ, "TMPDIR": str(shared) if shared.is_dir() else str(own)})


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

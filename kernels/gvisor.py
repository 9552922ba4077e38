"""gVisor: a kernel in user space, by ``runsc``; it sees the host's files, writes none, and has its own network."""

import json
import os
import shutil
import subprocess
from functools import cache
from typing import Any

from kernels.kernel import ROOT, Ending, Kernel, Order, carry_out, nobody_is_root, scratch

_CAPABILITIES = (
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_KILL",
    "CAP_NET_ADMIN",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_ADMIN",
    "CAP_SYS_CHROOT",
    "CAP_SYSLOG",
)


# Ptrace works everywhere, in a virtual machine without nested virtualisation, too; systrap, which releases since 2023
# have, is several times faster. KVM is not tried: where it is there and does not work, it hangs.
_PLATFORMS = ("systrap", "ptrace")
_TRIAL = 20.0  # Seconds for a program that does nothing.


def _lacks() -> str:
    if shutil.which("runsc") is None:
        return "install runsc (Debian: apt-get install runsc)"
    if os.geteuid() != 0 or nobody_is_root():
        return "run this as root: runsc makes a sandbox for others only then"
    return ""


def _run(order: Order) -> Ending:
    with scratch("kconform-gvisor-") as bundle:
        (bundle / "config.json").write_text(json.dumps(_config(order)), encoding="utf-8")
        command = ["runsc", f"--root={bundle / 'state'}", "--ignore-cgroups", "--network=none", "--net-raw"]
        command += [f"--platform={platform()}", "run", "--bundle", str(bundle), f"kconform-{os.getpid()}"]
        return carry_out(command, order)


@cache
def platform() -> str:
    """How gVisor gets hold of calls here: the first of its platforms that runs a program, found out by trying."""
    return next((name for name in _PLATFORMS if _runs(name)), _PLATFORMS[-1])


def _runs(name: str) -> bool:
    command = ["runsc", "--ignore-cgroups", "--network=none", "--rootless=false", f"--platform={name}", "do", "true"]
    try:
        tried = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_TRIAL, check=False)  # noqa: S603  Fixed words.
    except (OSError, subprocess.TimeoutExpired):
        return False
    return tried.returncode == 0


def _config(order: Order) -> dict[str, Any]:
    """The sandbox, in the words of the OCI runtime specification (config.md)."""
    writable = str(order.folder)
    return {
        "ociVersion": "1.0.0",
        "hostname": "gvisor",
        "root": {"path": "/", "readonly": True},
        "process": {
            "args": order.command,
            "cwd": str(ROOT),
            # The only place beside the result folder that can be written.
            "env": [f"{key}={value}" for key, value in {**order.environment, "TMPDIR": "/dev/shm"}.items()],  # noqa: S108
            "user": {"uid": 0, "gid": 0},
            "capabilities": {
                kind: list(_CAPABILITIES) for kind in ("bounding", "effective", "inheritable", "permitted")
            },
        },
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
            {"destination": "/dev/shm", "type": "tmpfs", "source": "tmpfs"},  # noqa: S108  Inside.
            {"destination": writable, "type": "bind", "source": writable, "options": ["rbind", "rw"]},
        ],
        "linux": {"namespaces": [{"type": kind} for kind in ("ipc", "mount", "network", "pid", "uts")]},
    }


GVISOR = Kernel("gvisor", "gVisor's kernel in user space, by runsc", _lacks, _run)

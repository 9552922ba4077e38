"""gVisor: a kernel in user space, by ``runsc``; it sees the host's files, writes none, and has its own network."""

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from kernels.kernel import ROOT, Ending, Kernel, Order, carry_out

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


def _lacks() -> str:
    if shutil.which("runsc") is None:
        return "install runsc (Debian: apt-get install runsc)"
    if os.geteuid() != 0:
        return "run this as root: runsc makes a sandbox for others only then"
    return ""


def _run(order: Order) -> Ending:
    with tempfile.TemporaryDirectory(prefix="kconform-gvisor-") as name:
        bundle = Path(name)
        (bundle / "config.json").write_text(json.dumps(_config(order)), encoding="utf-8")
        command = ["runsc", f"--root={bundle / 'state'}", "--ignore-cgroups", "--network=none", "--net-raw"]
        # Platform ptrace works everywhere, in a virtual machine without nested virtualisation, too.
        command += ["--platform=ptrace", "run", "--bundle", str(bundle), f"kconform-{os.getpid()}"]
        return carry_out(command, order)


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

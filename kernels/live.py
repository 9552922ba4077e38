"""The kernel that this machine runs, as the user who asks, and as one without any privilege."""

import os
import shutil
import subprocess

from kernels.kernel import ROOT, Ending, Kernel, Order, carry_out, python

NOBODY = 65534


def _nothing() -> str:
    return ""


def _run(order: Order) -> Ending:
    return carry_out(order.command, order)


LIVE = Kernel("live", "the kernel of this machine, as the user who runs this", _nothing, _run, alone=True)


def _as_user() -> list[str]:
    user = str(NOBODY)
    return ["setpriv", "--reuid", user, "--regid", user, "--clear-groups"]


def _user_lacks() -> str:
    if os.geteuid() != 0:
        return ""
    if shutil.which("setpriv") is None:
        return "install util-linux, for setpriv"
    # As workers are started: a path that leads through a folder of root's may do for the first process only.
    again = (
        "import subprocess, sys, pytest, fixtures; subprocess.run([sys.executable, '-c', 'import pytest'], check=True)"
    )
    asked = [*_as_user(), python(), "-c", again]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    found = subprocess.run(asked, cwd="/", env=environment, capture_output=True, check=False)  # noqa: S603  Fixed words.
    if found.returncode != 0:
        return f"let user {NOBODY} read {ROOT} and {python()}, or run this as an ordinary user"
    return ""


def _run_as_user(order: Order) -> Ending:
    if os.geteuid() != 0:
        return _run(order)
    os.chown(order.folder, NOBODY, NOBODY)
    return carry_out([*_as_user(), *order.command], order)


LIVE_USER = Kernel(
    "live-user", "the kernel of this machine, as a user without privilege", _user_lacks, _run_as_user, alone=True
)

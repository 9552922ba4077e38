"""How a process leaves the network that it was started in, once, before anything else.

With privilege a new network namespace is enough. Without it a user namespace comes first (its owner may do
everything inside, and nothing outside) and a mount namespace with it. Nothing here is undone: the process
lives in its private namespaces until it ends, and the kernel takes them away with it.
"""

import errno
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from netns.syscalls import CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWUSER, unshare

# What distributions use to forbid user namespaces: the file, and the value that forbids.
_FORBIDDING = {
    "kernel.unprivileged_userns_clone": "0",
    "kernel.apparmor_restrict_unprivileged_userns": "1",
    "user.max_user_namespaces": "0",
    "user.max_net_namespaces": "0",
}


class IsolationError(Exception):
    """No private network could be had here; the message says what is missing and how to mend it."""


@dataclass(frozen=True)
class Isolation:
    """How the process became private.

    ``uid`` is the user id before, ``user_namespace`` tells whether privilege had to be made by a user namespace.
    """

    uid: int
    user_namespace: bool

    @property
    def privilege(self) -> str:
        """One word for reports: ``root`` or ``user-namespace``."""
        return "user-namespace" if self.user_namespace else "root"


def in_user_namespace() -> bool:
    """Tell whether this process is in a user namespace other than the first (its id map is not the identity)."""
    try:
        fields = Path("/proc/self/uid_map").read_text(encoding="ascii").split()
    except OSError:
        return False
    return fields != ["0", "0", "4294967295"]


def enter_private_network() -> Isolation:
    """Move this process into a network namespace of its own.

    Call it while the process has a single thread: a process with threads can't enter a user namespace.
    A child process that inherited the user namespace needs only the network namespace, with the same call.

    Raises:
        IsolationError: when this system forbids it, with the sysctl to change.
    """
    if sys.platform != "linux":
        raise IsolationError(
            f"kconform needs Linux: its topologies are network namespaces, and this is {sys.platform}."
        )
    uid, gid = os.geteuid(), os.getegid()
    try:
        unshare(CLONE_NEWNET)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EACCES):
            raise IsolationError(_explain(error)) from error
    else:
        return Isolation(uid=uid, user_namespace=False)
    try:
        unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS)
        # "deny" has to come first: without it the kernel lets nobody but root write a gid map.
        _write("/proc/self/setgroups", "deny")
        # User 0 inside, because only that user keeps its capabilities when a worker process is started.
        _write("/proc/self/uid_map", f"0 {uid} 1")
        _write("/proc/self/gid_map", f"0 {gid} 1")
    except OSError as error:
        raise IsolationError(_explain(error)) from error
    return Isolation(uid=uid, user_namespace=True)


def _write(path: str, text: str) -> None:
    Path(path).write_text(text, encoding="ascii")


def _explain(error: OSError) -> str:
    """Say in one sentence why there is no private network, and what would change it."""
    for name, value in _FORBIDDING.items():
        path = Path("/proc/sys") / name.replace(".", "/")
        try:
            found = path.read_text(encoding="ascii").strip()
        except OSError:
            continue
        if found == value:
            allow = {"0": "1", "1": "0"}[value] if "max" not in name else "10000"
            return (
                f"kconform needs a private network namespace, and this system forbids it to user {os.geteuid()}: "
                f"sysctl {name} is {value}; run 'sysctl -w {name}={allow}' as root, or run kconform as root."
            )
    code = errno.errorcode.get(error.errno or 0, str(error.errno))
    hint = "the kernel has no network or user namespaces (CONFIG_NET_NS, CONFIG_USER_NS), or a container forbids them"
    if error.errno == errno.ENOSPC:
        hint = "there are as many as there may be (sysctl user.max_user_namespaces and user.max_net_namespaces)"
    return f"kconform needs a private network namespace and could not make one ({error.filename}: {code}): {hint}."

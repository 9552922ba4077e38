"""As root, too, a run reaches nothing of the machine: every system call that could is watched with strace(1).

What it leaves of the network that it was started in is looked at in ``test_isolation``; here, that it never even asks.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.traces import Watch
from tests.conftest import ROOT, read_records

CALLS = (
    "open,openat,openat2,creat,mkdir,mkdirat,mknod,mknodat,symlink,symlinkat,rename,renameat,renameat2,unlink,unlinkat,"
    "rmdir,link,linkat,truncate,chmod,fchmodat,chown,lchown,fchownat,mount,umount2,move_mount,pivot_root,chroot,"
    "unshare,setns,socket,reboot,swapon,init_module,finit_module,settimeofday,clock_settime,sethostname"
)
NEVER = ["move_mount", "pivot_root", "chroot", "reboot", "swapon", "init_module", "finit_module", "sethostname"]
NEVER += ["settimeofday", "clock_settime"]
WRITES = re.compile(r"^(open\w*|creat)\(.*\b(O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_TMPFILE)\b|^creat\(")
CHANGES = re.compile(r"^(mk|sym|rename|unlink|rmdir|link|trunc|chmod|fchmod|chown|lchown|fchown)")
# Rows that mount, make control groups, change sysctls, and have socket files.
ROWS = ["connect.EISCONN.tcp/*", "connect.cgroup-bpf.EPERM/*", "connect.ENOENT*", "connect.EROFS*", "connect.tcp.syn*"]


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder at a short path, since socket files lie in it."""
    made = Path(tempfile.mkdtemp(prefix="reach-")).resolve()
    (made / "t").mkdir()
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def told(place: Path) -> list[tuple[str, str]]:
    """The process and the call of each line of a watched run, in their order."""
    if shutil.which("strace") is None:
        pytest.skip("nobody can watch: there is no strace(1)")
    watch = Watch(place / "t")
    command = ["strace", "-f", "-qq", "-e", "signal=none", "-e", f"trace={CALLS}", "-o", str(place / "calls")]
    command += [sys.executable, "-m", "pytest", "suites", "-n", "2", "-p", "no:cacheprovider"]
    command += [f"--results={place / 'out'}", *(f"--row={row}" for row in ROWS)]
    environment = watch.environment()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200, check=False)
    if "ptrace" in done.stderr:
        pytest.skip(f"nobody can watch: {done.stderr.strip()[:200]}")
    rows = [each for each in read_records(place / "out" / "results.jsonl") if each["record"] == "row"]
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert len(rows) > 40
    assert watch.left() == []
    return [(pid, call) for pid, _, call in (line.partition(" ") for line in _lines(place / "calls"))]


def _lines(path: Path) -> list[str]:
    return [
        re.sub(r"^(\d+) +", r"\1 ", line) for line in path.read_text(encoding="utf-8", errors="replace").splitlines()
    ]


def test_it_changes_no_file_outside_of_its_folders(told: list[tuple[str, str]], place: Path) -> None:
    outside, inside = set(), 0
    for _, call in told:
        if not (WRITES.search(call) or CHANGES.search(call)) or "= -1 E" in call:
            continue
        # A path that does not begin at the root begins at a descriptor, which itself was opened by such a path.
        for path in re.findall(r'"(/[^"]*)"', call):
            if path.startswith((f"{place}/", "/proc/self/", "/proc/thread-self/", "/proc/sys/net/", "/dev/null")):
                inside += 1
            else:
                outside.add(call)
    assert inside > 50
    assert not outside


def test_it_mounts_nothing_outside_and_changes_no_machine(told: list[tuple[str, str]]) -> None:
    apart: set[str] = set()
    mounted = 0
    for pid, call in told:
        if call.startswith("unshare(") and "CLONE_NEWNS" in call:
            apart.add(pid)
        if call.startswith(("mount(", "umount2(")):
            mounted += 1
            assert pid in apart, call
        assert not call.startswith(tuple(f"{name}(" for name in NEVER)), call
    if not mounted:
        pytest.skip("no row could mount anything here")


def test_it_leaves_its_network_before_it_makes_a_socket(told: list[tuple[str, str]]) -> None:
    root = told[0][0]
    left = next(
        number
        for number, (pid, call) in enumerate(told)
        if pid == root and re.match(r"unshare\(.*CLONE_NEWNET.*= 0$", call)
    )
    early = {pid for pid, _ in told[:left]} - {root}
    there = [call for _, call in told[:left]] + [call for pid, call in told[left:] if pid in early]
    # Nor is there a way back: nobody opened the namespace that they left.
    assert not [call for call in there if call.startswith("socket(") and "AF_UNIX" not in call]
    assert not [call for call in there if "/ns/net" in call]
    assert len([call for _, call in told[left:] if call.startswith("socket(AF_INET")]) > 20

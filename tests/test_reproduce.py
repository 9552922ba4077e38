"""A row as a C program: it compiles without a warning, sees what the row saw, and says so when it does not."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from fixtures.syscalls import replay_args as raw
from fixtures.syscalls.memory import Memory
from netns import TOPOLOGIES, can_return
from programs.network import RECIPES
from programs.reproduce import reproduce
from programs.words import NotExpressible
from results.reader import read_results
from results.records import Change, Topology
from tests.conftest import Ran
from tests.tools.samples import ROWS, RUN, row, run_reports, sample

CC = shutil.which("cc") or "cc"
needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="NO C COMPILER: programs of rows are not tried")

# One row of each subject that programs can express, in all topologies but the scripted one, and by every entry point.
SUBJECTS = [
    "connect.EISCONN.after-full-close/inet6-stream-blocking-syscall-half.peer",
    "connect.api.family-interprets-address/inet6-stream-blocking-syscall-other",
    "connect.EAFNOSUPPORT.unix/unix-dgram-blocking-syscall-AF_INET",
    "connect.broadcast.tcp.EACCES/inet-stream-blocking-syscall-everywhere",
    "connect.multicast.udp/inet-dgram-nonblocking-syscall",
    "connect.EISCONN.tcp/inet6-stream-nonblocking-syscall-again",
    "connect.EISCONN.tcp/inet-stream-blocking-compat32",
    "connect.invalid-address.dgram/unix-dgram-blocking-syscall",
    "connect.EOPNOTSUPP.listener/inet-stream-blocking-syscall",
    "connect.EFAULT.null-zero-length/inet-stream-blocking-syscall",
    "connect.packet.EOPNOTSUPP/packet-raw-blocking-syscall",
    "connect.tfo.no-cookie/inet-stream-blocking-syscall-off.client",
    "connect.firewall.output-reject-icmp.udp/inet6-dgram-blocking-syscall-icmpv6-admin-prohibited",
    "connect.io_uring.nonblocking-socket/unix-seqpacket-blocking-io_uring-unix-waits",
    "connect.ipv6.IPV6_ADDRFORM/inet6-stream-nonblocking-syscall",
    "connect.tcp.implicit-bind.any/inet-stream-blocking-syscall",
    "connect.EAFNOSUPPORT.netlink/netlink-raw-blocking-syscall",
    "connect.ECONNABORTED.after-error-consumed/inet6-stream-nonblocking-syscall-SO_ERROR",
    "connect.tcp.simultaneous-open/inet-stream-blocking-syscall",
    "connect.tcp.SO_DONTROUTE/inet6-stream-blocking-syscall",
    "connect.EINPROGRESS.unix/unix-stream-nonblocking-syscall",
    "connect.select.ready-on-failure/inet6-stream-nonblocking-syscall-at-once",
    "connect.tcp.ephemeral-reserved/inet6-stream-blocking-syscall-far",
    "connect.EADDRINUSE/inet6-stream-nonblocking-syscall",
    "connect.raw.errors.documented/inet-raw-blocking-syscall",
    "connect.ECONNREFUSED.tcp/inet-stream-blocking-io_uring",
    "connect.ECONNREFUSED.tcp6/inet6-stream-blocking-syscall",
    "connect.udp.softerror-needs-recverr/inet6-dgram-blocking-syscall-unreachable",
    "connect.ENETDOWN/inet6-dgram-blocking-syscall-bound",
    "connect.route.blackhole.inet6/inet6-dgram-blocking-syscall-association",
    "connect.ipv6.global.scope-ignored/inet6-stream-nonblocking-syscall-nothing",
    "connect.shutdown.syn_sent/inet6-stream-nonblocking-syscall-both",
    "connect.EINTR.tcp/inet-stream-blocking-syscall",
    "connect.tcp.success.routed/inet6-stream-nonblocking-syscall",
    "connect.tcp.syn_retries-limit.documented/inet-stream-blocking-syscall",
    "connect.EINTR.unix/unix-seqpacket-blocking-syscall",
    "connect.UNSPEC.inet6/inet6-dgram-blocking-syscall-2-bytes",
    "connect.udp.unconnected-error/inet6-dgram-blocking-syscall",
    "connect.udp.receive-filter.queued/inet-dgram-blocking-syscall",
    "connect.udp.local-name.any/inet6-dgram-blocking-syscall",
    "connect.EADDRNOTAVAIL.ephemeral-exhausted.udp/inet6-dgram-nonblocking-syscall",
    "connect.udplite/inet-udplite-blocking-syscall-reconnect",
    "connect.EISCONN.unix.dgram.sendto/unix-dgram-blocking-syscall",
    "connect.EPROTOTYPE.unix.abstract.documented/unix-stream-blocking-syscall-to-dgram",
    "connect.unix.autobind.passpidfd/unix-seqpacket-blocking-syscall",
    "connect.ENOTDIR.unix.trailing-slash/unix-seqpacket-blocking-syscall",
    "connect.EOPNOTSUPP.unix.listener/unix-seqpacket-blocking-syscall",
    "connect.ENETUNREACH.raw/inet6-raw-blocking-syscall",
    "connect.UNSPEC.tcp.syn_sent/inet6-stream-nonblocking-syscall-unread",
    "connect.EAFNOSUPPORT.vsock/vsock-stream-blocking-syscall",
]
ENOUGH = 40
HOSTILE = 'x*/ "; } int evil(void) { return system("echo"); } ??/\n#include "/etc/passwd"\n/* \\'


def compiled_and_run(folder: Path, number: int, source: str) -> tuple[int, str]:
    """Compile a program as a person would, and run it; gives its exit status (-1: a warning) and what it said."""
    program, file = folder / f"row{number}", folder / f"row{number}.c"
    file.write_text(source, encoding="ascii")
    built = subprocess.run(
        [CC, "-Wall", "-Wextra", "-pthread", "-o", program, file], capture_output=True, text=True, check=False
    )
    if built.returncode or built.stderr:
        return -1, built.stderr
    done = subprocess.run([program], capture_output=True, text=True, errors="replace", timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


@needs_compiler
@pytest.mark.skipif(not can_return(), reason="THIS KERNEL LETS NOBODY BACK INTO A NAMESPACE: programs need that")
def test_programs_see_what_rows_saw(run_connect: Callable[..., Ran], pytester: pytest.Pytester, tmp_path: Path) -> None:
    """Rows of all subjects, those that deviate among them; what this kernel does not exercise is left out."""
    run_connect("-n", "2", *(word for name in SUBJECTS for word in ("--row", name)))
    results = read_results(pytester.path / "out")
    tried = [each for each in results.rows if each.verdict in ("conforms", "deviates")]
    assert len(tried) >= ENOUGH
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        sources = [reproduce([results], each.id) for each in tried]
        came = list(pool.map(lambda numbered: compiled_and_run(tmp_path, *numbered), enumerate(sources)))
    failed = {each.id: said for each, (status, said) in zip(tried, came, strict=True) if status != 0}
    assert failed == {}
    for each, (_, said) in zip(tried, came, strict=True):
        last = said.splitlines()[-1]
        if each.verdict == "deviates":
            assert "the document asks for" in last
        else:
            assert last == "Every step came as in the row, and as the document asks."


@needs_compiler
def test_a_program_notices_that_a_kernel_lied(
    run_connect: Callable[..., Ran], pytester: pytest.Pytester, tmp_path: Path
) -> None:
    """The entry point of the row lied; the program asks the kernel itself and sees something else."""
    name = "connect.ECONNREFUSED.tcp/inet-stream-blocking-syscall"
    run_connect("--row", name, lie="wrong_errno")
    source = reproduce([read_results(pytester.path / "out")], name)
    status, said = compiled_and_run(tmp_path, 1, source)
    assert status == 1
    assert "= -1 ECONNREFUSED" in said
    assert "otherwise than in the row: it came to -1 EHOSTUNREACH there" in said
    assert "That was not seen here: step" in said.splitlines()[-1]


def test_what_can_not_be_expressed_is_said(tmp_path: Path) -> None:
    scripted = row("a", "conforms", topology=Topology("scripted", []), transcript=ROWS[0].transcript)
    files = row("b", "conforms", unrecorded=["os.chmod"], transcript=ROWS[0].transcript)
    old = row("c", "conforms", topology=Topology("loopback", []), transcript=ROWS[0].transcript)
    never = row("d", "not-exercised", reason="not here")
    results = sample(tmp_path, [scripted, files, old, never])
    for each, why in (
        (scripted, "its peer is scripted"),
        (files, "its test does more than its transcript and its changes tell: os.chmod"),
        (old, r"its transcript does not say enough of connect\(\)"),
        (never, "it is not-exercised: not here"),
    ):
        with pytest.raises(NotExpressible, match=why):
            reproduce([results], each.id)
    refused = run_reports("reproduce", never.id, "--results", tmp_path, "-o", tmp_path / "row.c")
    assert refused.status == 2
    assert "can't be written as a program: it is not-exercised" in refused.output
    missing = run_reports("reproduce", "no/row", "--results", tmp_path)
    assert (missing.status, "there is no row 'no/row' in these results" in missing.output) == (2, True)
    assert not (tmp_path / "row.c").exists()


@needs_compiler
def test_nothing_from_outside_gets_out_of_its_string(tmp_path: Path) -> None:
    """A stranger's record may say anything: it stays in strings and in comments, or the row is refused."""
    call = replace(ROWS[0].transcript[0], replay="-1 =02001b597f000001(8) 16", returned=-1, error="EBADF")
    hostile = row(
        "a",
        "deviates",
        unexpected=True,
        expected=HOSTILE,
        observed=HOSTILE,
        topology=Topology("loopback", []),
        transcript=[replace(call, gave=HOSTILE, asked=HOSTILE, arguments=[HOSTILE, HOSTILE, HOSTILE])],
    )
    clause = replace(RUN.suites[0].clauses[0], statement=HOSTILE, expected=HOSTILE, disagreement=HOSTILE)
    suites = [replace(RUN.suites[0], clauses=[clause])]
    results = sample(tmp_path, [hostile], suites=suites)
    source = reproduce([results], hostile.id)
    assert '\n#include "/etc/passwd"' not in source
    code = re.sub(r'/\*.*?\*/|"(?:[^"\\\n]|\\.)*"', "", source, flags=re.DOTALL)
    assert "evil" in source
    assert "evil" not in code
    status, said = compiled_and_run(tmp_path, 1, source)
    assert status == 0, said


@pytest.mark.parametrize(
    "change",
    [
        ("sysctl", ["../kernel/core_pattern", "x"]),
        ("sysctl", ["kernel.core_pattern", "x"]),
        ("netlink", ["link", "add", {"ifname": "x"}]),
        ("netlink", ["neigh", "replace", {"ifindex": "lo", "dst": "::1", "lladdr": '"); evil("'}]),
        ("netlink", ["neigh", "del", {"ifindex": "lo", "dst": "::1", "lladdr": "ea:00:00:00:00:01"}]),
        ("nftables", ["no hexadecimal digits"]),
        ("something", []),
    ],
)
def test_changes_of_strangers_are_refused(tmp_path: Path, change: tuple[str, list[Any]]) -> None:
    call = replace(ROWS[0].transcript[0], replay="-1 - 16")
    topology = Topology("loopback", [])
    made = row("a", "conforms", topology=topology, transcript=[call], changes=[Change(0.1, "local", *change)])
    with pytest.raises(NotExpressible):
        reproduce([sample(tmp_path, [made])], made.id)


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_programs_make_topologies_as_rows_have_them(name: str) -> None:
    with TOPOLOGIES[name]() as topology:
        made = [
            (change.at, host.name, change.how, change.what)
            for host in topology.hosts
            for change in host.namespace.changes
        ]
    wanted = [(host, how, what) for host, how, what in RECIPES[name]]
    assert [(host, how, list(what)) for _, host, how, what in sorted(made, key=lambda each: each[0])] == wanted


def test_any_pointer_can_be_written_down() -> None:
    memory = Memory()
    try:
        at = memory.holding(b"\2\0abcd" + bytes(10))
        assert raw.before("connect", (3, at, 16), {}) == "3 =020061626364(10) 16"
        assert raw.before("connect", (3, at, 6), {1: 2}) == "3 =0200 6"
        assert raw.before("connect", (3, at, -1), {}) == "3 = -1"
        assert raw.before("connect", (3, 0, 16), {}) == "3 - 16"
        assert raw.before("connect", (3, memory.ending_at_edge(b"\2\0"), 16), {}) == "3 =0200! 16"
        assert raw.before("connect", (3, memory.edge, 16), {}) == f"3 *{memory.edge:x} 16"
        assert raw.before("connect", (3, 0xFFFF800000000000, 16), {}) == "3 *ffff800000000000 16"
        room = memory.holding(bytes(8) + bytes([8, 0, 0, 0]))
        assert raw.before("getpeername", (3, room, room + 8), {}) == "3 +8"
        assert raw.before("getpeername", (3, memory.edge - 4, room + 8), {}) == f"3 *{memory.edge - 4:x} *{room + 8:x}"
        assert raw.before("getpeername", (3, room, 0), {}) == f"3 *{room:x} *0"
        assert raw.before("getpeername", (3, room, 0), {1: 8}) == "3 +8"
        assert raw.after("getpeername", (3, room, room + 8), 0, "3 +8") == "(8)"
        assert raw.after("getpeername", (3, room, room + 8), 0, "3 +6") == "(6) 8"
        assert not raw.after("getpeername", (3, room, room + 8), 0, f"3 *{room:x} *0")
        assert raw.before("poll", (8, 1, 0), {}) is None
        assert raw.before("bind", (3, memory.ending_at_edge(b"\2\0"), 16), {}) == "3 =0200! 16"
        assert raw.before("setsockopt", (3, 1, 2, memory.edge, 4), {}) == f"3 1 2 *{memory.edge:x} 4"
        assert raw.before("sendto", (3, memory.edge, 4, 0, 8, 16), {}) == f"3 *{memory.edge:x} 4 0 *8 16"
        assert raw.before("accept4", (3, memory.edge, 8, 0), {}) == f"3 *{memory.edge:x} *8 0"
        assert raw.before("accept4", (3, 0, 0, 0), {}) == "3 - - 0"
    finally:
        memory.close()

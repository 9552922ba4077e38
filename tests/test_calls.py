"""Calls of any name go through one table and one interface: recorded as they were made, guarded, and never in doubt.

Each test is about a fault that a suite of another call than connect(2) once had.
"""

import errno
import platform
import re
from pathlib import Path

import pytest

from fixtures.sockets.socket import Socket
from fixtures.syscalls.call_threads import CallThreads
from fixtures.syscalls.calls import Calls
from fixtures.syscalls.compat32 import Compat32Entry
from fixtures.syscalls.entry_points import NativeEntry
from fixtures.syscalls.outcome import Outcome, describe
from fixtures.syscalls.registry import ENTRY_POINTS, carries
from fixtures.syscalls.table import MACHINES, SYSCALLS, Kind, number_of
from fixtures.syscalls.transcript import Transcript
from results.records import Call
from tests.conftest import Project

HEADERS = {"x86_64": "unistd_64.h", "i686": "unistd_32.h"}
FOLDER = Path("/usr/include/x86_64-linux-gnu/asm")


def test_a_bad_pointer_to_any_call_is_the_kernels_to_refuse(project: Project) -> None:
    """Reading the arguments for the record once killed the worker."""
    project.suite("bind")
    project.test(
        """
memory = Memory()
assert calls.make("bind", sock.fd, memory.edge - 4, 16) == EFAULT
assert calls.make("bind", sock.fd, 8, 16) == EFAULT
memory.close()
"""
    )
    ran = project.run()
    assert ran.row["verdict"] == "conforms", ran.output
    assert [call["replay"].split()[1][-1] for call in ran.row["transcript"] if call["call"] == "bind"] == ["!", "8"]


def test_a_call_that_blocks_for_ever_is_a_deviation_of_its_row(project: Project) -> None:
    """A blocking accept() once ended the worker after two minutes."""
    project.suite("accept")
    project.test(
        """
sock.bind(servers.free_address())
sock.listen()
assert calls.make("accept", sock.fd, 0, 0, deadline=0.2) == 0
"""
    )
    ran = project.run()
    assert (ran.row["verdict"], ran.row["observed"]) == ("deviates", "does not return"), ran.output
    assert ran.row["expected"] == "accept() returns"


@pytest.mark.parametrize(
    "body",
    [
        "assert server.socket.getsockname() == server.address",
        "servers.full()\nassert sock.so_error() == 0",
    ],
)
def test_what_a_peer_calls_is_no_call_under_test(project: Project, body: str) -> None:
    """A row of bind(2) whose test never binds its socket once conformed, because its server does."""
    project.suite("bind")
    project.test(body)
    ran = project.run()
    assert ran.row["verdict"] == "harness-error"
    assert ran.row["reason"].startswith("the call under test was never made: there is no bind()")
    assert {call.get("made_by", "test") for call in ran.row["transcript"] if call["call"] == "bind"} == {"peer"}


def test_what_a_fixture_calls_is_no_call_under_test(project: Project) -> None:
    project.suite("bind")
    project.test("assert sock.listen() == 0")
    fixture = "@pytest.fixture(autouse=True)\ndef bound(sock, servers):\n    sock.bind(servers.free_address())\n"
    project.write("conftest.py", f"import pytest\n{fixture}")
    ran = project.run()
    assert ran.row["verdict"] == "harness-error"
    assert {call.get("made_by", "test") for call in ran.row["transcript"] if call["call"] == "bind"} == {"fixture"}


@pytest.mark.parametrize("entry", ENTRY_POINTS)
def test_the_record_names_the_entry_point_that_a_call_took(project: Project, entry: str) -> None:
    """A call through libc or socketcall was once recorded as one through syscall."""
    project.test(
        f"assert sock.through('{entry}').connect(server.address) == 0\nassert sock.getpeername() == server.address"
    )
    row = project.run().row
    assert row["verdict"] == "conforms"
    assert [call.get("entry", "syscall") for call in row["transcript"] if call["call"] == "connect"] == [entry]
    assert {call.get("entry", "syscall") for call in row["transcript"] if call["call"] != "connect"} == {"syscall"}


def test_a_call_that_is_not_in_the_table_cannot_be_made() -> None:
    calls = Calls("syscall", Transcript(), CallThreads())
    with pytest.raises(LookupError, match=r"sendfile\(\) is not in the table of calls"):
        calls.make("sendfile", 1, 2, 0, 4)
    assert calls.transcript.calls == []


def test_a_call_under_test_never_takes_another_entry_point_than_its_own() -> None:
    calls = Calls("compat32", Transcript(), CallThreads(), frozenset({"accept"}))
    with pytest.raises(LookupError, match=r"'compat32' can't make accept\(\)"):
        calls.make("accept", -1, 0, 0)
    calls.close()


def test_each_pointer_has_its_length() -> None:
    for call in SYSCALLS.values():
        for argument in call.arguments:
            if argument.kind in (Kind.BYTES, Kind.BUFFER):
                assert call.arguments[argument.size].kind is Kind.INTEGER, call.name
            if argument.kind is Kind.NAME:
                assert call.arguments[argument.size].kind is Kind.LENGTH, call.name


@pytest.mark.parametrize("machine", HEADERS)
def test_the_numbers_are_those_of_the_headers(machine: str) -> None:
    header = FOLDER / HEADERS[machine]
    if not header.exists():
        pytest.skip(f"THE NUMBERS OF CALLS ARE NOT COMPARED: there is no {header}")
    known = dict(re.findall(r"^#define __NR_(\w+) (\d+)$", header.read_text("ascii"), re.MULTILINE))
    wide = {"geteuid": "geteuid32", "select": "_newselect", "setresuid": "setresuid32"}  # On 32-bit machines.
    for name in [*SYSCALLS, "bpf", "futex", "setresuid", "io_uring_setup", "fsopen", "landlock_add_rule"]:
        names = (wide.get(name, name), name) if machine == "i686" else (name,)
        wanted = next((int(known[each]) for each in names if each in known), 0)
        assert number_of(name, machine) == wanted, name


def test_a_machine_that_nobody_named_has_no_numbers() -> None:
    assert number_of("connect", "vax") == 0
    assert number_of("connect", "riscv64") == number_of("connect", "aarch64") == 203
    assert len(MACHINES) == len(SYSCALLS["connect"].numbers)


def test_every_entry_point_carries_connect_and_says_how() -> None:
    assert all(carries(entry, "connect") for entry in ENTRY_POINTS)
    assert not carries("compat32", "accept")
    assert not carries("io_uring", "getsockname")
    assert NativeEntry().how("bind") == f"syscall({number_of('bind')}, ...)"


def test_a_call_with_too_many_arguments_is_refused() -> None:
    calls = Calls("syscall", Transcript(), CallThreads())
    with pytest.raises(TypeError, match=r"listen\(\) takes 2 arguments, and got 3"):
        calls.make("listen", 3, 1, 0)


def test_a_socket_that_a_call_gave_has_the_same_words_in_every_run() -> None:
    """An expectation compares them: they once held an address of this process."""
    given = Socket(Calls("syscall", Transcript(), CallThreads()), 5, "accepted")
    call = Call("accept", ["3", "NULL", "NULL"], 0.0, "main", returned=5)
    outcome = Outcome(call, returned=5, error=0, succeeded=True, value=given)
    assert describe(outcome, beside=errno.EFAULT) == "a socket"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="only x86-64 has this entry")
def test_a_pointer_that_does_not_fit_into_32_bits_is_refused() -> None:
    entry = Compat32Entry()
    with pytest.raises(ValueError, match="does not fit into 32 bits"):
        entry.invoke("bind", 3, 1 << 40, 16)
    entry.close()

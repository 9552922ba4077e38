"""The proof by lies proves something itself: lies are told, rows that assert too little are found, and it goes on."""

import ctypes
import errno
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.syscalls.entry_points import NativeEntry
from netns import TOPOLOGIES
from tests.conftest import ROOT, Project
from tests.prove.accepted import load_accepted
from tests.prove.journal import SURVIVED, Lied, Told
from tests.prove.lying_entry import Ear, Order

LOOPBACK = struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", 9, bytes((127, 0, 0, 1)))
POLLIN, POLLOUT = 1, 4
LIED = Lied("demo.a/inet-stream-blocking-syscall", "connect", 1, "hang", "a.py:3 a.py:9", "a.py:3", "")
CAREFUL = """
assert sock.connect(servers.closed()) == ECONNREFUSED
assert sock.getpeername() == ENOTCONN
assert sock.so_error() == 0
"""
CARELESS = """
sock.connect(server.address)
assert sock.getpeername().value.host == "127.0.0.1"
"""


@pytest.fixture
def inside() -> Iterator[None]:
    """Sockets that are made here belong to a loopback of their own."""
    with TOPOLOGIES["loopback"]() as topology, topology.client.namespace.inside():
        yield


class Asked:
    """The calls of one socket, by an entry point that tells one lie."""

    def __init__(self, call: str, lie: str, fd: int) -> None:
        self.ear = Ear(Order(call, "", 1, lie))
        self.fd = fd

    def __call__(self, call: str, *arguments: int) -> tuple[int, int]:
        """Make any call about the descriptor."""
        return self.ear.invoke(NativeEntry().invoke, call, (self.fd, *arguments))

    def connect(self, address: bytes) -> tuple[int, int]:
        """Connect."""
        place = ctypes.create_string_buffer(address, len(address))
        return self("connect", ctypes.addressof(place), len(address))

    def poll(self, events: int) -> int:
        """What poll reports."""
        entry = ctypes.create_string_buffer(struct.pack("=ihh", self.fd, events, 0))
        self.ear.invoke(NativeEntry().invoke, "poll", (ctypes.addressof(entry), 1, 1000))
        reported: int = struct.unpack("=ihh", entry.raw[:8])[2]
        return reported

    def error(self) -> int:
        """What SO_ERROR holds."""
        value, size = ctypes.c_int(), ctypes.c_uint32(4)
        self("getsockopt", socket.SOL_SOCKET, socket.SO_ERROR, ctypes.addressof(value), ctypes.addressof(size))
        return value.value

    def name(self, call: str) -> tuple[int, bytes]:
        """The errno of getsockname or getpeername, and the address that it gave."""
        buffer, size = ctypes.create_string_buffer(128), ctypes.c_uint32(128)
        _, code = self(call, ctypes.addressof(buffer), ctypes.addressof(size))
        return code, buffer.raw[: size.value]


@pytest.mark.usefixtures("inside")
@pytest.mark.parametrize(
    ("lie", "answer"),
    [
        ("success-for-failure", (0, 0)),
        ("another-errno", (-1, errno.EHOSTUNREACH)),
        ("odd-errno", (-1, errno.EXDEV)),
        ("positive-errno", (errno.ECONNREFUSED, 0)),
        ("failure-for-success", (-1, errno.ECONNREFUSED)),  # The truth: there is no success to lie about.
    ],
)
def test_lies_about_what_connect_came_to(lie: str, answer: tuple[int, int]) -> None:
    with socket.socket() as sock:
        asked = Asked("connect", lie, sock.fileno())
        assert asked.connect(LOOPBACK) == answer
        assert asked.ear.told is (lie != "failure-for-success")
        assert asked.connect(LOOPBACK) == (-1, errno.ECONNREFUSED)


@pytest.mark.usefixtures("inside")
def test_lies_about_states() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        quiet = Asked("connect", "nothing-happens", sock.fileno())
        assert quiet.connect(LOOPBACK) == (0, 0)
        assert quiet.name("getpeername")[0] == errno.ENOTCONN
        assert quiet.connect(LOOPBACK) == (0, 0)
        code, truth = quiet.name("getpeername")
        assert (code, truth) == (0, LOOPBACK)
        assert Asked("getpeername", "other-port", sock.fileno()).name("getpeername")[1][2:4] != truth[2:4]
        assert Asked("getpeername", "other-address", sock.fileno()).name("getpeername")[1][4:8] != truth[4:8]
        assert Asked("getsockname", "no-name", sock.fileno()).name("getsockname")[1][2:] == bytes(14)
        assert Asked("getpeername", "failure-for-success", sock.fileno()).name("getpeername")[0] == errno.ENOTCONN
        assert Asked("getsockopt", "kept-error", sock.fileno()).error() == errno.ECONNREFUSED
        assert Asked("poll", "never-ready", sock.fileno()).poll(POLLOUT) == 0
        assert Asked("poll", "early-ready", sock.fileno()).poll(POLLIN | POLLOUT) == POLLIN | POLLOUT
        truly = Asked("poll", "early-ready", sock.fileno())
        assert truly.poll(POLLOUT) == POLLOUT
        assert not truly.ear.told  # It is ready: that is no lie.


@pytest.mark.usefixtures("inside")
def test_an_error_that_is_told_twice() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        asked = Asked("getsockopt", "kept-error", sock.fileno())
        asked.ear.memory.errors[sock.fileno()] = errno.ETIMEDOUT
        assert asked.error() == errno.ETIMEDOUT


def test_data_of_a_stranger() -> None:
    one, other = socket.socketpair()
    with one, other:
        buffer = ctypes.create_string_buffer(16)
        asked = Asked("recvfrom", "data-of-a-stranger", one.fileno())
        assert asked("recvfrom", ctypes.addressof(buffer), 16, socket.MSG_DONTWAIT, 0, 0) == (8, 0)
        assert buffer.value == b"stranger"


def prove(project: Project, *arguments: str) -> tuple[int, str]:
    """Prove the project's suite in a process of its own; gives the exit status, and what it printed."""
    project.environment.setenv("PYTHONPATH", f"{ROOT}:{project.pytester.path}")
    given = ["-p", "conftest", "--import-mode=importlib", *arguments]
    done = project.pytester.run(sys.executable, "-m", "tests.prove", *given)
    return int(done.ret), done.stdout.str() + done.stderr.str()


def test_a_careful_row_has_no_survivor(project: Project) -> None:
    project.test(CAREFUL)
    status, said = prove(project)
    assert "lies in 1 rows" in said
    assert " 0 accepted, 0 that could not be told, 0 survived" in said
    assert status == 0


def test_a_careless_row_has_survivors(project: Project) -> None:
    project.test(CARELESS)
    status, said = prove(project, "--resume", "lies.jsonl")
    assert status == 1
    for words in (
        "SURVIVED failure-for-success of connect() in demo.a/inet-stream-blocking-syscall",
        "sock.connect(server.address)",
        "nothing asserts what connect() came to",
        "SURVIVED other-port of getpeername()",
        "nothing asserts the port of getpeername()",
    ):
        assert words in said
    assert "SURVIVED nothing-happens of connect()" not in said  # Then there is no name to have a host.
    assert "SURVIVED hang" not in said
    # What is known is not told again, and half a line at the end does not matter.
    journal = project.pytester.path / "lies.jsonl"
    lines = journal.read_text(encoding="utf-8").splitlines(keepends=True)
    journal.write_text("".join(lines[:-2]) + lines[-2][:20] + "\n", encoding="utf-8")
    assert prove(project, "--resume", "lies.jsonl")[0] == 1
    assert len(journal.read_text(encoding="utf-8").splitlines()) == len(lines) + 1
    # What the mended row comes to is another matter.
    project.test(CAREFUL)
    assert prove(project, "--resume", "lies.jsonl")[0] == 0


def test_what_is_accepted_says_why(tmp_path: Path) -> None:
    path = tmp_path / "accepted.toml"
    path.write_text('[[accepted]]\nrow = "demo.a/*"\nlie = ["hang", "no-*"]\nreason = "so"\n', encoding="utf-8")
    (entry,) = load_accepted(path)
    assert entry.covers(Told(LIED, SURVIVED, "conforms"))
    path.write_text('[[accepted]]\nrow = "demo.a/*"\nlie = "no-*"\nreason = "so"\n', encoding="utf-8")
    assert not load_accepted(path)[0].covers(Told(LIED, SURVIVED, "conforms"))
    for wrong in ('row = "demo.a/*"\nreason = ""\n', 'reason = "because"\n'):
        path.write_text(f"[[accepted]]\n{wrong}", encoding="utf-8")
        with pytest.raises(ValueError, match="needs a reason, and may not cover everything"):
            load_accepted(path)


def test_every_accepted_entry_can_be_read() -> None:
    entries = load_accepted(ROOT / "tests" / "prove" / "accepted.toml")
    assert all(entry.reason.endswith(".") for entry in entries)


def test_a_sample_of_the_real_suites_has_no_survivor() -> None:
    """What ``make prove`` tells in full; chance picks by row and line, so that a new row changes nothing for others."""
    command = [sys.executable, "-m", "tests.prove", "--sample", "80", "--seed", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout
    assert "80 lies in" in done.stdout

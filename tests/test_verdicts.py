"""The harness can fail: each way in which a kernel or a test can go wrong is reported as what it is, and no other."""

import pytest

from tests.conftest import Project

ROW = "demo.a/inet-stream-blocking-syscall"
ONE_LIES = """
import os
def pytest_runtest_setup(item):
    os.environ["KCONFORM_TEST_LIE"] = "death" if "test_a" in item.name else "wrong_peer"
"""
END_CHILDREN = """
import psutil
def pytest_sessionfinish():
    for child in psutil.Process().children():
        child.kill()
"""
A_DESCRIPTOR = """
sock.connect(server.address)
sock.kept = os.open("/dev/null", os.O_RDONLY)
"""
A_THREAD = """
sock.connect(server.address)
stop = threading.Event()
threading.Thread(target=stop.wait, args=(20,), name="straggler", daemon=True).start()
"""
A_CHILD = """
sock.connect(server.address)
os.fork() or (signal.signal(signal.SIGALRM, signal.SIG_DFL), signal.alarm(10), signal.pause(), os._exit(0))
"""

A_HANG = """
sock.connect(server.address)
signal.alarm(1)
threading.Event().wait(20)
"""


def test_a_kernel_that_conforms(project: Project) -> None:
    project.test("assert sock.connect_and_wait(servers.closed()) == ECONNREFUSED")
    ran = project.run()
    assert ran.status == 0
    assert ran.row["verdict"] == "conforms"
    assert (ran.row["expected"], ran.row["observed"]) == ("ECONNREFUSED", "ECONNREFUSED")
    assert not ran.row["unexpected"]
    assert ran.end["verdicts"] == {"conforms": 1, "deviates": 0, "not-exercised": 0, "harness-error": 0}


def test_what_a_row_that_conforms_has_observed(project: Project) -> None:
    """The error of the clause's name, and not what came after it."""
    names = ("ECONNREFUSED", "other")
    project.clauses(*names)
    for name in names:
        project.test(
            "assert sock.connect(servers.closed()) == ECONNREFUSED\nassert sock.connect(server.address) == 0", name=name
        )
    rows = project.run().rows
    found = {id_.partition("/")[0]: (row["expected"], row["observed"]) for id_, row in rows.items()}
    assert found == {"demo.ECONNREFUSED": ("ECONNREFUSED", "ECONNREFUSED"), "demo.other": ("0", "0")}


def test_a_row_that_hangs_says_where(project: Project) -> None:
    project.test(A_HANG)
    ran = project.run("-n", "1")
    assert ran.row["verdict"] == "harness-error"
    assert "(most recent call first)" in ran.output
    assert "test_a.py" in ran.output.partition("(most recent call first)")[2]


def test_a_wrong_errno(project: Project) -> None:
    project.test("assert sock.connect_and_wait(servers.closed()) == ECONNREFUSED")
    ran = project.run(lie="wrong_errno")
    assert ran.status == 1
    assert ran.row["verdict"] == "deviates"
    assert ran.row["unexpected"]
    assert (ran.row["expected"], ran.row["observed"]) == ("ECONNREFUSED", "EHOSTUNREACH")
    for word in (
        "deviates: " + ROW,
        "demo.2 [DESCRIPTION]",
        "allowed     ECONNREFUSED",
        "observed    EHOSTUNREACH",
        "= -1 EHOSTUNREACH   <- asked ECONNREFUSED: NO",
        f"pytest --row {ROW}",
    ):
        assert word in ran.output


def test_a_number_that_no_document_allows(project: Project) -> None:
    project.test("assert sock.connect_and_wait(servers.closed()) == ECONNREFUSED")
    ran = project.run(lie="positive_errno")
    assert ran.row["verdict"] == "deviates"
    assert ran.row["observed"] == "returned 111"


def test_a_wrong_state_behind_a_right_outcome(project: Project) -> None:
    project.test("assert sock.connect(server.address) == 0\nassert sock.getpeername() == server.address")
    ran = project.run(lie="wrong_peer")
    assert ran.row["verdict"] == "deviates"
    assert ran.row["expected"] == "127.0.0.1:7001"
    assert ran.row["observed"].startswith("127.0.0.0:7001")


def test_an_assertion_without_a_comparison(project: Project) -> None:
    project.test("sock.connect(server.address)\nassert sock.poll().value == set(), 'nothing is ready'")
    ran = project.run()
    assert ran.row["verdict"] == "deviates"
    assert (ran.row["expected"], ran.row["observed"]) == ("{}", "{POLLOUT}")


def test_a_call_that_hangs_until_a_signal(project: Project) -> None:
    project.clauses("a", "b")
    project.test("assert sock.connect(server.address, deadline=0.3) == 0")
    project.test("assert sock.connect_raw(0, 16, deadline=0.3) == EFAULT", name="b")
    ran = project.run(lie="hang")
    assert ran.status == 1
    assert {row["verdict"] for row in ran.rows.values()} == {"deviates"}
    row = ran.rows[ROW]
    assert row["observed"] == "does not return"
    connect = next(call for call in row["transcript"] if call["call"] == "connect")
    assert "not returned within 0.3 s; a signal then ended it" in connect["gave"]


def test_a_call_that_no_signal_ends(project: Project) -> None:
    project.clauses("a", "b")
    project.test("assert sock.connect(server.address, deadline=0.3) == 0")
    project.test("assert sock.getpeername() == ENOTCONN\nsock.connect_raw(0, 16, deadline=0.3)", name="b")
    ran = project.run(lie="stuck")
    assert ran.status == 1
    assert [row["verdict"] for row in ran.rows.values()] == ["deviates", "deviates"]
    assert "no signal could end it" in ran.output
    assert ran.rows[ROW]["transcript"][-1].get("returned") is None


def test_a_worker_that_dies(project: Project) -> None:
    project.clauses("a", "b")
    project.test("sock.connect(server.address)")
    project.test("assert sock.connect(servers.closed()) == ECONNREFUSED", name="b", variants='families=["inet6"]')
    project.write("conftest.py", ONE_LIES)
    ran = project.run("-n", "1", lie="wrong_peer")
    assert ran.status == 1
    assert ran.rows[ROW]["verdict"] == "harness-error"
    assert "the process that ran it died" in ran.rows[ROW]["reason"]
    assert ran.rows["demo.b/inet6-stream-blocking-syscall"]["verdict"] == "conforms"
    assert ran.end["collected"] == ran.end["reported"] == 2


@pytest.mark.parametrize(
    ("body", "named"),
    [(A_DESCRIPTOR, "descriptor"), (A_THREAD, "thread 'straggler'"), (A_CHILD, "child process")],
)
def test_a_leak(project: Project, body: str, named: str) -> None:
    project.test(body)
    project.write("conftest.py", END_CHILDREN)
    ran = project.run("-W", "ignore::DeprecationWarning")
    assert ran.status == 1
    assert ran.row["verdict"] == "harness-error"
    assert ran.row["unexpected"]
    assert "Leak: the row left behind" in ran.row["reason"]
    assert named in ran.row["reason"]


def test_an_exception_is_no_deviation(project: Project) -> None:
    project.test("sock.connect(server.address)\nraise ConnectionRefusedError(111, 'looks like a refusal')")
    ran = project.run()
    assert ran.status == 1
    assert ran.row["verdict"] == "harness-error"
    assert "in the test: ConnectionRefusedError" in ran.row["reason"]
    assert "harness-error: " + ROW in ran.output


def test_an_assertion_outside_the_suite_is_no_deviation(project: Project) -> None:
    project.pytester.makepyfile(helper="def check():\n    assert False, 'a bug of a library'")
    project.test("sock.connect(server.address)\nimport helper\nhelper.check()")
    ran = project.run("--override-ini=pythonpath=.")
    assert ran.row["verdict"] == "harness-error"
    assert "AssertionError" in ran.row["reason"]


def test_an_error_of_the_set_up(project: Project) -> None:
    project.write("conftest.py", "import pytest\n@pytest.fixture\ndef servers():\n    assert False\n")
    project.test("assert sock.connect(server.address) == 0")
    ran = project.run()
    assert ran.row["verdict"] == "harness-error"
    assert "while the row was set up" in ran.row["reason"]


@pytest.mark.parametrize("body", ["assert sock.getpeername() == ENOTCONN", "assert sock.getpeername() == EISCONN"])
def test_a_row_whose_act_never_happened(project: Project, body: str) -> None:
    project.test(body)
    ran = project.run()
    assert ran.status == 1
    assert ran.row["verdict"] == "harness-error"
    assert (
        ran.row["reason"]
        == "the call under test was never made: there is no connect() of the test's own in the transcript"
    )


def test_a_row_that_is_not_exercised(project: Project) -> None:
    project.test("not_exercised('this kernel has no such thing')")
    ran = project.run()
    assert ran.status == 0
    assert ran.row["verdict"] == "not-exercised"
    assert ran.row["reason"] == "this kernel has no such thing"
    assert "not exercised: demo.a: this kernel has no such thing" in ran.output


def test_a_feature_that_is_missing(project: Project) -> None:
    project.test("sock.connect(server.address)", extra='@needs("cc")')
    project.environment.setenv("PATH", "/nowhere")
    ran = project.run()
    assert ran.row["verdict"] == "not-exercised"
    assert ran.row["reason"] == "there is no C compiler: 'cc' is not on the PATH"
    assert ran.records[0]["features"]["cc"]["available"] is False


NO_IPV6 = """
from netns import Namespace
has_sysctl = Namespace.has_sysctl
Namespace.has_sysctl = lambda self, name: "ipv6" not in name and has_sysctl(self, name)
can_bind = Namespace._can_bind
Namespace._can_bind = lambda self, address: ":" not in address and can_bind(self, address)
"""


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_a_kernel_without_ipv6(project: Project, workers: list[str]) -> None:
    project.pytester.makepyfile(no_ipv6=NO_IPV6)
    project.test("assert sock.connect_and_wait(servers.closed()) == ECONNREFUSED", variants="families=INTERNET")
    ran = project.run(*workers, plugins=("no_ipv6",))
    assert ran.status == 0
    assert ran.rows[ROW]["verdict"] == "conforms"
    assert ran.rows["demo.a/inet6-stream-blocking-syscall"]["verdict"] == "not-exercised"
    reason = ran.rows["demo.a/inet6-stream-blocking-syscall"]["reason"]
    assert reason == "this kernel has no IPv6 (no net.ipv6 sysctls, and ::1 can't be bound)"


def test_a_run_that_stops_early_still_reports_every_row(project: Project) -> None:
    project.clauses("a", "b")
    project.test("assert sock.connect(servers.closed()) == 0")
    project.test("assert sock.connect(servers.closed()) == ECONNREFUSED", name="b")
    ran = project.run("-x")
    assert ran.status == 1
    assert ran.rows["demo.b/inet-stream-blocking-syscall"]["verdict"] == "not-exercised"
    assert ran.rows["demo.b/inet-stream-blocking-syscall"]["reason"] == "the run ended before it came to this row"
    assert ran.end["collected"] == ran.end["reported"] == 2


def test_rows_that_wait_wait_at_the_same_time(project: Project) -> None:
    project.test(
        "assert sock.connect(servers.full().address) == EINPROGRESS\nassert sock.select(1.0) == set()",
        variants='families=["inet", "inet6"], modes=["nonblocking"], entries=CALLS',
        extra="@waits(1.0)",
    )
    ran = project.run()
    assert ran.status == 0
    assert [row["verdict"] for row in ran.rows.values()] == ["conforms"] * 4
    assert sum(row["seconds"] for row in ran.rows.values()) > max(4, ran.end["seconds"])


@pytest.mark.parametrize("workers", [[], ["-n", "1"]])
def test_a_row_that_waits_and_dies(project: Project, workers: list[str]) -> None:
    project.clauses("a", "b")
    project.test("sock.connect(server.address)\nos.kill(os.getpid(), signal.SIGKILL)", extra="@waits(1.0)")
    project.test("assert sock.connect(servers.closed()) == ECONNREFUSED", name="b")
    ran = project.run(*workers)
    assert ran.status == 1
    assert ran.rows[ROW]["verdict"] == "harness-error"
    assert "the row's own process ended by SIGKILL" in ran.rows[ROW]["reason"]
    assert ran.rows["demo.b/inet-stream-blocking-syscall"]["verdict"] == "conforms"
    assert ran.end["collected"] == ran.end["reported"] == 2


@pytest.mark.parametrize("workers", [[], ["-n", "1"]])
def test_a_row_that_waits_and_deviates(project: Project, workers: list[str]) -> None:
    project.test("assert sock.connect(servers.closed()) == EISCONN", extra="@waits(1.0)")
    ran = project.run(*workers)
    assert ran.status == 1
    assert ran.row["verdict"] == "deviates"
    assert ran.end["seconds"] < 120  # And not the time after which a process that hangs is ended.


@pytest.mark.parametrize("workers", [[], ["-n", "1"]])
def test_a_row_that_waits_and_is_not_exercised(project: Project, workers: list[str]) -> None:
    project.test("not_exercised('no moon tonight')", extra="@waits(1.0)")
    ran = project.run(*workers)
    assert ran.status == 0
    assert ran.row["verdict"] == "not-exercised"
    assert ran.row["reason"] == "no moon tonight"

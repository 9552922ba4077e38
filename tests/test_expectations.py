"""Expectations are strict both ways, and change no verdict."""

import pytest

from results.expectations import Entry, KernelFacts
from tests.conftest import Project

REFUSED = "assert sock.connect_and_wait(servers.closed()) == ECONNREFUSED"


def expect(project: Project, observed: str, rows: str = "demo.a/*", condition: str = "") -> None:
    words = f'rows = "{rows}"\nobserved = "{observed}"\nreason = "so it is"\ndocument = "demo.2"\n{condition}\n'
    project.write("expectations/kernel.toml", f"[[expectation]]\n{words}")


def test_a_deviation_as_written_down(project: Project) -> None:
    project.test(REFUSED)
    expect(project, "EHOSTUNREACH")
    ran = project.run(lie="wrong_errno")
    assert ran.status == 0
    assert ran.row["verdict"] == "deviates"
    assert not ran.row["unexpected"]
    assert ran.row["expectation"] == {
        "state": "met",
        "rows": "demo.a/*",
        "observed": "EHOSTUNREACH",
        "reason": "so it is",
        "document": "demo.2",
    }
    assert "1 deviate as expected" in ran.output


def test_a_deviation_other_than_written_down(project: Project) -> None:
    project.test(REFUSED)
    expect(project, "ENETUNREACH")
    ran = project.run(lie="wrong_errno")
    assert ran.status == 1
    assert ran.row["verdict"] == "deviates"
    assert ran.row["unexpected"]
    assert ran.row["expectation"]["state"] == "other"
    assert "and not as written down" in ran.output


def test_a_stale_expectation(project: Project) -> None:
    project.test(REFUSED)
    expect(project, "EHOSTUNREACH")
    ran = project.run()
    assert ran.status == 1
    assert ran.row["verdict"] == "conforms"
    assert ran.row["unexpected"]
    assert ran.row["expectation"]["state"] == "stale"
    assert "stale expectation: demo.a/inet-stream-blocking-syscall conforms" in ran.output


def test_an_expectation_that_excuses_no_error_of_the_harness(project: Project) -> None:
    project.test("sock.connect(servers.closed())\nraise ValueError")
    expect(project, "EHOSTUNREACH")
    ran = project.run()
    assert ran.status == 1
    assert ran.row["verdict"] == "harness-error"


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_an_expectation_for_no_row(project: Project, workers: list[str]) -> None:
    project.test(REFUSED)
    expect(project, "EHOSTUNREACH", rows="demo.a/unix-*")
    ran = project.run(*workers)
    assert ran.status == (1 if workers else 2)
    assert not ran.rows
    assert "the expectation for 'demo.a/unix-*' is stale: no row has such an id" in ran.output


def test_an_expectation_for_no_clause(project: Project) -> None:
    project.test(REFUSED)
    expect(project, "EHOSTUNREACH", rows="demo.b/*")
    ran = project.run()
    assert ran.status == 4
    assert "the expectation for 'demo.b/*' names no clause of the suite" in ran.output


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("", True),
        ('kernel = "<2.2"', False),
        ('kernel = ">=2.2,<1000"', True),
        ('implementation = "gVisor"', False),
        ('security = "nothing-of-this-name"', False),
    ],
)
def test_an_expectation_for_some_kernels(project: Project, condition: str, holds: bool) -> None:
    project.test("assert sock.connect_and_wait(servers.closed()) == EISCONN")
    expect(project, "ECONNREFUSED", condition=condition)
    ran = project.run()
    assert ran.row["verdict"] == "deviates"
    assert ran.row["unexpected"] is not holds


@pytest.mark.parametrize(
    ("condition", "below", "at", "above"),
    [
        ("<6.8", True, False, False),
        ("<=6.8", True, True, False),
        (">6.8", False, False, True),
        (">=6.8", False, True, True),
    ],
)
def test_the_boundary_of_a_range_of_releases(condition: str, below: bool, at: bool, above: bool) -> None:
    entry = Entry("demo.a/*", "EPERM", "so it is", "demo.2", kernel=condition)
    for releases, holds in (
        (("6.7.99", "6.7", "5.19.0-13-amd64"), below),
        (("6.8", "6.8.0", "6.8.12-arch1"), at),
        (("6.9", "6.10.1", "7.0.0-rc1"), above),
    ):
        for release in releases:
            assert entry.holds(KernelFacts(release)) is holds, release


def test_an_expectation_for_no_kernel_that_can_be(project: Project) -> None:
    project.test("assert sock.connect_and_wait(servers.closed()) == EISCONN")
    expect(project, "ECONNREFUSED", condition='kernel = "6.1 and later"')
    assert "is no range of releases" in project.run().output


@pytest.mark.parametrize(("pattern", "unexpected"), [("E[A-Z]+REFUSED", False), ("REFUSED", True)])
def test_a_pattern_of_observations(project: Project, pattern: str, unexpected: bool) -> None:
    project.test("assert sock.connect_and_wait(servers.closed()) == EISCONN")
    words = f'rows = "demo.a/*"\npattern = "{pattern}"\nreason = "so it is"\ndocument = "demo.2"\n'
    project.write("expectations/kernel.toml", f"[[expectation]]\n{words}")
    assert project.run().row["unexpected"] is unexpected


def test_an_entry_for_several_patterns(project: Project) -> None:
    project.test("assert sock.connect_and_wait(servers.closed()) == EISCONN", variants="families=INTERNET")
    words = 'rows = ["demo.a/inet-*", "demo.a/inet6-*"]\nobserved = "ECONNREFUSED"\nreason = "so it is"\n'
    project.write("expectations/kernel.toml", f'[[expectation]]\n{words}document = "demo.2"\n')
    ran = project.run()
    assert ran.status == 0
    assert [row["expectation"]["rows"] for row in ran.rows.values()] == ["demo.a/inet-*", "demo.a/inet6-*"]


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ('pattern = "E.*"', "either 'observed' or 'pattern' has to say what is observed"),
        ('waits = "long"', "'waits' has to be a number of seconds"),
        ("waits = -1", "'waits' has to be a number of seconds"),
    ],
)
def test_an_entry_that_is_wrong(project: Project, condition: str, message: str) -> None:
    project.test(REFUSED)
    expect(project, "ECONNREFUSED", condition=condition)
    ran = project.run()
    assert ran.status == 4
    assert message in ran.output


def test_a_pattern_that_is_none(project: Project) -> None:
    project.test(REFUSED)
    words = 'rows = "demo.a/*"\npattern = "("\nreason = "so it is"\ndocument = "demo.2"\n'
    project.write("expectations/kernel.toml", f"[[expectation]]\n{words}")
    assert "'pattern' is no regular expression" in project.run().output


@pytest.mark.parametrize(("condition", "elsewhere"), [("", "False"), ("waits = 10", "True")])
def test_a_row_that_is_known_to_wait_does_so_elsewhere(project: Project, condition: str, elsewhere: str) -> None:
    project.test(
        "assert (sock.connect_and_wait(servers.closed()) == 0, str(os.getpid()) != os.environ['MADE']) == (0, None)",
        extra="@(lambda test: (os.environ.update(MADE=str(os.getpid())), test)[1])",
    )
    expect(project, f"(False, {elsewhere})", condition=condition)
    ran = project.run()
    assert not ran.row["unexpected"], ran.row["observed"]

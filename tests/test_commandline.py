"""The command line: what it lists, what it selects, and what it says to what it does not know."""

from collections.abc import Callable

import pytest

from tests.conftest import Project, Ran

PASSES = "assert sock.connect_and_wait(servers.closed()) == ECONNREFUSED"


def test_list_clauses(run_connect: Callable[..., Ran]) -> None:
    ran = run_connect("--list-clauses", "--clause", "connect.EISCONN.tcp*")
    assert ran.status == 0
    listed = [line.partition(":")[0] for line in ran.output.splitlines() if line.startswith("connect.")]
    assert listed == [
        "connect.EISCONN.tcp",
        "connect.EISCONN.tcp.accepted",
        "connect.EISCONN.tcp.listener",
    ]
    assert not ran.records


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--clause", "connect.EISCON.tcp", "--clause connect.EISCON.tcp: nothing has that name. Did you mean"),
        ("--document", "connect.3", "--document connect.3: nothing has that name."),
        ("--row", "connect.EISCONN.tpc/*", "--row connect.EISCONN.tpc: nothing has that name. Did you mean"),
    ],
)
def test_names_that_nothing_has(run_connect: Callable[..., Ran], option: str, value: str, said: str) -> None:
    ran = run_connect(option, value)
    assert ran.status == 4
    assert said in ran.output
    assert "Traceback" not in ran.output


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (("-k", "connect.EBADF and closed"), 9),
        (("--clause", "connect.EBADF.c*", "-n", "2"), 9),
        (("--document", "select.2"), 4),
        (("--clause", "connect.EBADF.c*", "--entry", "io_uring"), 3),
        (("--row", "connect.EBADF.closed/inet*"), 6),
        (("--clause", "connect.EBADF.c*", "--row", "*/unix-*"), 3),
    ],
)
def test_selections(run_connect: Callable[..., Ran], arguments: tuple[str, ...], count: int) -> None:
    ran = run_connect(*arguments)
    assert ran.status == 0
    assert len(ran.rows) == count
    assert ran.end["collected"] == count


def test_the_command_that_a_row_names_runs_that_row(project: Project) -> None:
    project.test(PASSES, variants="families=INTERNET, modes=BOTH")
    ran = project.run()
    assert len(ran.rows) == 4
    for id_, row in ran.rows.items():
        assert row["rerun"] == f"pytest --row {id_}"
        assert list(project.run(*row["rerun"].split()[1:]).rows) == [id_]


def test_slow_rows(project: Project) -> None:
    project.test(PASSES, variants="families=INTERNET", extra='@slow("it takes minutes")\n@waits(0.1)')
    ran = project.run()
    assert ran.status == 0
    for row in ran.rows.values():
        assert (row["verdict"], row["reason"]) == ("not-exercised", "it takes minutes: only with --slow")
        assert not row["transcript"]
    for arguments in ([], ["-n", "2"]):
        ran = project.run("--slow", *arguments)
        assert [row["verdict"] for row in ran.rows.values()] == ["conforms", "conforms"]


def test_a_folder_that_cannot_be_written(project: Project) -> None:
    project.test(PASSES)
    (project.pytester.path / "out").write_text("a file", encoding="ascii")
    ran = project.run()
    assert ran.status == 4
    assert "can't be written" in ran.output
    assert "Traceback" not in ran.output

"""The suite for connect(2) notices kernels that lie: each lie turns rows red, and only rows that it touches."""

from collections.abc import Callable

import pytest

from tests.conftest import Ran


@pytest.mark.parametrize(
    ("lie", "rows", "told"),
    [
        ("wrong_errno", "connect.ECONNREFUSED.tcp*/*-blocking-syscall*", "EHOSTUNREACH"),
        ("positive_errno", "connect.ret.minus1-errno/*", "returned"),
        ("success_for_failure", "connect.EFAULT.null/*-syscall*", "0"),
        ("nothing_happens", "connect.ret.zero-on-success/*dgram*", None),
        ("nothing_happens", "connect.tcp.success.*/*-blocking-syscall*", None),
        ("wrong_peer", "connect.EISCONN.*/*-syscall*", None),
        ("error_told_twice", "connect.ECONNREFUSED.tcp.nonblocking/*-syscall*", "ECONNREFUSED"),
        ("deaf_filter", "connect.udp.receive-filter/*-syscall", "b'stranger'"),
        ("always_ready", "connect.select.not-ready-while-pending/*-syscall*", None),
    ],
)
def test_a_lie_is_noticed(run_connect: Callable[..., Ran], lie: str, rows: str, told: str | None) -> None:
    ran = run_connect("--row", rows, lie=lie)
    assert ran.rows
    assert ran.status == 1
    survivors = [row["id"] for row in ran.rows.values() if row["verdict"] == "conforms"]
    assert survivors == []
    assert {row["verdict"] for row in ran.rows.values()} <= {"deviates", "conforms"}
    if told is not None:
        assert all(told in row["observed"] for row in ran.rows.values() if row["verdict"] == "deviates")


def test_the_truth_is_believed(run_connect: Callable[..., Ran]) -> None:
    ran = run_connect("--row", "connect.ECONNREFUSED.*/*-blocking-syscall*")
    assert ran.status == 0
    assert {row["verdict"] for row in ran.rows.values()} == {"conforms"}

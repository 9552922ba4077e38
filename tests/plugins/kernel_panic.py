"""A plugin for guests that may die: one row of the real suite makes the kernel panic."""

from pathlib import Path

import pytest

ROW = "[connect.EISCONN.tcp/inet-stream-blocking-syscall-again]"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Ask the kernel for a panic; only user-mode Linux, which is somebody's process, is asked."""
    if item.nodeid.endswith(ROW) and "User Mode Linux" in Path("/proc/cpuinfo").read_text(encoding="ascii"):
        Path("/proc/sysrq-trigger").write_text("c", encoding="ascii")

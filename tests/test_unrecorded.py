"""What a test does that no record holds is named, whatever way it takes to it."""

from importlib.util import find_spec

import pytest

from tests.conftest import Project
from wiring.unrecorded import NOT_RECORDED, RECORDED


@pytest.mark.parametrize("name", [*RECORDED, *NOT_RECORDED])
def test_modules_that_are_named_exist(name: str) -> None:
    assert find_spec(name) is not None


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("sock.connect(server.address)\nsock.getpeername()\nserver.accepted()", []),
        ("sock.connect(server.address)\nos.umask(os.umask(0))", ["os.umask"]),
        ("sock.connect(server.address)\n(folder / 'a').touch()", [".touch()"]),
        ("sock.connect(server.address)\nassert signal.SIGUSR1", []),
        ("sock.connect(server.address)\nsignal.signal(signal.SIGUSR1, signal.SIG_IGN)", ["signal.signal"]),
        ("sock.connect(server.address)\nother = signal\nother.signal(other.SIGUSR1, other.SIG_DFL)", ["signal.signal"]),
        ("sock.connect(server.address)\nthreading.Thread(target=repr).run()", ["threading.Thread"]),
    ],
)
def test_what_a_test_does_is_named(project: Project, body: str, named: list[str]) -> None:
    project.test(body)
    assert project.run().row.get("unrecorded", []) == named


HELPERS = """
from fixtures.contexts.thread_context import another_user
from fixtures.syscalls.io_uring import UringEntry

def _helper(sock):
    return (another_user, UringEntry)
"""


def test_what_its_helpers_use_is_named(project: Project) -> None:
    project.test("sock.connect(server.address)\n_helper(sock)")
    path = project.folder / "test_a.py"
    path.write_text(path.read_text(encoding="utf-8") + HELPERS, encoding="utf-8")
    assert set(project.run().row["unrecorded"]) == {
        "fixtures.contexts.thread_context.another_user",
        "fixtures.syscalls.io_uring.UringEntry",
    }

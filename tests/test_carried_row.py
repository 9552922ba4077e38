"""A row's record on its way: an object where the row ended, encoded once where a report leaves, decoded once."""

from typing import Any

import pytest

from results.codec import encode
from results.records import Row
from tests.conftest import Project
from tests.tools.samples import row
from wiring import carried_row


def _report(name: str) -> pytest.TestReport:
    return pytest.TestReport(name, ("test_a.py", 0, name), {}, "passed", None, "call")


def _crossed(config: pytest.Config, report: pytest.TestReport) -> pytest.TestReport:
    """The report in another process."""
    data: dict[str, Any] = config.hook.pytest_report_to_serializable(config=config, report=report)
    made: pytest.TestReport = config.hook.pytest_report_from_serializable(config=config, data=data)
    return made


def test_a_row_is_an_object_where_it_ended_and_is_encoded_once(
    pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[str] = []

    def counted(row: Row) -> bytes:
        encoded.append(row.id)
        return encode(row)

    monkeypatch.setattr("wiring.carried_row.codec.encode", counted)
    ended, report = row("a", "conforms"), _report("a")
    carried_row.attach(report, ended)
    assert carried_row.attached(report) is ended
    assert carried_row.take(report) == (ended, None)
    crossed = _crossed(pytestconfig, _crossed(pytestconfig, report))
    assert carried_row.take(crossed) == (ended, encode(ended))
    assert carried_row.attached(report) is ended
    assert encoded == [ended.id]
    with pytest.raises(TypeError, match="encoded already"):
        carried_row.attached(crossed)
    carried_row.drop(crossed)
    assert carried_row.take(crossed) is None


def test_a_text_with_bytes_of_no_character_arrives(pytestconfig: pytest.Config) -> None:
    ended, report = row("a", "conforms", observed="path \udc80"), _report("a")
    carried_row.attach(report, ended)
    taken = carried_row.take(_crossed(pytestconfig, report))
    assert taken is not None
    assert taken[0].observed == "path \udc80"


@pytest.mark.parametrize("workers", [[], ["-n", "1"]])
@pytest.mark.parametrize("extra", ["", "@waits(1.0)"])
def test_every_way_that_a_row_goes(project: Project, workers: list[str], extra: str) -> None:
    """With and without a worker, in the worker's process or one of the pool: the same record, with its evidence."""
    project.test("assert sock.connect_and_wait(servers.closed()) == EISCONN", extra=extra)
    found = project.run(*workers).row
    assert (found["verdict"], found["observed"]) == ("deviates", "ECONNREFUSED")
    assert {"packets", "sockets", "network"} <= {entry["kind"] for entry in found["evidence"]}
    assert "connect" in [call["call"] for call in found["transcript"]]

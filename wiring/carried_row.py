"""A row's record on its way from the process that ran it to the one that writes it down.

pytest's report of a row carries it. Within a process it is the object. When the report leaves the process, to a worker
or to the controller, the record is encoded once, into its line of results.jsonl; a process that only passes the report
on leaves the line alone, and the controller decodes it once and writes it as it is.
"""

from typing import Any

import pytest

from results import codec
from results.records import Row

_KEY = "kconform_row"  # Among a report's own attributes, which pytest gives to other processes as they are.


def attach(report: pytest.TestReport, row: Row) -> None:
    """Have a report carry a row that ended in this process."""
    vars(report)[_KEY] = row


def attached(report: pytest.TestReport) -> Row | None:
    """The row that a report carries, in the process in which the row ended; None where it carries none.

    Raises:
        TypeError: when the row ended in another process.
    """
    row = vars(report).get(_KEY)
    if row is not None and not isinstance(row, Row):
        raise TypeError(f"{report.nodeid}: the row ended in another process, and is encoded already")
    return row


def take(report: pytest.TestReport) -> tuple[Row, bytes | None] | None:
    """The row that a report carries, and its line where it came as one from another process; None without a row."""
    carried = vars(report).get(_KEY)
    if carried is None:
        return None
    return (carried, None) if isinstance(carried, Row) else (codec.decode_row(carried), carried)


def drop(report: pytest.TestReport) -> None:
    """Have a report carry no row any more: pytest keeps its reports to the end of the run."""
    vars(report).pop(_KEY, None)


def encode(data: dict[str, Any]) -> None:
    """Encode the row in a report that pytest has made ready for another process, unless it is encoded already.

    Args:
        data: what ``pytest_report_to_serializable`` gives.
    """
    carried = data.get(_KEY)
    if isinstance(carried, Row):
        data[_KEY] = codec.encode(carried)

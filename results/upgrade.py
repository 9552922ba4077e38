"""Records of schema 1, which earlier versions of kconform wrote, turned into those of today.

In schema 1 an entry point was a ``door``, a topology a ``world``, and the call under test the ``act``; the text of a
call stood beside its parts, and the carrier in the run's record.
"""

from typing import Any, TypeVar

import msgspec

from results.records import SCHEMA_VERSION, Carrier, Run

Kind = TypeVar("Kind", bound=msgspec.Struct)

SCHEMA = 1


def upgraded_run(data: dict[str, Any]) -> tuple[Run, Carrier | None]:
    """The run of a record of schema 1, and its carrier where the record has one.

    Raises:
        ValueError: when the record is of another shape; KeyError, TypeError or AttributeError, too.
    """
    renamed = {**data, "schema": SCHEMA_VERSION, "entries": data["doors"]}
    renamed["features"] = {_topology(name): each for name, each in data["features"].items()}
    renamed["suites"] = [{**suite, "calls": [suite["act"]]} for suite in data["suites"]]
    run = msgspec.convert(renamed, Run)
    carrier = data.get("carrier")
    if carrier is None:
        return run, None
    return run, msgspec.convert({**carrier, "record": "carrier"}, Carrier)


def upgraded(data: dict[str, Any], kind: type[Kind]) -> Kind:
    """Any other record of schema 1 as one of these structs.

    Raises:
        ValueError: when the record is of another shape; KeyError, TypeError or AttributeError, too.
    """
    if data["record"] == "row":
        data = {**data, "variant": {**data["variant"], "entry": data["variant"]["door"]}, "topology": data["world"]}
        data["transcript"] = [{**call, "replay": call.get("raw")} for call in data["transcript"]]
        data["unrecorded"] = data.get("beside", [])
    return msgspec.convert(data, kind)


def _topology(feature: str) -> str:
    return feature.replace("world:", "topology:", 1) if feature.startswith("world:") else feature

"""The JSON Schema of a line of results.jsonl, made of the records: the strict form, for programs that write such files.

The reader of kconform lets keys through that it does not know, since a later version may have more to say; the schema
refuses them.
"""

from typing import Any

import msgspec

from results.records import Carrier, End, Row, Run


def json_schema() -> dict[str, Any]:
    """The schema, for version 2020-12 of JSON Schema."""
    kinds, definitions = msgspec.json.schema_components([Run, Row, End, Carrier], ref_template="#/$defs/{name}")
    for each in definitions.values():
        each["additionalProperties"] = False
    row = definitions["Row"]
    row["properties"]["id"]["pattern"] = "^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$"
    row["allOf"] = [
        _where({"enum": ["not-exercised", "harness-error"]}, reason={"type": "string", "minLength": 1}),
        _where({"const": "deviates"}, expected={"type": "string"}, observed={"type": "string"}),
    ]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of kconform's results.jsonl",
        "type": "object",
        "required": ["record"],
        "oneOf": list(kinds),
        "$defs": definitions,
    }


def _where(verdict: dict[str, Any], **properties: dict[str, Any]) -> dict[str, Any]:
    """What holds of a row's properties, given its verdict."""
    return {"if": {"properties": {"verdict": verdict}}, "then": {"properties": properties}}

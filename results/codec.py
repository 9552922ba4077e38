"""Records as lines of results.jsonl, and back."""

import json
import math
import re
from typing import Any, NoReturn, TypeVar

import msgspec

from results.records import Carrier, End, Record, Row, Run

Kind = TypeVar("Kind")

_encoder = msgspec.json.Encoder()
_row_decoder = msgspec.json.Decoder(Row)
_decoder = msgspec.json.Decoder(Run | Row | End | Carrier)
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")


def encode(record: Record) -> bytes:
    """A record as a line of results.jsonl, with its line end."""
    try:
        return _encoder.encode(record) + b"\n"
    except UnicodeEncodeError:  # Half a surrogate pair, as in a path whose bytes are no UTF-8: it is escaped.
        return json.dumps(msgspec.to_builtins(record), separators=(",", ":")).encode("ascii") + b"\n"


def decode(line: bytes) -> Record:
    """The record that a line is.

    Raises:
        ValueError: when it is none; RecursionError: when it is nested too deeply.
    """
    found: Record = decode_with(_decoder, line)
    return found


def decode_row(line: bytes) -> Row:
    """The row that a line is; errors are those of ``decode``."""
    return decode_with(_row_decoder, line)


def decode_with(decoder: "msgspec.json.Decoder[Kind]", line: bytes) -> Kind:
    """What a decoder makes of a line; bytes that are no UTF-8 are replaced, and half a surrogate pair is let through.

    Raises:
        ValueError: when the decoder refuses it; RecursionError: when it is nested too deeply.
    """
    try:
        return decoder.decode(line)
    except UnicodeDecodeError:
        return decoder.decode(line.decode("utf-8", "replace"))
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        if not _HALF.search(line):
            raise
    # The standard library's reader takes such texts; it shall take nothing else that the other does not.
    whole = json.loads(line, parse_constant=_refuse, parse_float=_finite)
    made: Kind = msgspec.convert(whole, decoder.type)
    return made


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def _finite(text: str) -> Any:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is out of range")
    return number

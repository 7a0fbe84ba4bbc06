"""One record looked at closely: why it is not what its contract says. Slow, for records that are suspect already."""

import json
import math
from typing import Any

import orjson

from mesoscale.contract.types import Column, Contract
from mesoscale.errors import Reason
from mesoscale_streams.records import instants
from mesoscale_streams.records.checks import shown

_WANTED = {
    "string": "a string",
    "int64": "a whole number of 64 bits",
    "float64": "a number",
    "boolean": "true or false",
    "timestamp": "a time such as 2013-01-01T06:00:00Z",
    "date": "a date such as 2013-01-01",
}

Finding = tuple[Reason, str]


def look(value: bytes | None, contract: Contract, max_bytes: int) -> Finding | None:
    """What is wrong with the bytes of one record, or None where nothing is; ranges are not looked at."""
    if value is None:
        return Reason.NULL_VALUE, "the record has no value"
    if len(value) > max_bytes:
        return Reason.TOO_LARGE, f"{len(value)} bytes are more than the {max_bytes} that a record may have"
    try:
        record = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        return _unreadable(value, error)
    if record is None:
        return Reason.NULL_VALUE, "the record is null"
    if not isinstance(record, dict):
        return Reason.MALFORMED, f"a JSON object is wanted, found {_kind(record)}"
    record = _first_wins(value, record)
    found = [(column, record.get(column.name)) for column in contract.columns]
    return next((finding for column, what in found if (finding := _look_at(what, column))), None)


def _first_wins(value: bytes, record: dict[str, Any]) -> dict[str, Any]:
    """Of a key that stands twice Polars takes the first, orjson the last.

    A flat record without escapes has two quotes for each key and each text; only one that has more needs another look.
    """
    texts = sum(type(what) is str for what in record.values())
    if value.count(b'"') == 2 * (len(record) + texts):
        return record
    try:
        first: dict[str, Any] = json.loads(value, object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    except RecursionError:  # some hundred levels deep, which orjson reads
        return record
    return first


def _look_at(found: Any, column: Column) -> Finding | None:
    if found is None:
        return None
    if not _is(found, column.type):
        wanted = _WANTED[column.type]
        return Reason.WRONG_TYPE, f"{column.name}: {wanted} is wanted, found {_kind(found)} {shown(found)}"
    if column.type == "string" and "\0" in found:
        return Reason.NOT_ALLOWED, f"{column.name}: {shown(found)} has a NUL character, which no store takes"
    return None


def _is(found: Any, column_type: str) -> bool:
    match column_type:
        case "int64":
            return isinstance(found, int) and not isinstance(found, bool) and -(1 << 63) <= found < 1 << 63
        case "float64":
            return isinstance(found, int | float) and not isinstance(found, bool)
        case "boolean":
            return isinstance(found, bool)
        case "timestamp":
            return isinstance(found, str) and instants.is_timestamp(found)
        case "date":
            return isinstance(found, str) and instants.is_date(found)
        case _:
            return isinstance(found, str)


def _unreadable(value: bytes, error: Exception) -> Finding:
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError as wrong:
        return Reason.NOT_UTF8, f"byte {value[wrong.start]:#04x} at {wrong.start} is not UTF-8"
    if not text.strip():
        return Reason.MALFORMED, "the record is blank"
    if _has_infinite(text):
        return Reason.NOT_FINITE, "NaN, Infinity and what is too large for a float64 are no JSON numbers"
    return Reason.MALFORMED, f"not JSON: {error}"


def _has_infinite(text: str) -> bool:
    """Whether a number that is not finite is all that is wrong; Python's own reader takes those."""
    seen: list[str] = []

    def real(digits: str) -> float:
        if math.isinf(float(digits)):
            seen.append(digits)
        return 0.0

    try:
        json.loads(text, parse_constant=seen.append, parse_float=real)
    except (ValueError, RecursionError):
        return False
    return bool(seen)


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case dict():
            return "an object"
        case _:
            return "null"

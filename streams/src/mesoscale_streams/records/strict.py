"""One record looked at closely: why it is not what its contract says. Slow, for records that are suspect already."""

import json
from typing import Any

import orjson

from mesoscale.contract.types import Column, Contract
from mesoscale.errors import Reason
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
    for column in contract.columns:
        finding = _look_at(record.get(column.name), column)
        if finding:
            return finding
    return None


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
        case _:
            return isinstance(found, str)


def _unreadable(value: bytes, error: Exception) -> Finding:
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError as wrong:
        return Reason.NOT_UTF8, f"byte {value[wrong.start]:#04x} at {wrong.start} is not UTF-8"
    if not text.strip():
        return Reason.MALFORMED, "the record is blank"
    try:
        if _has_infinite(json.loads(text)):
            return Reason.NOT_FINITE, "NaN and Infinity are no JSON numbers"
    except (ValueError, RecursionError):
        pass
    return Reason.MALFORMED, f"not JSON: {error}"


def _has_infinite(value: Any) -> bool:
    """Python's own reader takes NaN and Infinity, and 1e999 for one."""
    if isinstance(value, float):
        return value != value or value in (float("inf"), float("-inf"))
    if isinstance(value, dict):
        return any(map(_has_infinite, value.values()))
    return isinstance(value, list) and any(map(_has_infinite, value))


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

"""One record looked at closely: why it is not what its contract says. Slow, for records that are suspect already."""

import json
import math
from collections.abc import Callable
from typing import Any

import orjson

from mesoscale.contract.types import Contract
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

_PLAIN: dict[str, frozenset[type]] = {
    "int64": frozenset((int,)),
    "float64": frozenset((int, float)),
    "boolean": frozenset((bool,)),
}
_FORMS: dict[str, Callable[[Any], bool]] = {
    "int64": lambda number: -(1 << 63) <= number < 1 << 63,
    "timestamp": instants.is_timestamp,
    "date": instants.is_date,
}

Finding = tuple[Reason, str]


class Strict:
    """The close look of one contract."""

    def __init__(self, contract: Contract, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._columns = [
            (column.name, column.type, _PLAIN.get(column.type, frozenset((str,))), _FORMS.get(column.type))
            for column in contract.columns
        ]

    def look(self, value: bytes | None) -> Finding | None:
        """What is wrong with the bytes of one record, or None where nothing is; ranges are not looked at."""
        if value is None:
            return Reason.NULL_VALUE, "the record has no value"
        if len(value) > self._max_bytes:
            return Reason.TOO_LARGE, f"{len(value)} bytes are more than the {self._max_bytes} that a record may have"
        try:
            record = orjson.loads(value)
        except orjson.JSONDecodeError as error:
            return _unreadable(value, error)
        if record is None:
            return Reason.NULL_VALUE, "the record is null"
        if not isinstance(record, dict):
            return Reason.MALFORMED, f"a JSON object is wanted, found {_kind(record)}"
        return self._fields(_first_wins(value, record))

    def _fields(self, record: dict[str, Any]) -> Finding | None:
        for name, column_type, types, has_form in self._columns:
            found = record.get(name)
            if found is None:
                continue
            if type(found) not in types or (has_form and not has_form(found)):
                wanted = f"{_WANTED[column_type]} is wanted, found {_kind(found)} {shown(found)}"
                return Reason.WRONG_TYPE, f"{name}: {wanted}"
            if column_type == "string" and "\0" in found:
                return Reason.NOT_ALLOWED, f"{name}: {shown(found)} has a NUL character, which no store takes"
        return None


def _first_wins(value: bytes, record: dict[str, Any]) -> dict[str, Any]:
    """Of a key that stands twice Polars takes the first, orjson the last.

    A flat record without escapes has two quotes for each key and each text; only one that has more needs another look.
    """
    texts = [*map(type, record.values())].count(str)
    if value.count(b'"') == 2 * (len(record) + texts):
        return record
    try:
        first: dict[str, Any] = json.loads(value, object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    except RecursionError:  # some hundred levels deep, which orjson reads
        return record
    return first


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

"""Limits as values that compare: instants as microseconds, dates as days, numbers as they are read."""

import math
from datetime import UTC, date, datetime, timedelta

from mesoscale.contract.types import Column

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1


def microseconds(instant: str) -> int:
    """Microseconds since 1970-01-01T00:00:00Z; a date, or an instant without a zone, is meant in UTC.

    Raises:
        ValueError: the text is no ISO 8601 date or instant.
    """
    moment = datetime.fromisoformat(instant)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(microseconds=1)


def days(text: str) -> int:
    """Days since 1970-01-01 of an ISO 8601 date, or of the day in UTC on which an instant falls.

    Raises:
        ValueError: the text is no ISO 8601 date or instant.
    """
    if len(text) == len("2013-01-01"):
        return (date.fromisoformat(text) - _EPOCH.date()).days
    return microseconds(text) // 86_400_000_000


def lower(column: Column) -> int | float | None:
    """The least value allowed: a number, microseconds (timestamp) or days (date) since 1970; None for no limit.

    For an int64 column it is a whole number inside of int64, so it compares without rounding.
    """
    if column.type in ("timestamp", "date"):
        return _point(column, column.earliest)
    if column.min is None or column.type != "int64":
        return column.min
    return None if column.min <= INT64_MIN else math.ceil(column.min)


def upper(column: Column) -> int | float | None:
    """The greatest value allowed, in the terms of `lower`."""
    if column.type in ("timestamp", "date"):
        return _point(column, column.latest)
    if column.max is None or column.type != "int64":
        return column.max
    return None if column.max >= INT64_MAX else math.floor(column.max)


def _point(column: Column, text: str | None) -> int | None:
    if text is None:
        return None
    return microseconds(text) if column.type == "timestamp" else days(text)


def number(value: float) -> str:
    """A number as people write it: `1`, not `1.0`; `0.5`; `1e+30`."""
    return str(int(value)) if abs(value) < 1e16 and value == int(value) else repr(value)

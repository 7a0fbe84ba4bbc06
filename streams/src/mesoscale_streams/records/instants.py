"""Timestamps and dates between text and columns: strict ISO 8601 (RFC 3339), the same for one value and for many.

Polars can read them while it reads JSON, but takes ten times as long as for text, and guesses: `01-02-2013` is the
first of February to it, and a time without a zone is in UTC. So they are read as text and understood here.
"""

import re
from datetime import UTC, date, datetime

import polars as pl

from mesoscale.contract.types import Contract

# Fractions beyond the microsecond are cut off. There is no second 60 and no year 0: no store of ours has them.
_DAY = r"(?:000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})-[0-9]{2}-[0-9]{2}"
TIMESTAMP = f"^{_DAY}" + r"T[0-9]{2}:[0-9]{2}:[0-5][0-9](?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-5][0-9])$"
DATE = f"^{_DAY}$"
_TIMESTAMP, _DATE = re.compile(TIMESTAMP[:-1] + r"\Z"), re.compile(DATE[:-1] + r"\Z")

_FIRST, _LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC)
_OUT = "%Y-%m-%dT%H:%M:%S%.6fZ"


def parsers(contract: Contract) -> list[pl.Expr]:
    """For each timestamp and date column, the expression that turns its text into values.

    What it makes of other text than `is_timestamp` and `is_date` allow is either null or found by `doubts`.
    """
    parsed = {"timestamp": _timestamps, "date": _dates}
    return [parsed[column.type](pl.col(column.name)) for column in contract.columns if column.type in parsed]


def doubts(contract: Contract) -> list[pl.Expr]:
    """For each of those columns, one value: whether some of its text is in another form than ours.

    Polars also takes "2013-1-1" or a space for the T, for example.
    """
    forms = {"timestamp": TIMESTAMP, "date": DATE}
    return [
        ~pl.col(column.name).str.contains(forms[column.type]).all()
        for column in contract.columns
        if column.type in forms
    ]


def overflows(contract: Contract) -> list[pl.Expr]:
    """For each timestamp column, one value: whether a moment falls out of the years 1 to 9999 by its offset."""
    moments = [pl.col(column.name) for column in contract.columns if column.type == "timestamp"]
    return [(moment.min() < _FIRST) | (moment.max() > _LAST) for moment in moments]


def formatters(schema: pl.Schema) -> list[pl.Expr]:
    """For each timestamp column, the expression that turns its values into text which reads as the same microsecond."""
    return [
        pl.col(name).dt.replace_time_zone(None).dt.strftime(_OUT)
        for name, dtype in schema.items()
        if isinstance(dtype, pl.Datetime)
    ]


def is_timestamp(text: str) -> bool:
    """Whether `parsers` would find a timestamp in the text."""
    try:
        return bool(_TIMESTAMP.match(text)) and bool(datetime.fromisoformat(text).astimezone(UTC))
    except (ValueError, OverflowError):
        return False


def is_date(text: str) -> bool:
    """Whether `parsers` would find a date in the text."""
    try:
        return bool(_DATE.match(text)) and bool(date.fromisoformat(text))
    except ValueError:
        return False


def _timestamps(text: pl.Expr) -> pl.Expr:
    return text.str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False, cache=False)


def _dates(text: pl.Expr) -> pl.Expr:
    return text.str.to_date("%Y-%m-%d", strict=False, cache=False)

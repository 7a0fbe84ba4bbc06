"""Timestamps and dates between text and columns: strict ISO 8601 (RFC 3339), the same for one value and for many.

Polars can read them while it reads JSON, but takes ten times as long as for text, and guesses: `01-02-2013` is the
first of February to it, and a time without a zone is in UTC. So they are read as text and understood here.
"""

import re
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from mesoscale.contract.types import Contract

# Fractions beyond the microsecond are cut off. There is no second 60 and no year 0: no store of ours has them.
_DAY = r"(?:000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})-[0-9]{2}-[0-9]{2}"
_TIME = r"T[0-9]{2}:[0-9]{2}:[0-5][0-9]"
TIMESTAMP = f"^{_DAY}{_TIME}" + r"(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-5][0-9])$"
DATE = f"^{_DAY}$"
_TIMESTAMP, _DATE = re.compile(TIMESTAMP[:-1] + r"\Z"), re.compile(DATE[:-1] + r"\Z")

_FIRST, _LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC)
_OUT = "%Y-%m-%dT%H:%M:%S%.6fZ"

# Bytes of a time in UTC → its fraction as a pattern, and as Polars is told it. Of columns in one such form, which
# programs write, it reads the fields by their place, in a third of the time that it takes where any form may come.
_FRACTIONS: dict[Any, tuple[str, str]] = {20: ("", ""), 24: (r"\.[0-9]{3}", ".%3f"), 27: (r"\.[0-9]{6}", ".%6f")}


class Instants:
    """The timestamp and date columns of one contract, from text to values."""

    def __init__(self, contract: Contract) -> None:
        self._timestamps = [column.name for column in contract.columns if column.type == "timestamp"]
        self._dates = [column.name for column in contract.columns if column.type == "date"]

    def parse(self, text: pl.DataFrame) -> pl.DataFrame | None:
        """The frame with its times and dates as such, or None where some text is neither null nor one of ours."""
        plain = {name: form for name in self._timestamps if (form := _plain_form(text[name]))}
        others = [name for name in self._timestamps if name not in plain]
        frame = text.with_columns(
            *(_plain(pl.col(name), form).alias(name) for name, form in plain.items()),
            *(_timestamps(pl.col(name)) for name in others),
            *(_dates(pl.col(name)) for name in self._dates),
        )
        if frame.null_count().row(0) != text.null_count().row(0):
            return None
        # Polars also takes "2013-1-1" or a space for the T, for example.
        doubts = [_differs(name, TIMESTAMP).any() for name in others]
        doubts += [_differs(name, DATE).any() for name in self._dates]
        if _any(text, doubts) or _any(frame, [_overflows(name) for name in others]):
            return None
        return frame

    def wrong(self, text: pl.DataFrame) -> pl.Series:
        """Rows with text that is no time or date of ours."""
        wrong = [_differs(name, TIMESTAMP) | _timestamps(pl.col(name)).is_null() for name in self._timestamps]
        wrong += [_differs(name, DATE) | _dates(pl.col(name)).is_null() for name in self._dates]
        there = [pl.col(name).is_not_null() for name in (*self._timestamps, *self._dates)]
        flags = [is_there & is_wrong for is_there, is_wrong in zip(there, wrong, strict=True)]
        return text.select(pl.any_horizontal(pl.lit(value=False), *flags)).to_series()

    def parse_known(self, text: pl.DataFrame) -> pl.DataFrame:
        """The same for text that `is_timestamp` and `is_date` allow."""
        return text.with_columns(
            *(_timestamps(pl.col(name)) for name in self._timestamps), *(_dates(pl.col(name)) for name in self._dates)
        )


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


def _plain_form(text: pl.Series) -> str | None:
    """How Polars is told the one form that all of the text has; None where it has several, or another."""
    lengths = text.str.len_bytes()
    shortest, longest = lengths.min(), lengths.max()
    if shortest != longest or longest not in _FRACTIONS:
        return None
    fraction, form = _FRACTIONS[longest]
    return f"%Y-%m-%dT%H:%M:%S{form}Z" if text.str.contains(f"^{_DAY}{_TIME}{fraction}Z$").all() else None


def _plain(text: pl.Expr, form: str) -> pl.Expr:
    return text.str.to_datetime(form, time_unit="us", strict=False, cache=False).dt.replace_time_zone("UTC")


def _timestamps(text: pl.Expr) -> pl.Expr:
    return text.str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False, cache=False)


def _dates(text: pl.Expr) -> pl.Expr:
    return text.str.to_date("%Y-%m-%d", strict=False, cache=False)


def _differs(name: str, form: str) -> pl.Expr:
    """Whether the text of the column is in another form."""
    return ~pl.col(name).str.contains(form)


def _overflows(name: str) -> pl.Expr:
    """One value: whether a moment falls out of the years 1 to 9999 by its offset."""
    return (pl.col(name).min() < _FIRST) | (pl.col(name).max() > _LAST)


def _any(frame: pl.DataFrame, flags: list[pl.Expr]) -> bool:
    """Whether any of the flags, each one value for the whole frame, is true."""
    return bool(flags) and any(frame.select(flag.alias(str(number)) for number, flag in enumerate(flags)).row(0))

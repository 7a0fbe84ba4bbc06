"""Contract → vectorised checks: cheap alarms over whole columns first, and only where one rings, row by row."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

import polars as pl

from mesoscale.contract.types import Column, Contract
from mesoscale.errors import Reason

SHORT = 60  # characters of a value that a detail shows


@dataclass(frozen=True, slots=True)
class Violation:
    """A row that breaks its contract, and how."""

    row: int
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Check:
    """`broken` is true for rows that break the rule and false, never null, for all others.

    `alarm` is one value for the whole column: true if any row may be broken. Minimum and maximum of a column cost a
    tenth of a comparison that has to write down its answer for each row.
    """

    column: str
    reason: Reason
    broken: pl.Expr
    alarm: pl.Expr
    rule: str


class Checks:
    """All checks of one contract."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self._checks = [check for column in contract.columns for check in _of(column)]
        self._any = pl.any_horizontal([check.broken for check in self._checks] or [pl.lit(False)])
        self._alarms = [check.alarm.alias(str(number)) for number, check in enumerate(self._checks)]

    def violations(self, frame: pl.DataFrame) -> list[Violation]:
        """The first broken rule of each bad row, in the order of rows."""
        if not self._alarms or frame.is_empty() or not any(frame.select(self._alarms).row(0)):
            return []
        broken = frame.select(self._any.alias("broken")).to_series()
        if not broken.any():
            return []
        rows = broken.arg_true()
        bad = frame[rows]
        verdicts = bad.select(check.broken.alias(str(number)) for number, check in enumerate(self._checks))
        return [
            self._first(row, verdict, bad, index)
            for index, (row, verdict) in enumerate(zip(rows, verdicts.rows(), strict=True))
        ]

    def _first(self, row: int, verdict: tuple[bool, ...], bad: pl.DataFrame, index: int) -> Violation:
        check = self._checks[verdict.index(True)]
        found = bad[check.column][index]
        return Violation(row, check.reason, f"{check.column}: {shown(found)} {check.rule}")


def shown(value: object) -> str:
    """A value as a detail shows it: shortened, text in quotes."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= SHORT else f"{text[:SHORT]}…"


def _of(column: Column) -> Iterator[Check]:
    here = pl.col(column.name)
    unit = f" {column.unit}" if column.unit else ""

    def check(reason: Reason, broken: pl.Expr, alarm: pl.Expr, rule: str) -> Check:
        return Check(column.name, reason, broken.fill_null(False), alarm, rule)

    if not column.nullable:
        yield check(Reason.NULL_VALUE, here.is_null(), here.null_count() > 0, "is not allowed here")
    if column.type == "float64":
        yield check(Reason.NOT_FINITE, ~here.is_finite(), ~here.is_finite().all(), "is not a finite number")
    least = _limit(column, column.min, column.earliest, math.ceil)
    most = _limit(column, column.max, column.latest, math.floor)
    if least is not None:
        rule = f"is below the minimum {_edge(least)}{unit}"
        yield check(Reason.OUT_OF_RANGE, here < least, here.min() < least, rule)
    if most is not None:
        rule = f"is above the maximum {_edge(most)}{unit}"
        yield check(Reason.OUT_OF_RANGE, here > most, here.max() > most, rule)
    if column.one_of:
        allowed = ", ".join(column.one_of)
        known = here.is_in(list(column.one_of))
        yield check(Reason.NOT_ALLOWED, ~known, ~known.all(), f"is none of {allowed}")
    if column.pattern:
        matches = here.str.contains(column.pattern)
        yield check(Reason.PATTERN_MISMATCH, ~matches, ~matches.all(), f"does not match {column.pattern}")
    if column.max_length is not None:
        longest = column.max_length
        # Bytes are never fewer than characters, and counting them is almost free.
        in_bytes, too_long = here.str.len_bytes().max() > longest, here.str.len_chars() > longest
        yield check(Reason.TOO_LARGE, too_long, in_bytes, f"is longer than {longest} characters")


Limit = float | int | datetime | date


def _limit(column: Column, number: float | None, instant: str | None, whole: Callable[[float], int]) -> Limit | None:
    """A limit in the column's own type; `whole` is the way to the nearest integer inside the limit."""
    if instant is not None:
        moment = datetime.fromisoformat(instant)
        if column.type == "date":
            return moment.date()
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    if number is not None and column.type == "int64":
        return whole(number)
    return number


def _edge(limit: Limit) -> str:
    """A limit as its contract has it: `-90`, not `-90.0`."""
    return str(int(limit)) if isinstance(limit, float) and limit.is_integer() else shown(limit)

"""Contract → vectorised checks: one pass says whether all rows are good, a second one names what is not."""

from collections.abc import Iterator
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
    """`broken` is true for rows that break the rule and false, never null, for all others."""

    column: str
    reason: Reason
    broken: pl.Expr
    rule: str


class Checks:
    """All checks of one contract."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self._checks = [check for column in contract.columns for check in _of(column)]
        self._any = pl.any_horizontal([check.broken for check in self._checks] or [pl.lit(False)])

    def violations(self, frame: pl.DataFrame) -> list[Violation]:
        """The first broken rule of each bad row, in the order of rows."""
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

    def check(reason: Reason, broken: pl.Expr, rule: str) -> Check:
        return Check(column.name, reason, broken.fill_null(False), rule)

    if not column.nullable:
        yield Check(column.name, Reason.NULL_VALUE, here.is_null(), "is not allowed here")
    if column.type == "float64":
        yield check(Reason.NOT_FINITE, ~here.is_finite(), "is not a finite number")
    least, most = _limit(column, column.min, column.earliest), _limit(column, column.max, column.latest)
    if least is not None:
        yield check(Reason.OUT_OF_RANGE, here < least, f"is below the minimum {shown(least)}{unit}")
    if most is not None:
        yield check(Reason.OUT_OF_RANGE, here > most, f"is above the maximum {shown(most)}{unit}")
    if column.one_of:
        allowed = ", ".join(column.one_of)
        yield check(Reason.NOT_ALLOWED, ~here.is_in(list(column.one_of)), f"is none of {allowed}")
    if column.pattern:
        yield check(Reason.PATTERN_MISMATCH, ~here.str.contains(column.pattern), f"does not match {column.pattern}")
    if column.max_length is not None:
        longest = column.max_length
        # Bytes are never fewer than characters, and counting them is almost free.
        too_long = (here.str.len_bytes() > longest) & (here.str.len_chars() > longest)
        yield check(Reason.TOO_LARGE, too_long, f"is longer than {longest} characters")


def _limit(column: Column, number: float | None, instant: str | None) -> float | int | datetime | date | None:
    """A limit in the column's own type."""
    if instant is not None:
        moment = datetime.fromisoformat(instant)
        if column.type == "date":
            return moment.date()
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    if number is not None and column.type == "int64":
        return int(number)
    return number

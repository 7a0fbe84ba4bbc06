"""Aggregates of records: what is kept while records come, how two of them become one, and what is told at the end.

Every aggregate is a few columns of state. A record alone is a state (`lift`), states of one group become one by
`merged`, and `told` makes the result. Merging is exact, associative and commutative, so the result depends neither on
how records were cut into batches nor, but for ties of `first` and `last`, on the order in which they came.

Sums of float64 are exact, too: each value is cut into three whole numbers, of ones, of 2^-44 and of 2^-88, which are
added as integers and become a float64 once, at the end. (The idea of Kulisch's accumulator, in as many digits as fit
the limits below; what lies under 2^-89 is rounded away for each value by itself.)
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from mesoscale.errors import Reason
from mesoscale.model.stateful import Function
from mesoscale_streams.stages.stateful import Failure

LARGEST = 1 << 48  # the greatest size of a value in a sum: then no batch can leave the numbers of 64 bits
_FULL = 1 << 62  # a sum beyond this is refused
_DIGIT = 1 << 44
_EARLIER = ".earlier"


class SumTooLarge(ArithmeticError):
    """A sum has grown beyond what is kept exactly."""


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One result: `function` of `column`, or of the records themselves where it is None (count only).

    `dtype` is that of the column. Values that are null are passed over, and where there is no other the result of all
    but count is null.
    """

    name: str
    function: Function
    column: str | None
    dtype: pl.DataType

    @property
    def sums(self) -> bool:
        return self.function in ("sum", "mean")


class Aggregates:
    """Several aggregates of the same records."""

    def __init__(self, aggregates: Sequence[Aggregate], event_time: str) -> None:
        """Args:
        aggregates: what is wanted.
        event_time: the column by which `first` and `last` are found; among equals, arrival decides.
        """
        self.each = tuple(aggregates)
        self._at = pl.col(event_time).dt.epoch("us")
        self.columns = pl.Schema(dict(part for one in self.each for part in _columns(one)))
        self._lifts = [part for one in self.each for part in _lift(one, self._at)]
        self._merges = [part for one in self.each for part in _merge(one)]
        self._joins = [part for one in self.each for part in _join(one)]
        self._carries = [part for one in self.each for part in _carry(one)]
        self._told = [_told(one) for one in self.each]
        self._summed = sorted({one.column for one in self.each if one.sums and one.column is not None})

    def columns_of(self, one: Aggregate) -> list[str]:
        """The columns of state that one of them has."""
        return [name for name, _ in _columns(one)]

    def lift(self) -> list[pl.Expr]:
        """Of records: the state of each alone."""
        return self._lifts

    def merge(self) -> list[pl.Expr]:
        """Of groups of states, in order of arrival: the one that they make. `carried` is to be called on the result."""
        return self._merges

    def joined(self, earlier: pl.DataFrame, later: pl.DataFrame) -> pl.DataFrame:
        """Row by row, the states that an earlier and a later one make; the earlier may be all null, which is nothing.

        Raises:
            SumTooLarge: see `carried`.
        """
        columns = list(self.columns)
        beside = earlier.select(pl.col(name).alias(f"{name}{_EARLIER}") for name in columns)
        return self.carried(later.select(columns).hstack(beside).select(self._joins))

    def carried(self, states: pl.DataFrame) -> pl.DataFrame:
        """States with their digits in order.

        Raises:
            SumTooLarge: a sum is beyond 2^62.
        """
        if not self._carries:
            return states
        carried = states.with_columns(self._carries)
        for one in self.each:
            if one.sums and (carried[f"{one.name}.sum"].abs() > _FULL).any():
                raise SumTooLarge(f"the {one.function} {one.name} is of values whose sum is beyond {_FULL}")
        return carried

    def told(self) -> list[pl.Expr]:
        """Of states: the results."""
        return self._told

    def failures(self, frame: pl.DataFrame) -> list[Failure]:
        """The records that hold a value which no sum takes (see LARGEST)."""
        if not self._summed or not any(frame.select(_beyond(name).any() for name in self._summed).row(0)):
            return []
        found: dict[int, Failure] = {}
        for name in self._summed:
            for row in frame.select(_beyond(name)).to_series().arg_true():
                detail = f"{name} {frame[name][row]} is too large to be in a sum: at most {LARGEST} either way"
                found.setdefault(row, Failure(row, Reason.OUT_OF_RANGE, detail))
        return [found[row] for row in sorted(found)]


def _beyond(name: str) -> pl.Expr:
    return ((pl.col(name) > LARGEST) | (pl.col(name) < -LARGEST)).fill_null(False)


def _columns(one: Aggregate) -> Iterator[tuple[str, pl.DataType]]:
    name = one.name
    match one.function:
        case "count":
            yield f"{name}.n", pl.Int64()
        case "sum" | "mean":
            yield f"{name}.n", pl.Int64()
            yield f"{name}.sum", pl.Int64()
            if one.dtype == pl.Float64:
                yield f"{name}.high", pl.Int64()
                yield f"{name}.low", pl.Int64()
        case "min" | "max":
            yield f"{name}.value", one.dtype
        case "first" | "last":
            yield f"{name}.at", pl.Int64()
            yield f"{name}.value", one.dtype


def _lift(one: Aggregate, at: pl.Expr) -> Iterator[pl.Expr]:
    name = one.name
    if one.column is None:
        yield pl.repeat(1, pl.len(), dtype=pl.Int64).alias(f"{name}.n")
        return
    value = pl.col(one.column)
    match one.function:
        case "count":
            yield value.is_not_null().cast(pl.Int64).alias(f"{name}.n")
        case "sum" | "mean":
            yield value.is_not_null().cast(pl.Int64).alias(f"{name}.n")
            ones = value.fill_null(0).cast(pl.Int64)  # towards zero, as all that follow
            yield ones.alias(f"{name}.sum")
            if one.dtype == pl.Float64:
                rest = (value.fill_null(0) - ones.cast(pl.Float64)) * _DIGIT
                high = rest.cast(pl.Int64)
                yield high.alias(f"{name}.high")
                yield ((rest - high.cast(pl.Float64)) * _DIGIT).round().cast(pl.Int64).alias(f"{name}.low")
        case "min" | "max":
            yield value.alias(f"{name}.value")
        case "first" | "last":
            yield pl.when(value.is_not_null()).then(at).alias(f"{name}.at")
            yield value.alias(f"{name}.value")


def _merge(one: Aggregate) -> Iterator[pl.Expr]:
    name = one.name
    match one.function:
        case "count" | "sum" | "mean":
            yield from (pl.col(part).sum() for part, _ in _columns(one))
        case "min":
            yield pl.col(f"{name}.value").min()
        case "max":
            yield pl.col(f"{name}.value").max()
        case "first":
            yield pl.col(f"{name}.at").min()
            yield pl.col(f"{name}.value").sort_by(f"{name}.at", nulls_last=True, maintain_order=True).first()
        case "last":
            yield pl.col(f"{name}.at").max()
            yield pl.col(f"{name}.value").sort_by(f"{name}.at", nulls_last=False, maintain_order=True).last()


def _join(one: Aggregate) -> Iterator[pl.Expr]:
    """As `_merge` of two states in columns beside each other."""
    name = one.name
    match one.function:
        case "count" | "sum" | "mean":
            yield from (pl.col(part) + pl.col(f"{part}{_EARLIER}").fill_null(0) for part, _ in _columns(one))
        case "min":
            yield pl.min_horizontal(f"{name}.value", f"{name}.value{_EARLIER}")
        case "max":
            yield pl.max_horizontal(f"{name}.value", f"{name}.value{_EARLIER}")
        case "first" | "last":
            at, before = pl.col(f"{name}.at"), pl.col(f"{name}.at{_EARLIER}")
            stays = before <= at if one.function == "first" else before > at
            stays = before.is_not_null() & (stays | at.is_null())
            yield from (
                pl.when(stays).then(f"{part}{_EARLIER}").otherwise(part).alias(part) for part, _ in _columns(one)
            )


def _carry(one: Aggregate) -> Iterator[pl.Expr]:
    """High and low digits from 0 to 2^44 - 1, so that a state is the same whichever way it came about."""
    if not one.sums:
        return
    ones, high, low = (pl.col(f"{one.name}.{part}") for part in ("sum", "high", "low"))
    if one.dtype != pl.Float64:
        yield ones
        return
    from_low = low // _DIGIT
    from_high = (high + from_low) // _DIGIT
    yield low - from_low * _DIGIT
    yield high + from_low - from_high * _DIGIT
    yield ones + from_high


def _told(one: Aggregate) -> pl.Expr:
    name = one.name
    match one.function:
        case "count":
            return pl.col(f"{name}.n").alias(name)
        case "sum":
            return pl.when(pl.col(f"{name}.n") > 0).then(_sum(one)).alias(name)
        case "mean":
            n = pl.col(f"{name}.n")
            return pl.when(n > 0).then(_sum(one).cast(pl.Float64) / n).alias(name)
        case _:
            return pl.col(f"{name}.value").alias(name)


def _sum(one: Aggregate) -> pl.Expr:
    """The digits as one number. Below zero they are first given one sign, or what is small would be lost in ones."""
    ones, high, low = (pl.col(f"{one.name}.{part}") for part in ("sum", "high", "low"))
    if one.dtype != pl.Float64:
        return ones
    below = (ones < 0) & ((high > 0) | (low > 0))
    ones = pl.when(below).then(ones + 1).otherwise(ones)
    high = pl.when(below).then(high - _DIGIT).otherwise(high)
    borrow = below & (low > 0) & (high < 0)
    high = pl.when(borrow).then(high + 1).otherwise(high)
    low = pl.when(borrow).then(low - _DIGIT).otherwise(low)
    fraction = high.cast(pl.Float64) / _DIGIT + low.cast(pl.Float64) / (_DIGIT * _DIGIT)
    return ones.cast(pl.Float64) + fraction

"""Aggregates of the recent records of each key, as of every record: exact, for many records and keys at once.

What a record sees are the records of its key that came no later than itself and whose event time is in (t - span, t].
By key and time these stand together, so differences of running sums and a table of minima of powers of two tell their
aggregates. Only records that came after a later one of their key are looked at one by one, each with all it sees.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mesoscale_streams.stages.aggregates import Aggregate, Aggregates
from mesoscale_streams.stages.keys import placed
from mesoscale_streams.stages.watermarks import Flags, Ints

Values = NDArray[Any]
Ufunc = np.ufunc

PIECE = 1 << 20  # records that are looked at one by one at once, so that memory stays bounded
FUNCTIONS = ("count", "sum", "min", "max", "mean")


@dataclass(frozen=True, slots=True)
class Timeline:
    """Records in the order of their group (a number for each key), their time in microseconds, and their arrival."""

    groups: Ints
    times: Ints
    arrivals: Ints

    def since(self, span: int, asked: Ints) -> Ints:
        """For each record at `asked`, the place of the first one that it may see."""
        here, wanted = placed((self.groups, self.times), (self.groups[asked], self.times[asked] - (span - 1)))
        return np.searchsorted(here, wanted)

    def overtaken(self) -> Flags:
        """Whether any record before this one, in its group, came after it."""
        apart = int(self.arrivals.max(initial=0)) + 1
        order = self.groups * apart + self.arrivals
        overtaken: Flags = np.maximum.accumulate(order) > order
        return overtaken


def over(timeline: Timeline, states: pl.DataFrame, asked: Ints, span: int, aggregates: Aggregates) -> pl.DataFrame:
    """The state of what each record at `asked` sees within `span` microseconds.

    Args:
        timeline: the records.
        states: the state of each of them alone, in that order.
        asked: places in the timeline.
        span: microseconds.
        aggregates: those of FUNCTIONS.
    """
    if not len(asked):
        return states.clear()
    first = timeline.since(span, asked)
    one_by_one = np.flatnonzero(timeline.overtaken()[asked])
    seen = {name: _Column(states[name], one) for one in aggregates.each for name in aggregates.columns_of(one)}
    folded = {name: column.between(first, asked + 1) for name, column in seen.items()}
    for piece in _pieces(one_by_one, asked - first + 1):
        members, starts = _members(first[piece], asked[piece])
        visible = timeline.arrivals[members] <= np.repeat(
            timeline.arrivals[asked[piece]], np.diff(np.append(starts, len(members)))
        )
        for name, column in seen.items():
            column.put(folded[name], piece, column.of(members, visible, starts))
    return pl.DataFrame([column.series(folded[name]) for name, column in seen.items()])


class _Column:
    """One column of states, and how several values of it become one."""

    def __init__(self, states: pl.Series, one: Aggregate) -> None:
        self._name, self._dtype = states.name, states.dtype
        physical = states.to_physical()
        self._valid = physical.is_not_null().to_numpy()
        self._sums = one.function not in ("min", "max")
        self._fold: Ufunc = np.minimum if one.function == "min" else np.maximum
        self._nothing = 0 if self._sums else _nothing(physical.dtype, one.function)
        self._values: Values = physical.fill_null(self._nothing).to_numpy()

    def between(self, first: Ints, end: Ints) -> tuple[Values, Ints]:
        """The values from `first` up to but without `end` as one, and how many of them there are."""
        valid = _running(self._valid.astype(np.int64))
        number = valid[end] - valid[first]
        if self._sums:
            sums = _running(self._values)
            return sums[end] - sums[first], number
        return self._extremes(first, end), number

    def _extremes(self, first: Ints, end: Ints) -> Values:
        """By a table of the extremes of 2^k neighbours: any range is covered by two of them."""
        level = np.frexp(end - first)[1] - 1  # the greatest power of two that is not longer
        result = np.empty(len(first), self._values.dtype)
        table = self._values
        for k in range(int(level.max(initial=0)) + 1):
            here = np.flatnonzero(level == k)
            result[here] = self._fold(table[first[here]], table[end[here] - (1 << k)])
            table = self._fold(table[: -(1 << k)], table[1 << k :])
        return result

    def of(self, members: Ints, visible: Flags, starts: Ints) -> tuple[Values, Ints]:
        """The visible members as one value for each of the groups that begin at `starts`."""
        values = np.where(visible, self._values[members], self._nothing)
        number = np.add.reduceat((visible & self._valid[members]).astype(np.int64), starts)
        return (np.add if self._sums else self._fold).reduceat(values, starts), number

    def put(self, folded: tuple[Values, Ints], places: Ints, better: tuple[Values, Ints]) -> None:
        folded[0][places], folded[1][places] = better

    def series(self, folded: tuple[Values, Ints]) -> pl.Series:
        values, number = folded
        series = pl.Series(self._name, values).cast(self._dtype)
        if self._sums or (number > 0).all():
            return series
        return pl.select(pl.when(pl.Series(number > 0)).then(series).alias(self._name)).to_series()


def _running(values: Values) -> Values:
    """Sums of all before each place. What leaves 64 bits comes back in their differences."""
    sums = np.zeros(len(values) + 1, values.dtype)
    np.cumsum(values, out=sums[1:])
    return sums


def _nothing(dtype: pl.DataType, function: str) -> Any:
    """What changes no minimum, or no maximum."""
    if dtype.is_float():
        return np.inf if function == "min" else -np.inf
    limits = np.iinfo(pl.Series([], dtype=dtype).to_numpy().dtype)
    return limits.max if function == "min" else limits.min


def _pieces(places: Ints, sizes: Ints) -> Iterator[Ints]:
    """The places in pieces, each of not much more than PIECE in size."""
    number = np.cumsum(sizes[places]) // PIECE
    yield from (part for part in np.split(places, np.flatnonzero(np.diff(number)) + 1) if len(part))


def _members(first: Ints, last: Ints) -> tuple[Ints, Ints]:
    """All places from each first to each last, one range after the other, and where each begins."""
    sizes = last - first + 1
    starts = np.cumsum(sizes) - sizes
    return np.arange(int(sizes.sum())) + np.repeat(first - starts, sizes), starts

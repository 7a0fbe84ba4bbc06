"""Join of two topics: pairs of records of one key whose event times are within an interval.

A record of ours at t pairs with those beside it from t - before to t + after. Each record is judged by the watermark of
its own topic and partition, and late if it is further behind than allowed; all others meet, whichever comes first, and
no pair is told twice. So the pairs, as a set, do not depend on how the reading of the two topics is mixed.

A record is kept until the watermarks of both topics say that none of its partners can come any more. In a left join,
one of ours that has met none by then goes on alone.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from mesoscale_streams.stages.buffers import AT, Buffer, Held
from mesoscale_streams.stages.keys import numbered, placed
from mesoscale_streams.stages.stateful import PARTITION
from mesoscale_streams.stages.two_inputs import Arrived, Joined
from mesoscale_streams.stages.watermarks import Ints, Moments
from mesoscale_streams.state.table import StateTable

_SIDE, _MET = ".side", ".met"
_OURS, _BESIDE = 0, 1


@dataclass(frozen=True, slots=True)
class _Side:
    """Records of one topic: the number of each one's key, its time, its columns and its row in the table."""

    of_key: Ints
    times: Ints
    frame: pl.DataFrame
    rows: Ints


class Join:
    """Pairs of records, and in a left join those of ours that have none."""

    def __init__(
        self,
        by: pl.Schema,
        ours: pl.Schema,
        beside: pl.Schema,
        names: dict[str, str],
        before: int,
        after: int,
        lateness: int,
        how: Literal["inner", "left"],
    ) -> None:
        """Args:
        by: the columns of the key, which both have.
        ours: all columns of our records.
        beside: the columns of the other ones that are wanted.
        names: what each of those is called in a pair.
        before: microseconds by which the other one may come before ours.
        after: microseconds by which it may come after.
        lateness: microseconds by which a record may be behind its watermark.
        how: whether records of ours without a partner go on (`left`) or not (`inner`).
        """
        self._by, self._ours, self._how = list(by), list(ours), how
        self._before, self._after, self._lateness = before, after, lateness
        self._renamed = [pl.col(name).alias(names[name]) for name in beside]
        self._beside = pl.Schema({names[name]: dtype for name, dtype in beside.items()})
        kept = pl.Schema({**ours, **self._beside, _MET: pl.Boolean()})
        self._buffer = Buffer(pl.Schema({**by, _SIDE: pl.Int64()}), kept)
        self.spec = self._buffer.spec

    def __call__(self, ours: Arrived, beside: Arrived, table: StateTable) -> Joined:
        late, late_beside = self._late(ours.moments), self._late(beside.moments)
        ours, beside = ours.of(~late), beside.of(~late_beside)
        theirs = beside.frame.select(*self._by, *self._renamed)
        keys, of_key = numbered([ours.frame, theirs], self._by, [ours.partitions, beside.partitions])
        old_ours, old_beside = (self._held(keys, side, table) for side in (_OURS, _BESIDE))
        new_beside = self._keep(keys, _BESIDE, theirs, of_key[1], beside.moments.times[~late_beside], table)
        pairs = [self._pairs(old_ours, new_beside)]
        new_ours = self._keep(keys, _OURS, ours.frame, of_key[0], ours.moments.times[~late], table)
        pairs += [self._pairs(new_ours, old_beside), self._pairs(new_ours, new_beside)]
        self._mark(pairs, table)
        told = pl.concat([*(pair for pair, _ in pairs), self._alone(ours.moments, beside.moments, table)])
        return Joined(told, np.flatnonzero(late).tolist(), np.flatnonzero(late_beside).tolist())

    def _late(self, moments: Moments) -> np.ndarray:
        return np.asarray(moments.times + self._lateness < moments.watermarks)

    def _shift(self, side: int) -> int:
        """From a record's time to that of its last partner, by which it is kept."""
        return self._after if side == _OURS else self._before

    def _held(self, keys: pl.DataFrame, side: int, table: StateTable) -> _Side:
        held = self._buffer.held(keys[PARTITION].to_numpy(), _sided(keys, side), table)
        frame = table.read(held.rows)
        return _Side(held.of_key, frame[AT].to_numpy() - self._shift(side), frame, held.rows)

    def _keep(
        self, keys: pl.DataFrame, side: int, records: pl.DataFrame, of_key: Ints, times: Ints, table: StateTable
    ) -> _Side:
        """Remember new records."""
        used, of_used = np.unique(of_key, return_inverse=True)
        mine = keys[used]
        partitions, sided = mine[PARTITION].to_numpy(), _sided(mine, side)
        held: Held = self._buffer.held(partitions, sided, table)
        whole = records.with_columns(
            *(
                pl.lit(None, dtype).alias(name)
                for name, dtype in self.spec.columns.items()
                if self._lacks(records, name)
            ),
            pl.lit(False).alias(_MET),
        )
        rows = np.zeros(0, np.int64)
        if records.height:
            until = times + self._shift(side)
            _, rows = self._buffer.append(partitions, sided, whole, of_used, until, held, table)
        return _Side(of_key, times, records, rows)

    def _lacks(self, records: pl.DataFrame, name: str) -> bool:
        return (name in self._ours or name in self._beside) and name not in records.columns

    def _pairs(self, ours: _Side, beside: _Side) -> tuple[pl.DataFrame, Ints]:
        """All pairs, and the rows of ours that are in one."""
        mine, others = _within(ours, beside, self._before, self._after)
        pairs = ours.frame[mine].select(self._ours).hstack(beside.frame[others].select(self._beside.names()))
        return pairs, ours.rows[mine]

    def _mark(self, pairs: list[tuple[pl.DataFrame, Ints]], table: StateTable) -> None:
        """Note who has met a partner."""
        if self._how == "left":
            met = np.unique(np.concatenate([rows for _, rows in pairs]))
            if len(met):
                table.write(met, pl.DataFrame({_MET: np.ones(len(met), np.bool_)}))

    def _alone(self, ours: Moments, beside: Moments, table: StateTable) -> pl.DataFrame:
        """Forget those whose partners cannot come any more; gives those of ours that go on alone."""
        ends = {number: min(mark, beside.ends[number]) for number, mark in ours.ends.items() if number in beside.ends}
        gone = self._buffer.expire(Moments(ours.times, ours.watermarks, ends), self._lateness + 1, table)
        wanted = (pl.col(_SIDE) == _OURS) & ~pl.col(_MET) if self._how == "left" else pl.lit(False)
        alone = gone.filter(wanted).sort(PARTITION, AT, *self._by)
        return alone.select(*self._ours, *self._beside)


def _sided(keys: pl.DataFrame, side: int) -> pl.DataFrame:
    return keys.with_columns(pl.lit(side, pl.Int64).alias(_SIDE))


def _within(ours: _Side, beside: _Side, before: int, after: int) -> tuple[Ints, Ints]:
    """All pairs of one key in the interval, as places: those of ours in their order, each with its partners by time."""
    low, high = ours.times - before, ours.times + (after + 1)
    places, lows, highs = placed((beside.of_key, beside.times), (ours.of_key, low), (ours.of_key, high))
    order = np.argsort(places, kind="stable")
    first, end = np.searchsorted(places, lows, sorter=order), np.searchsorted(places, highs, sorter=order)
    sizes = end - first
    starts = np.cumsum(sizes) - sizes
    return np.repeat(np.arange(len(sizes)), sizes), order[
        np.arange(int(sizes.sum())) + np.repeat(first - starts, sizes)
    ]

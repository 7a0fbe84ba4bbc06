"""Windows of fixed size: tumbling where each begins as the one before it ends, hopping where they overlap.

A window holds the records of one key from its start up to but without its end. It takes records until the watermark of
their partition has reached its end and the lateness that is allowed; then it is final. A record is late when each of
its windows was final before it came. Starts are whole multiples of `every` since 1970 in UTC.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import polars as pl

from mesoscale_streams.stages.aggregates import Aggregates
from mesoscale_streams.stages.stateful import PARTITION, Outcome, due, reach
from mesoscale_streams.stages.watermarks import Flags, Ints, Moments, Partitions
from mesoscale_streams.state.spec import StateSpec
from mesoscale_streams.state.table import StateTable

Emit = Literal["final", "updates"]

START, END = "window_start", "window_end"
INSTANT = pl.Datetime("us", "UTC")


class Windows:
    """Aggregates of each key in windows of fixed size.

    `final` tells each window once, when it is final. `updates` tells, with each batch, every window that changed in it
    as it then stands; how often that is depends on the batches, the last time it does not.
    """

    def __init__(
        self, by: pl.Schema, aggregates: Aggregates, size: int, every: int, lateness: int, emit: Emit = "final"
    ) -> None:
        """Args:
        by: the columns whose values are the key.
        aggregates: what is told of each window.
        size: microseconds from a start to its end.
        every: microseconds from one start to the next; at most `size`.
        lateness: microseconds for which a window waits for records after its end.
        emit: when windows are told.
        """
        self._aggregates = aggregates
        self._size, self._every, self._wait, self._emit = size, every, size + lateness, emit
        self._by, self._key = list(by), [*by, START]
        columns = pl.Schema({**by, START: pl.Int64(), **aggregates.columns})
        self.spec = StateSpec(key=tuple(self._key), columns=columns, due=START)

    def __call__(self, frame: pl.DataFrame, partitions: Partitions, moments: Moments, table: StateTable) -> Outcome:
        failures = self._aggregates.failures(frame)
        record, start, late = self._windows_of(moments, [one.row for one in failures])
        new = self._grouped(frame, partitions, record, start)
        closed: Flags = new[START].to_numpy() + self._wait <= reach(new[PARTITION].to_numpy(), moments)
        touched, rows = self._merged(new, closed, table)
        gone, theirs = due(table, moments, self._wait)
        told = touched
        if self._emit == "final":
            elsewhere = ~np.isin(gone, rows[closed])
            told = touched.filter(closed).vstack(self._read(gone[elsewhere], theirs[elsewhere], table))
        table.remove(gone)
        return Outcome(self._told(told), late, failures)

    def _windows_of(self, moments: Moments, rejected: Sequence[int]) -> tuple[Ints, Ints, list[int]]:
        """Each record with each open window of it, as row and start, in order of arrival; and which are late."""
        times = moments.times
        back = np.arange(-(-self._size // self._every), dtype=np.int64) * self._every
        starts = (times - times % self._every)[:, None] - back
        takes = np.asarray(starts + self._size > times[:, None])
        takes &= starts + self._wait > moments.watermarks[:, None]
        late: Flags = np.logical_not(takes.any(axis=1))
        takes[list(rejected)], late[list(rejected)] = False, False
        record, which = np.nonzero(takes)
        return record, starts[record, which], np.flatnonzero(late).tolist()

    def _grouped(self, frame: pl.DataFrame, partitions: Partitions, record: Ints, start: Ints) -> pl.DataFrame:
        """One state for each window that these records are in."""
        lifted = frame.select(*self._by, *self._aggregates.lift())
        if len(record) != frame.height or self._every < self._size:
            lifted = lifted[record]
        lifted = lifted.with_columns(pl.Series(PARTITION, partitions[record]), pl.Series(START, start))
        return lifted.group_by(PARTITION, *self._key).agg(self._aggregates.merge())

    def _merged(self, new: pl.DataFrame, closed: Flags, table: StateTable) -> tuple[pl.DataFrame, Ints]:
        """The windows of `new` with what was known of them, and their rows. Those that stay open are remembered."""
        partitions, keys = new[PARTITION].to_numpy(), new.select(self._key)
        if closed.any():  # windows that open and close within a batch need no row
            rows = np.empty(new.height, np.int64)
            rows[closed] = table.find(partitions[closed], keys.filter(closed))
            rows[~closed] = table.insert(partitions[~closed], keys.filter(~closed))
        else:
            rows = table.insert(partitions, keys)
        states = self._aggregates.joined(table.read(rows, list(self._aggregates.columns)), new)
        table.write(rows[~closed], states.filter(~closed) if closed.any() else states)
        return new.select(PARTITION, *self._key).hstack(states), rows

    def _read(self, rows: Ints, partitions: Partitions, table: StateTable) -> pl.DataFrame:
        return table.read(rows).select(pl.Series(PARTITION, partitions), *self.spec.columns)

    def _told(self, windows: pl.DataFrame) -> pl.DataFrame:
        """Of each partition in the order of starts, which is that in which they become final, however batches are."""
        return windows.sort(PARTITION, START, *self._by).select(
            *self._by,
            pl.col(START).cast(INSTANT),
            (pl.col(START) + self._size).cast(INSTANT).alias(END),
            *self._aggregates.told(),
        )

"""Rolling aggregates: each record goes on with what its key did in the spans of time that end at it.

What a record sees is what came before it, in arrival, of its key; see `spans`. A record that is further behind the
watermark than the lateness that is allowed is late: of what it would have to see, some may be forgotten.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from mesoscale_streams.stages import spans
from mesoscale_streams.stages.aggregates import Aggregates
from mesoscale_streams.stages.buffers import AT, Buffer
from mesoscale_streams.stages.keys import numbered, placed
from mesoscale_streams.stages.spans import Timeline
from mesoscale_streams.stages.stateful import PARTITION, Outcome
from mesoscale_streams.stages.watermarks import Ints, Moments, Partitions
from mesoscale_streams.state.table import StateTable

_KEY = ".key"


class Rolling:
    """Every accepted record with its aggregates beside it, in order of arrival."""

    def __init__(
        self, by: pl.Schema, kept: pl.Schema, features: Sequence[tuple[int, Aggregates]], lateness: int
    ) -> None:
        """Args:
        by: the columns whose values are the key.
        kept: the columns that the aggregates are of.
        features: microseconds of a span → what is told of it.
        lateness: microseconds by which a record may be behind the watermark.
        """
        self._by, self._features = list(by), features
        self._wait = lateness + max(span for span, _ in features)
        self._lateness = lateness
        self._buffer = Buffer(by, kept)
        self._kept = list(kept)
        self.spec = self._buffer.spec

    def __call__(self, frame: pl.DataFrame, partitions: Partitions, moments: Moments, table: StateTable) -> Outcome:
        failed = {one.row: one for _, aggregates in self._features for one in aggregates.failures(frame)}
        late = moments.times + self._lateness < moments.watermarks
        late[list(failed)] = False
        taken = ~late
        taken[list(failed)] = False
        told = self._seen(frame.filter(taken), partitions[taken], moments.times[taken], table)
        self._buffer.expire(moments, self._wait, table)
        return Outcome(told, np.flatnonzero(late).tolist(), [failed[row] for row in sorted(failed)])

    def _seen(self, frame: pl.DataFrame, partitions: Partitions, times: Ints, table: StateTable) -> pl.DataFrame:
        """The records with what each of them sees, which are kept from now on."""
        keys, [of_key] = numbered([frame], self._by, [partitions])
        theirs = keys[PARTITION].to_numpy()
        held = self._buffer.held(theirs, keys, table)
        before = table.read(held.rows, [*self._kept, AT])
        numbers, _ = self._buffer.append(theirs, keys, frame, of_key, times, held, table)
        groups = np.concatenate([held.of_key, of_key])
        instants = np.concatenate([before[AT].to_numpy(), times])
        arrivals = np.concatenate([held.numbers, numbers])
        [places] = placed((groups, instants))
        order = np.argsort(places, kind="stable")  # of a key, records stand in the order of arrival already
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        asked = place[len(held.rows) :]
        timeline = Timeline(groups[order], instants[order], arrivals[order])
        records = before.select(self._kept).vstack(frame.select(self._kept))
        return frame.hstack(self._told(timeline, records, len(order), order, asked))

    def _told(self, timeline: Timeline, records: pl.DataFrame, number: int, order: Ints, asked: Ints) -> pl.DataFrame:
        told: list[pl.Series] = []
        for span, aggregates in self._features:
            lifted = records.with_columns(pl.Series(_KEY, np.zeros(number, np.int8))).select(aggregates.lift())
            states = spans.over(timeline, lifted[order], asked, span, aggregates)
            told += aggregates.carried(states).select(aggregates.told()).get_columns()
        return pl.DataFrame(told)

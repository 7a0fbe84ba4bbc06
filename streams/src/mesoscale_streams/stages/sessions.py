"""Sessions: records of one key that follow each other without a pause longer than `gap`.

A record is late when its event time is before the watermark of its partition less the lateness that is allowed. All
others are in the session that they belong to by their time, whatever the order in which they came: one that stands
between two sessions makes them one. A session is final when the watermark has passed its last record, the gap and the
lateness: from then on whoever could join it is late.

That lateness looks at the record alone, and not at which sessions happen to be open, is on purpose: it keeps a record
from opening a second session inside the gap of one that is final already (https://github.com/apache/beam/issues/18677).
"""

import numpy as np
import polars as pl

from mesoscale_streams.stages.aggregates import Aggregates
from mesoscale_streams.stages.stateful import PARTITION, Outcome, due, reach
from mesoscale_streams.stages.watermarks import Flags, Ints, Moments, Partitions
from mesoscale_streams.stages.windows import INSTANT, Emit
from mesoscale_streams.state.spec import StateSpec
from mesoscale_streams.state.table import StateTable

START, END = "session_start", "session_end"
_SLOT = ".slot"
_LOOKED_AT = ".looked_at"  # an end that the session had; so a session that goes on is not due anew with each record
_FIRST, _LAST = ".first", ".last"
_SESSION = ".session"


class Sessions:
    """Aggregates of each key's sessions.

    The open sessions of a key are numbered in the order of time; there is seldom more than one. What is told, and when,
    is as with `windows.Windows`; a session that was told and then became a part of another is told no more.
    """

    def __init__(self, by: pl.Schema, aggregates: Aggregates, gap: int, lateness: int, emit: Emit = "final") -> None:
        """Args:
        by: the columns whose values are the key.
        aggregates: what is told of each session.
        gap: microseconds; the longest pause between two records of a session.
        lateness: microseconds by which a record may be behind the watermark.
        emit: when sessions are told.
        """
        self._aggregates = aggregates
        self._gap, self._lateness, self._emit = gap, lateness, emit
        self._wait = gap + lateness + 1
        self._by, self._key = list(by), [PARTITION, *by]
        own = dict.fromkeys((_SLOT, _LOOKED_AT, _FIRST, _LAST), pl.Int64())
        self.spec = StateSpec(key=(*by, _SLOT), columns=pl.Schema({**by, **own, **aggregates.columns}), due=_LOOKED_AT)

    def __call__(self, frame: pl.DataFrame, partitions: Partitions, moments: Moments, table: StateTable) -> Outcome:
        failures = self._aggregates.failures(frame)
        late = moments.times + self._lateness < moments.watermarks
        late[[one.row for one in failures]] = False
        taken = ~late
        taken[[one.row for one in failures]] = False
        records = self._records(frame, partitions, moments.times, taken)
        gone, theirs = due(table, moments, self._wait)
        keys = records.select(self._key).vstack(self._keys(gone, theirs, table)).unique(maintain_order=True)
        open_before, rows = self._open(keys, table)
        sessions = self._joined(open_before.vstack(records))
        closed = sessions[_LAST].to_numpy() + self._wait <= reach(sessions[PARTITION].to_numpy(), moments)
        self._write(sessions.filter(~closed), rows, gone, table)
        told = sessions.filter(closed if self._emit == "final" else self._changed(sessions, records))
        return Outcome(self._told(told), np.flatnonzero(late).tolist(), failures)

    def _records(self, frame: pl.DataFrame, partitions: Partitions, times: Ints, taken: Flags) -> pl.DataFrame:
        """Each record as a session of its own."""
        lifted = frame.select(*self._by, *self._aggregates.lift()).filter(taken)
        own = (pl.Series(PARTITION, partitions[taken]), pl.Series(_FIRST, times[taken]), pl.Series(_LAST, times[taken]))
        return lifted.with_columns(own).select(self._columns)

    @property
    def _columns(self) -> list[str]:
        return [*self._key, _FIRST, _LAST, *self._aggregates.columns]

    def _keys(self, rows: Ints, partitions: Partitions, table: StateTable) -> pl.DataFrame:
        return table.read(rows, self._by).select(pl.Series(PARTITION, partitions), *self._by)

    def _open(self, keys: pl.DataFrame, table: StateTable) -> tuple[pl.DataFrame, Ints]:
        """The open sessions of keys, and their rows: all first ones, then all second ones, until none has more."""
        partitions, found, theirs = keys[PARTITION].to_numpy(), [], []
        slot, asked = 0, np.arange(keys.height)
        while len(asked):
            slots = keys[asked].with_columns(pl.lit(slot, pl.Int64).alias(_SLOT))
            rows = table.find(partitions[asked], slots)
            asked, rows = asked[rows >= 0], rows[rows >= 0]
            found.append(rows)
            theirs.append(partitions[asked])
            slot += 1
        rows = np.concatenate(found) if found else np.zeros(0, np.int64)
        of_rows = np.concatenate(theirs) if theirs else np.zeros(0, np.int32)
        return table.read(rows).with_columns(pl.Series(PARTITION, of_rows)).select(self._columns), rows

    def _joined(self, pieces: pl.DataFrame) -> pl.DataFrame:
        """Sessions and records of each key, joined where no pause is longer than the gap, in the order of time."""
        pieces = pieces.sort(*self._key, _FIRST, maintain_order=True)
        until = pl.col(_LAST).cum_max().shift(1).over(self._key)
        begins = (pl.col(_FIRST) > until + self._gap).fill_null(True)
        numbered = pieces.with_columns(begins.cum_sum().alias(_SESSION))
        sessions = numbered.group_by(_SESSION, maintain_order=True).agg(
            *(pl.col(name).first() for name in self._key),
            pl.col(_FIRST).min(),
            pl.col(_LAST).max(),
            *self._aggregates.merge(),
        )
        return self._aggregates.carried(sessions.select(self._columns))

    def _write(self, sessions: pl.DataFrame, before: Ints, gone: Ints, table: StateTable) -> None:
        """Let the keys have these open sessions instead of those in the rows `before`; `gone` were due."""
        numbered = sessions.with_columns((pl.int_range(pl.len()).over(self._key)).cast(pl.Int64).alias(_SLOT))
        rows = table.insert(numbered[PARTITION].to_numpy(), numbered.select(self.spec.key))
        table.remove(before[~np.isin(before, rows)])
        table.write(rows, numbered.select(_FIRST, _LAST, *self._aggregates.columns))
        ends = numbered[_LAST].to_numpy()
        again = ~np.isin(rows, before) | np.isin(rows, gone) | (ends < table.numbers(_LOOKED_AT, rows))
        table.set_numbers(_LOOKED_AT, rows[again], ends[again])

    def _changed(self, sessions: pl.DataFrame, records: pl.DataFrame) -> pl.Series:
        """Which sessions have one of the records in them."""
        keys = sessions.select(self._key).with_row_index(_SESSION)
        times = records.select(*self._key, pl.col(_FIRST).alias(".at"))
        inside = times.join(keys.hstack(sessions.select(_FIRST, _LAST)), on=self._key).filter(
            pl.col(".at").is_between(_FIRST, _LAST)
        )
        return pl.Series(np.isin(np.arange(sessions.height), inside[_SESSION].unique().to_numpy()))

    def _told(self, sessions: pl.DataFrame) -> pl.DataFrame:
        """Of each partition in the order of ends, which is that in which they become final, however batches are."""
        return sessions.sort(PARTITION, _LAST, *self._by).select(
            *self._by,
            pl.col(_FIRST).cast(INSTANT).alias(START),
            pl.col(_LAST).cast(INSTANT).alias(END),
            *self._aggregates.told(),
        )

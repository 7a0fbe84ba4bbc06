"""Sessions: records of one key that follow each other without a pause longer than `gap`.

A record is late when its event time is before the watermark of its partition less the lateness that is allowed. All
others are in the session that they belong to by their time, whatever the order in which they came: one that stands
between two sessions makes them one. A session is final when the watermark has passed its last record, the gap and the
lateness: from then on whoever could join it is late.

That lateness looks at the record alone, and not at which sessions happen to be open, is on purpose: it keeps a record
from opening a second session inside the gap of one that is final already (https://github.com/apache/beam/issues/18677).
"""

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from mesoscale_streams.stages.aggregates import Aggregates
from mesoscale_streams.stages.keys import numbered, placed
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


@dataclass(frozen=True, slots=True)
class _Pieces:
    """Sessions, or records as sessions of their own: the number of the key of each, its first and last time, its state;
    and of sessions that were joined, whether a record is in them."""

    of_key: Ints
    first: Ints
    last: Ints
    states: pl.DataFrame
    grown: Flags = field(default_factory=lambda: np.zeros(0, np.bool_))

    def only(self, chosen: Flags) -> "_Pieces":
        return _Pieces(self.of_key[chosen], self.first[chosen], self.last[chosen], self.states.filter(chosen))

    def framed(self) -> pl.DataFrame:
        return self.states.with_columns(pl.Series(_FIRST, self.first), pl.Series(_LAST, self.last))


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
        self._by = list(by)
        own = dict.fromkeys((_SLOT, _LOOKED_AT, _FIRST, _LAST), pl.Int64())
        self.spec = StateSpec(key=(*by, _SLOT), columns=pl.Schema({**by, **own, **aggregates.columns}), due=_LOOKED_AT)

    def __call__(self, frame: pl.DataFrame, partitions: Partitions, moments: Moments, table: StateTable) -> Outcome:
        failures = self._aggregates.failures(frame)
        rejected = [one.row for one in failures]
        late = moments.times + self._lateness < moments.watermarks
        late[rejected] = False
        taken = ~late
        taken[rejected] = False
        gone, theirs = due(table, moments, self._wait)
        records, of_records = frame.filter(taken), partitions[taken]
        frames = [records.select(self._by), table.read(gone, self._by)]
        keys, [of_record, _] = numbered(frames, self._by, [of_records, theirs])
        before, open_before = self._open(keys, table)
        times = moments.times[taken]
        sessions = self._joined(open_before, _Pieces(of_record, times, times, records.select(self._aggregates.lift())))
        closed: Flags = sessions.last + self._wait <= reach(keys[PARTITION].to_numpy()[sessions.of_key], moments)
        self._write(sessions.only(~closed), keys, before, gone, table)
        told = sessions.only(closed if self._emit == "final" else sessions.grown)
        return Outcome(self._told(keys[told.of_key].hstack(told.framed())), np.flatnonzero(late).tolist(), failures)

    def _open(self, keys: pl.DataFrame, table: StateTable) -> tuple[Ints, "_Pieces"]:
        """The open sessions of keys, and their rows: all first ones, then all second ones, until none has more."""
        partitions, found, of_key = keys[PARTITION].to_numpy(), [], []
        slot, asked = 0, np.arange(keys.height)
        while len(asked):
            slots = keys[asked].with_columns(pl.lit(slot, pl.Int64).alias(_SLOT))
            rows = table.find(partitions[asked], slots)
            asked, rows = asked[rows >= 0], rows[rows >= 0]
            found.append(rows)
            of_key.append(asked)
            slot += 1
        rows = np.concatenate(found) if found else np.zeros(0, np.int64)
        which = np.concatenate(of_key) if of_key else np.zeros(0, np.int64)
        states = table.read(rows, list(self._aggregates.columns))
        return rows, _Pieces(which, table.numbers(_FIRST, rows), table.numbers(_LAST, rows), states)

    def _joined(self, sessions: "_Pieces", records: "_Pieces") -> "_Pieces":
        """Sessions and records of each key, joined where no pause is longer than the gap, in the order of time."""
        of_key = np.concatenate([sessions.of_key, records.of_key])
        first, last = np.concatenate([sessions.first, records.first]), np.concatenate([sessions.last, records.last])
        starts, ends, joinable = placed((of_key, first), (of_key, last), (of_key, first - self._gap))
        order = np.argsort(starts, kind="stable")
        until = np.maximum.accumulate(ends[order])  # of a key; those of the keys before it are all less
        begins = np.flatnonzero(joinable[order] > np.concatenate([[-1], until[:-1]])) if len(order) else order
        number = np.repeat(np.arange(len(begins)), np.diff(np.append(begins, len(order))))
        states = sessions.states.vstack(records.states)[order].with_columns(pl.Series(_SESSION, number))
        merged = states.group_by(_SESSION, maintain_order=True).agg(self._aggregates.merge()).drop(_SESSION)
        of_records = np.zeros(len(begins), np.bool_)
        of_records[number[order >= len(sessions.of_key)]] = True
        return _Pieces(
            of_key[order][begins],
            first[order][begins],
            np.maximum.reduceat(last[order], begins) if len(order) else last,
            self._aggregates.carried(merged.select(list(self._aggregates.columns))),
            of_records,
        )

    def _write(self, sessions: "_Pieces", keys: pl.DataFrame, before: Ints, gone: Ints, table: StateTable) -> None:
        """Let the keys have these open sessions instead of those in the rows `before`; `gone` were due."""
        begins = np.flatnonzero(np.diff(sessions.of_key, prepend=-1))
        sizes = np.diff(np.append(begins, len(sessions.of_key)))
        slots = np.arange(len(sessions.of_key)) - np.repeat(begins, sizes)
        named = keys[sessions.of_key].with_columns(pl.Series(_SLOT, slots, pl.Int64))
        rows = table.insert(named[PARTITION].to_numpy(), named)
        table.remove(before[~np.isin(before, rows)])
        table.write(rows, sessions.framed())
        again = ~np.isin(rows, before) | np.isin(rows, gone) | (sessions.last < table.numbers(_LOOKED_AT, rows))
        table.set_numbers(_LOOKED_AT, rows[again], sessions.last[again])

    def _told(self, sessions: pl.DataFrame) -> pl.DataFrame:
        """Of each partition in the order of ends, which is that in which they become final, however batches are."""
        return sessions.sort(PARTITION, _LAST, *self._by).select(
            *self._by,
            pl.col(_FIRST).cast(INSTANT).alias(START),
            pl.col(_LAST).cast(INSTANT).alias(END),
            *self._aggregates.told(),
        )

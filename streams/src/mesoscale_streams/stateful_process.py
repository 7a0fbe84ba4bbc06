"""Batch → Work of a stage that remembers: contract, watermarks, operator; what is late, and who is to blame."""

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime

import numpy as np
import polars as pl

from mesoscale.contract.types import Contract
from mesoscale.errors import Reason
from mesoscale.ledger import Counts
from mesoscale_streams.kafka.reader import TopicBatch
from mesoscale_streams.process import Process
from mesoscale_streams.records import encode
from mesoscale_streams.records.checks import Checks
from mesoscale_streams.records.decode import Decoder, Rejected
from mesoscale_streams.stages.forward import forward
from mesoscale_streams.stages.stateful import Stateful
from mesoscale_streams.stages.step import conform
from mesoscale_streams.stages.watermarks import Ints, Moments, Partitions, Watermarks, far_ahead
from mesoscale_streams.state.table import StateTable
from mesoscale_streams.work import Work


class StatefulProcess:
    """What a stage that remembers does with every batch: `read = accepted + rejected + late`, by partition."""

    def __init__(
        self,
        *,
        node: str,
        incoming: Contract,
        outgoing: Contract,
        operator: Stateful,
        table: StateTable,
        watermarks: Watermarks,
        max_ahead: int,
        at_end: Callable[[], Collection[int]],
        limit: AbstractContextManager[object] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Args:
        node: who signs dead letters.
        incoming: the contract of what is read. Without an event time in it, the time at which a record was written
            into its topic counts.
        outgoing: the contract of what is written.
        operator: what turns the one into the other.
        table: what it remembers.
        watermarks: how far event time has come.
        max_ahead: microseconds by which a record may be ahead of when it was written.
        at_end: the partitions of which all has been read; only these can be idle.
        limit: entered while the operator has a batch.
        clock: seconds, for idle partitions.
        """
        self._incoming = incoming
        self._outgoing = outgoing
        self._operator = operator
        self._table = table
        self._watermarks = watermarks
        self._max_ahead = max_ahead
        self._at_end = at_end
        self._limit = limit or nullcontext()
        self._clock = clock
        self._decoder = Decoder(incoming)
        self._checks = Checks(outgoing)
        self._signer = Process(node, incoming, outgoing, forward)
        self._moved: dict[int, int] = {}

    def rest(self) -> bool:
        """Let event time go on in partitions where nothing comes; whether it did, and an empty batch is worth while."""
        if self._operator.spec.due and len(self._table):
            self._moved |= self._watermarks.rest(self._clock(), self._at_end())
        return bool(self._moved)

    def __call__(self, batch: TopicBatch) -> Work:
        decoded = self._decoder.decode(batch.values)
        frame = decoded.frame
        records = np.arange(len(batch.values)) if decoded.accepted is None else np.array(decoded.accepted, np.int64)
        times = self._times(frame, batch, records)
        ahead = far_ahead(times, batch.stamps[records], self._max_ahead)
        rejected = list(decoded.rejected)
        if ahead.any():
            rows = np.flatnonzero(ahead)
            rejected += [Rejected(int(records[row]), Reason.OUT_OF_RANGE, told_ahead(times[row])) for row in rows]
            frame, records, times = frame.filter(~ahead), records[~ahead], times[~ahead]
        if batch.condemned:
            rejected += [Rejected(int(record), Reason.STEP_DIED, batch.condemned) for record in records]
            frame, records, times = frame.clear(), records[:0], times[:0]
        partitions = batch.partitions[records]
        moments = self._moments(partitions, times)
        home = self._home(batch, moments)
        with self._limit:
            outcome = self._operator(frame, partitions, moments, self._table)
        rejected += [Rejected(int(records[one.row]), one.reason, one.detail) for one in outcome.failures]
        late = [
            Rejected(int(records[row]), Reason.LATE, told_late(times[row], moments.watermarks[row]))
            for row in outcome.late
        ]
        produced = conform(outcome.frame, self._checks)
        return Work(
            batch=batch,
            frame=produced,
            rows=None,
            values=encode.encode(produced),
            keys=encode.keys(produced, self._outgoing),
            letters=[self._signer.letter(batch, one) for one in sorted(rejected, key=lambda one: one.index)],
            counts=counts(batch, [one.index for one in rejected], [one.index for one in late], home, produced.height),
            late=[self._signer.letter(batch, one) for one in late],
        )

    def _times(self, frame: pl.DataFrame, batch: TopicBatch, records: Ints) -> Ints:
        """The event time of each row in microseconds; where it has none, when it was written."""
        stamps: Ints = batch.stamps[records]
        if self._incoming.event_time is None:
            return stamps
        times = frame[self._incoming.event_time].to_physical()
        if times.null_count():
            times = times.fill_null(pl.Series(stamps))
        return times.to_numpy()

    def _home(self, batch: TopicBatch, moments: Moments) -> int | None:
        """The partition with which the ledger puts what is produced: one that was read from, now or before."""
        sizes = self._table.sizes()
        return min(batch.ends or (partition for partition in moments.ends if sizes.get(partition)), default=None)

    def _moments(self, partitions: Partitions, times: Ints) -> Moments:
        now = self._clock()
        moments = self._watermarks.observe(partitions, times, now)
        moved, self._moved = self._moved | self._watermarks.rest(now, self._at_end()), {}
        marks = self._watermarks.marks
        rested = {partition: marks[partition] for partition in moved if partition in marks}
        return Moments(moments.times, moments.watermarks, {**moments.ends, **rested})


def told_ahead(time: int) -> str:
    """Why a record was rejected whose event time, in microseconds, is too far ahead."""
    return f"event time {_instant(time)} is too far in the future of when the record was written"


def told_late(time: int, watermark: int) -> str:
    """Why a record is late; both in microseconds."""
    return f"event time {_instant(time)}, when the watermark was {_instant(watermark)}"


def _instant(microseconds: int) -> str:
    return datetime.fromtimestamp(int(microseconds) / 1e6, UTC).isoformat()


def counts(
    batch: TopicBatch, rejected: Sequence[int], late: Sequence[int], home: int | None, produced: int
) -> dict[int, Counts]:
    """The ledger's entries by input partition; what was produced has none, so all of it stands with `home`."""
    read, refused, behind = batch.spread(None), batch.spread(rejected), batch.spread(late)
    counts = {
        partition: Counts(
            read=number,
            accepted=number - refused.get(partition, 0) - behind.get(partition, 0),
            rejected=refused.get(partition, 0),
            late=behind.get(partition, 0),
        )
        for partition, number in read.items()
    }
    if home is not None:
        counts[home] = counts.get(home, Counts()) + Counts(produced=produced)
    return counts

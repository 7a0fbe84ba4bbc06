"""Batch → Work of a stage that reads two topics: each side's contract and watermarks, then what joins them."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from mesoscale.contract.types import Contract
from mesoscale.errors import Reason
from mesoscale_streams.deadletter import DeadLetter
from mesoscale_streams.kafka import lanes
from mesoscale_streams.kafka.reader import TopicBatch
from mesoscale_streams.pair_marks import PairMarks
from mesoscale_streams.process import Process
from mesoscale_streams.records import encode
from mesoscale_streams.records.checks import Checks
from mesoscale_streams.records.decode import Decoder, Rejected
from mesoscale_streams.stages.forward import forward
from mesoscale_streams.stages.step import conform
from mesoscale_streams.stages.two_inputs import Arrived, TwoInputs
from mesoscale_streams.stages.watermarks import Flags, Ints, Moments, far_ahead
from mesoscale_streams.state.table import StateTable
from mesoscale_streams.stateful_process import counts, told_ahead, told_late
from mesoscale_streams.work import Work


@dataclass(frozen=True, slots=True)
class PairWork(Work):
    """Work on two topics; `letters` are of the first, `letters_beside` of the one beside it."""

    letters_beside: list[DeadLetter] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Taken:
    """What came of one topic: its records' places in the batch, and those that were refused."""

    arrived: Arrived
    rejected: list[Rejected]

    def late(self, rows: Collection[int]) -> list[Rejected]:
        moments = self.arrived.moments
        return [
            Rejected(
                int(self.arrived.arrivals[row]), Reason.LATE, told_late(moments.times[row], moments.watermarks[row])
            )
            for row in rows
        ]


class _Side:
    """How one of the topics is read."""

    def __init__(self, node: str, contract: Contract, beside: bool, max_ahead: int, watermarks: PairMarks) -> None:
        self._contract, self._beside = contract, beside
        self._max_ahead, self._watermarks = max_ahead, watermarks
        self._decoder = Decoder(contract)
        self.sign = Process(node, contract, None, forward).letter

    def take(self, batch: TopicBatch, now: float) -> _Taken:
        places = np.flatnonzero((batch.partitions >= lanes.BESIDE) == self._beside)
        decoded = self._decoder.decode([batch.values[place] for place in places.tolist()])
        rejected = [Rejected(int(places[one.index]), one.reason, one.detail) for one in decoded.rejected]
        frame = decoded.frame
        records = places if decoded.accepted is None else places[decoded.accepted]
        times = self._times(batch, records, frame)
        ahead: Flags = far_ahead(times, batch.stamps[records], self._max_ahead)
        if ahead.any():
            rejected += [
                Rejected(int(records[row]), Reason.OUT_OF_RANGE, told_ahead(times[row]))
                for row in np.flatnonzero(ahead)
            ]
            frame, records, times = frame.filter(~ahead), records[~ahead], times[~ahead]
        moments = self._watermarks.observe(batch.partitions[records], times, now)
        partitions = (batch.partitions[records] % lanes.BESIDE).astype(np.int32)
        return _Taken(Arrived(frame, partitions, records, moments), rejected)

    def _times(self, batch: TopicBatch, records: Ints, frame: pl.DataFrame) -> Ints:
        stamps: Ints = batch.stamps[records]
        if self._contract.event_time is None:
            return stamps
        times: Ints = frame[self._contract.event_time].to_physical().to_numpy()
        return times


class PairProcess:
    """What such a stage does with every batch: `read = accepted + rejected + late`, by lane."""

    def __init__(
        self,
        *,
        node: str,
        ours: Contract,
        beside: Contract,
        outgoing: Contract,
        operator: TwoInputs,
        table: StateTable,
        watermarks: PairMarks,
        max_ahead: int,
        at_end: Callable[[], Collection[int]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Args:
        node: who signs dead letters.
        ours: the contract of the topic in `from`.
        beside: the contract of the topic beside it.
        outgoing: the contract of what is written.
        operator: what joins them.
        table: what it remembers.
        watermarks: how far event time has come, by lane.
        max_ahead: microseconds by which a record may be ahead of when it was written.
        at_end: the lanes of which all has been read.
        clock: seconds, for idle lanes.
        """
        self._sides = tuple(
            _Side(node, contract, bool(side), max_ahead, watermarks) for side, contract in enumerate((ours, beside))
        )
        self._outgoing, self._checks = outgoing, Checks(outgoing)
        self._operator, self._table = operator, table
        self._watermarks, self._at_end, self._clock = watermarks, at_end, clock

    def rest(self) -> bool:
        """Let event time go on in lanes where nothing comes; whether it did, and an empty batch is worth while."""
        if not (self._operator.spec.due and len(self._table)):
            return False
        return bool(self._watermarks.rest(self._clock(), self._at_end()))

    def __call__(self, batch: TopicBatch) -> PairWork:
        now = self._clock()
        ours, beside = (side.take(batch, now) for side in self._sides)
        self._watermarks.rest(now, self._at_end())
        before = self._table.sizes()
        joined = self._operator(self._whole(ours, False), self._whole(beside, True), self._table)
        late, late_beside = ours.late(joined.late), beside.late(joined.late_beside)
        rejected = [one.index for one in (*ours.rejected, *beside.rejected)]
        # The ledger puts what is produced with one lane: one that was read from, or whose state has changed.
        changed = [partition for partition, size in self._table.sizes().items() if size != before.get(partition, 0)]
        home = min(batch.ends or changed, default=None)
        produced = conform(joined.frame, self._checks)
        sign, sign_beside = (side.sign for side in self._sides)
        return PairWork(
            batch=batch,
            frame=produced,
            rows=None,
            values=encode.encode(produced),
            keys=encode.keys(produced, self._outgoing),
            letters=[sign(batch, one) for one in ours.rejected],
            letters_beside=[sign_beside(batch, one) for one in beside.rejected],
            late=[sign(batch, one) for one in late] + [sign_beside(batch, one) for one in late_beside],
            counts=counts(batch, rejected, [one.index for one in (*late, *late_beside)], home, produced.height),
        )

    def _whole(self, taken: _Taken, beside: bool) -> Arrived:
        """With the watermarks of all partitions: those of one topic decide what the other's records wait for."""
        arrived = taken.arrived
        moments = Moments(arrived.moments.times, arrived.moments.watermarks, self._watermarks.of(beside))
        return Arrived(arrived.frame, arrived.partitions, arrived.arrivals, moments)

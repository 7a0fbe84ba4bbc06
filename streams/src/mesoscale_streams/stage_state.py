"""The state of a stage's partitions, in step with Kafka: restored when they come, logged with each batch, given up.

Rows, watermarks and the numbers of changelogs are ahead of what is committed from the moment a batch is worked on until
it is safe. A batch that has to begin again is undone by reading the changelog anew: keeping the old values of what each
batch touches would cost every batch for what almost none needs.
"""

import logging
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from mesoscale.errors import PlanRefused, Problem, Reason, ServiceUnavailable
from mesoscale_streams.kafka.changelog import PATIENCE, Changelog
from mesoscale_streams.kafka.group_offsets import GroupOffsets
from mesoscale_streams.metrics import StateMetrics
from mesoscale_streams.stages.watermarks import NEVER, Watermarks
from mesoscale_streams.state.log import Entry, Log, Restoring, to_write
from mesoscale_streams.state.record import OtherLayout
from mesoscale_streams.state.snapshot import Snapshots
from mesoscale_streams.state.table import StateTable
from mesoscale_streams.work import Work

log = logging.getLogger(__name__)

SNAPSHOT_EVERY = 60.0  # seconds between two snapshots of a partition; one partition is written after a batch
SNAPSHOT_PATIENCE = 5.0  # seconds to wait for changes that should follow a snapshot; then all is read
LARGEST_SNAPSHOT = 2_000_000  # rows; a partition that has more is not held up by writing them when it is given up
_LOG, _BORN, _WATERMARK = "log", "born", "watermark"  # what stands beside a committed offset


class StageState:
    """Keeps a table, its changelog and what is committed in step."""

    def __init__(
        self,
        *,
        stage: str,
        table: StateTable,
        version: str,
        reset: bool,
        most_keys: int,
        changelog: Changelog,
        offsets: GroupOffsets,
        watermarks: Watermarks,
        snapshots: Snapshots | None,
        metrics: StateMetrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Args:
        stage: the stage's name, for what is told.
        table: its rows.
        version: of whoever fills them; see `StateSpec.layout`.
        reset: whether state of another layout is thrown away instead of refused.
        most_keys: rows in this process, beyond which it ends.
        changelog: the topic they are logged to.
        offsets: how far the group has come.
        watermarks: how far event time has come.
        snapshots: where local copies are kept, if they are.
        metrics: what Prometheus is told.
        clock: seconds, for snapshots and for idle partitions.
        """
        self._stage = stage
        self._table = table
        self._layout = table.spec.layout(version)
        self._reset = reset
        self._most_keys = most_keys
        self._changelog = changelog
        self._offsets = offsets
        self._watermarks = watermarks
        self._snapshots = snapshots
        self._metrics = metrics
        self._clock = clock
        self._logs: dict[int, Log] = {}
        self._born: dict[int, int] = {}  # of each partition's changelog, so that another one is seen to be another
        self._kept: dict[int, tuple[float, int]] = {}  # when the last snapshot was, and of which number
        self._written = False  # whether a batch is logged and not known to be safe

    def restore(self, consumer: Any, partitions: Sequence[int]) -> dict[int, int]:
        """Have the partitions as they are committed; gives the offsets from which their input is read.

        Raises:
            PlanRefused: their state was kept in another layout.
            ServiceUnavailable: the changelog and the group's offsets do not belong together.
        """
        began = self._clock()
        found = self._offsets.restore(consumer, partitions)
        self._written = False
        self._table.changes()  # of other partitions there are none between two batches
        self._born |= {p: self._beside(p).get(_BORN) or secrets.randbits(48) for p in partitions}
        self._metrics.restoring(0.0)
        readings, records = self._read(partitions, with_snapshots=True)
        if lacking := [p for p, one in readings.items() if one.gap or one.number < self._committed(one)]:
            log.warning("snapshots do not go on in the changelog, which is read anew", extra={"partitions": lacking})
            anew, more = self._read(lacking, with_snapshots=False)
            readings, records = readings | anew, records + more
        self._metrics.restoring(1.0)
        for partition, reading in readings.items():
            self._logs[partition] = self._done(reading)
            self._kept[partition] = (self._clock(), reading.number)
        marks = {p: self._beside(p).get(_WATERMARK, NEVER) for p in partitions}
        self._watermarks.assign(marks, self._clock())
        self._tell()
        seconds = round(self._clock() - began, 3)
        told = {"partitions": sorted(partitions), "keys": len(self._table), "seconds": seconds}
        told |= {"records": records, "snapshots": sum(one.from_snapshot for one in readings.values())}
        log.info("state restored", extra=told)
        return found

    def _read(self, partitions: Sequence[int], with_snapshots: bool) -> tuple[dict[int, Restoring], int]:
        """Lay what the changelog has of the partitions, or snapshots and what it has since; and how many records."""
        for partition in partitions:
            self._table.drop(partition)
        readings = {p: Restoring(self._table, p, self._layout, self._reset) for p in partitions}
        starts = {p: self._from_snapshot(one) if with_snapshots else None for p, one in readings.items()}
        records = 0

        def take(partition: int, key: bytes, value: bytes | None) -> None:
            nonlocal records
            records += 1
            readings[partition].take(key, value)

        self._changelog.read(
            starts,
            take,
            complete=lambda partition: readings[partition].number >= self._committed(readings[partition]),
            tell=self._metrics.restoring,
            patience=SNAPSHOT_PATIENCE if with_snapshots and self._snapshots else PATIENCE,
        )
        return readings, records

    def entries(self) -> Iterator[tuple[int, list[Entry]]]:
        """Partition and what goes to its changelog, of all that has changed since this was asked last.

        Raises:
            PlanRefused: there are more keys than there may be.
        """
        self._demand_room()
        self._written = True
        yield from to_write(self._table, self._logs)

    def beside(self, work: Work) -> Mapping[int, Mapping[str, int]]:
        """What is to stand beside offsets that are committed with `work`; `entries` was asked before."""
        marks = self._watermarks.marks
        current = {
            partition: {_LOG: at.number, _BORN: self._born[partition]}
            | ({_WATERMARK: marks[partition]} if marks.get(partition, NEVER) > NEVER else {})
            for partition, at in self._logs.items()
        }
        return {
            partition: numbers
            for partition, numbers in current.items()
            if partition in work.batch.ends or numbers != self._beside(partition)
        }

    def advance(self) -> None:
        """What was written is safe."""
        self._written = False
        self._tell()
        if self._snapshots is None:
            return
        overdue = [p for p, (when, number) in self._kept.items() if self._clock() - when > SNAPSHOT_EVERY]
        if overdue:
            self._keep(min(overdue, key=lambda partition: self._kept[partition]))

    def release(self, partitions: Sequence[int]) -> None:
        """Others have the partitions from now on; all that was read of them is safe, or never will be."""
        for partition in partitions:
            if partition in self._logs:
                self._keep(partition, LARGEST_SNAPSHOT)
            self._table.drop(partition)
            for held in (self._logs, self._born, self._kept):
                held.pop(partition, None)
        self._watermarks.revoke(partitions)
        self._tell()

    def close(self) -> None:
        self._changelog.close()

    def _beside(self, partition: int) -> Mapping[str, int]:
        return self._offsets.beside.get(partition, {})

    def _from_snapshot(self, reading: Restoring) -> int | None:
        """Where reading the changelog begins."""
        if self._snapshots is None:
            return None
        return self._snapshots.read(reading, str(self._born[reading.partition]))

    def _done(self, reading: Restoring) -> Log:
        committed = self._committed(reading)
        if reading.number != committed:
            raise ServiceUnavailable(
                Problem(
                    Reason.STATE_REFUSED,
                    f'stage "{self._stage}": the state of partition {reading.partition} has {reading.number} changes, '
                    f"but the group's offsets tell of {committed}: they do not belong together",
                    hint=f"delete the topic {self._changelog.topic} together with the group's offsets, or neither",
                )
            )
        try:
            return reading.done()
        except OtherLayout as other:
            raise PlanRefused(
                Problem(
                    Reason.STATE_REFUSED,
                    f'stage "{self._stage}": its state was kept by another version of it ({other}): its key, '
                    "columns, what it computes or state.version have changed",
                    hint="give the stage a new name to begin anew beside it, or let it forget: state: {reset: true}",
                )
            ) from other

    def _committed(self, reading: Restoring) -> int:
        """The number of the last change that was committed together with an offset."""
        return self._beside(reading.partition).get(_LOG, 0)

    def _demand_room(self) -> None:
        if len(self._table) <= self._most_keys:
            return
        sizes = self._table.sizes()
        fullest = max(sizes, key=lambda partition: sizes[partition])
        raise PlanRefused(
            Problem(
                Reason.STATE_FULL,
                f'stage "{self._stage}" remembers {len(self._table)} keys in this process, {sizes[fullest]} of them in '
                f"partition {fullest}; {self._most_keys} are allowed",
                hint="share them among more processes (scale), forget sooner, or raise state.maxKeys",
            )
        )

    def _keep(self, partition: int, most: float = float("inf")) -> None:
        """Write a snapshot, if that is worth it. Nothing but speed depends on it."""
        number = self._logs[partition].number
        changed = number != self._kept[partition][1]
        self._kept[partition] = (self._clock(), number)
        if self._snapshots is None or not changed or self._written or self._table.dirty:
            return
        if self._table.sizes()[partition] > most:
            return
        end = self._changelog.end(partition)
        if end is None:
            return
        try:
            self._snapshots.write(self._table, self._logs[partition], str(self._born[partition]), end)
        except OSError as error:
            log.warning("no snapshot of partition %d: %s", partition, error)

    def _tell(self) -> None:
        self._metrics.holds(len(self._table), self._table.nbytes)
        self._metrics.watermarks(self._watermarks.marks)

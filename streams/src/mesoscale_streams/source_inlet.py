"""A source as the inlet of a loop: its batches when they are due, and its position."""

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from mesoscale_streams.history import NONE, History
from mesoscale_streams.kafka.positions import SourcePosition
from mesoscale_streams.kafka.reader import MOST_RECORDS
from mesoscale_streams.sources import Batch as SourceRecords
from mesoscale_streams.sources import Source
from mesoscale_streams.work import Work


@dataclass(frozen=True)
class SourceBatch:
    """What a source gave at once. It has no partitions, so all of it counts as partition 0."""

    name: str
    records: SourceRecords
    keys: None = None
    condemned: str = ""

    @property
    def values(self) -> Sequence[bytes | None]:
        return self.records.values

    def position(self, index: int) -> str:
        """The batch's end and how far before it the record stands."""
        return f"{self.name}/{self.records.position}/-{len(self.values) - index}"

    def history(self, index: int) -> History:
        return NONE

    def spread(self, indices: Sequence[int] | None) -> dict[int, int]:
        return {0: len(self.values) if indices is None else len(indices)}


class SourceInlet:
    """Reads a source from where its last safe batch ended, and waits until what it gives is due.

    A source that has said that nothing will follow is asked again at each start: its file may have grown, or its
    section in the document may give more.
    """

    def __init__(self, name: str, source: Source, start: SourcePosition, stop: threading.Event) -> None:
        self._name = name
        self._source = source
        self._safe = start
        self._stop = stop
        self._opened = time.monotonic()
        self._batches = self._open()
        self.ended = False
        self.ready = True

    def read(self) -> SourceBatch | None:
        records = next(self._batches, None)
        if records is None:
            self.ended = True
            return None
        if records.due is not None and self._stop.wait(max(0.0, self._opened + records.due - time.monotonic())):
            return None
        return SourceBatch(self._name, records)

    def rewind(self) -> None:
        self._batches = self._open()

    def close(self) -> None:
        """A source holds nothing that outlives it."""

    def after(self, work: Work) -> SourcePosition:
        """The position to commit with `work`."""
        return replace(
            self._safe,
            position=work.batch.records.position,
            counts=self._safe.counts + work.total,
            ended=False,
        )

    def at_end(self) -> SourcePosition | None:
        """The position that says that nothing will follow; None while something may, or where that is said already."""
        return replace(self._safe, ended=True) if self.ended and not self._safe.ended else None

    def advance(self, position: SourcePosition) -> None:
        self._safe = position

    def _open(self) -> Iterator[SourceRecords]:
        return self._source.batches(self._safe.position, MOST_RECORDS)

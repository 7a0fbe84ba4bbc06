"""An inlet whose batches may be done in part: the rest is given again, as long as nobody waits for it too long."""

import time
from dataclasses import replace
from typing import Any

import numpy as np

from mesoscale_streams.kafka.reader import TopicBatch
from mesoscale_streams.work import Inlet

HELD = 20.0  # seconds that a batch is held; meanwhile no rebalance is answered, for which the whole group waits


def split(batch: TopicBatch, count: int) -> tuple[TopicBatch, TopicBatch | None]:
    """The first `count` records, and the others, if there are any."""
    if count >= len(batch.messages):
        return batch, None
    first = batch.partitions[:count]
    ends = {
        partition: (batch.messages[int(np.flatnonzero(first == partition)[-1])].offset() or 0) + 1
        for partition in np.unique(first).tolist()
    }
    begins = {partition: batch.begins[partition] for partition in ends}
    left = batch.begins | ends
    unfinished = {partition: end for partition, end in batch.ends.items() if left[partition] < end}
    return (
        replace(batch, messages=batch.messages[:count], partitions=first, begins=begins, ends=ends),
        replace(
            batch,
            messages=batch.messages[count:],
            partitions=batch.partitions[count:],
            begins={partition: left[partition] for partition in unfinished},
            ends=unfinished,
        ),
    )


class PartlyReader:
    """Gives the rest of the last batch before it reads another."""

    ended = False

    def __init__(self, inlet: Inlet) -> None:
        self._inlet = inlet
        self._batch: TopicBatch | None = None
        self._since = 0.0

    @property
    def ready(self) -> bool:
        return self._inlet.ready

    def read(self) -> TopicBatch | None:
        if self._batch is not None and time.monotonic() - self._since > HELD:
            self.rewind()
        if self._batch is None:
            read: Any = self._inlet.read()
            self._batch, self._since = read, time.monotonic()
        return self._batch

    def done(self, batch: TopicBatch) -> None:
        """`batch`, the beginning of what was read last, is safe."""
        assert self._batch is not None
        _, self._batch = split(self._batch, len(batch.messages))

    def rewind(self) -> None:
        self._batch = None
        self._inlet.rewind()

    def close(self) -> None:
        self._inlet.close()

"""Which rows are due by a moment: buckets of time, so that no row is looked at before its own bucket's time."""

import heapq

import numpy as np
from numpy.typing import NDArray

from mesoscale_streams.state.blocks import grouped

Rows = NDArray[np.int64]

BITS = 20  # of a time that a bucket does not tell apart: about a second of microseconds


class _Bucket:
    """Rows, and the earliest of their times: one whose rows are all due at its end is not looked into before."""

    def __init__(self) -> None:
        self.parts: list[Rows] = []
        self.earliest = np.iinfo(np.int64).max

    def add(self, rows: Rows, times: Rows) -> None:
        self.parts.append(rows)
        self.earliest = min(self.earliest, int(times.min()))


class Due:
    """Rows by partition and time. A row that is moved or removed stays in its old bucket; who asks looks again."""

    def __init__(self) -> None:
        self._buckets: dict[int, dict[int, _Bucket]] = {}
        self._order: dict[int, list[int]] = {}  # heaps of the keys of the buckets

    def add(self, partition: int, rows: Rows, times: Rows) -> None:
        """Rows of one partition, each with its time."""
        if not len(rows):
            return
        buckets = self._buckets.setdefault(partition, {})
        order = self._order.setdefault(partition, [])
        for quantum, part in _by_quantum(times >> BITS).items():
            if quantum not in buckets:
                buckets[quantum] = _Bucket()
                heapq.heappush(order, quantum)
            buckets[quantum].add(rows[part], times[part])

    def take(self, partition: int, until: int) -> Rows:
        """The rows in all buckets that have some at or before `until`; they are in no bucket then."""
        buckets, order = self._buckets.get(partition, {}), self._order.get(partition, [])
        taken: list[Rows] = []
        while order and buckets[order[0]].earliest <= until:
            taken += buckets.pop(heapq.heappop(order)).parts
        return np.concatenate(taken) if taken else np.zeros(0, np.int64)

    def drop(self, partition: int) -> None:
        """Forget the partition."""
        self._buckets.pop(partition, None)
        self._order.pop(partition, None)


def _by_quantum(quanta: Rows) -> dict[int, Rows]:
    """Bucket → the indices that belong to it."""
    least, most = int(quanta.min()), int(quanta.max())
    indices = np.arange(len(quanta))
    if most - least < 1 << 16:
        parts = grouped((quanta - least).astype(np.int32), indices)
        return {least + number: part for number, part in parts.items()}
    return {int(one): indices[quanta == one] for one in np.unique(quanta)}

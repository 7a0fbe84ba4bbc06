"""Which rows belong to which input partition: rows are given out in blocks, and counted from 0 within a partition.

The number of a row in its partition (its *place*) is what the changelog and snapshots know it by: it stays what it is
when the partition moves to another process, where other partitions have other blocks.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]

BLOCK = 4096  # rows


class _Owned:
    """The rows of one partition: its blocks in order, the rows that were given back, and the next one never used."""

    def __init__(self) -> None:
        self.blocks: Rows = np.zeros(0, np.int64)
        self._returned: Rows = np.zeros(BLOCK, np.int64)
        self._number = 0
        self.next = 0

    def give_back(self, rows: Rows) -> None:
        wanted = self._number + len(rows)
        if wanted > len(self._returned):
            self._returned = np.resize(self._returned, 2 * wanted)
        self._returned[self._number : wanted] = rows
        self._number = wanted

    def take_returned(self, number: int) -> Rows:
        """At most so many."""
        taken = min(number, self._number)
        self._number -= taken
        return self._returned[self._number : self._number + taken].copy()


class Blocks:
    """Rows by partition. It keeps no values and knows none."""

    def __init__(self) -> None:
        self._owned: dict[int, _Owned] = {}
        self._owner: NDArray[np.int32] = np.full(1, -1, np.int32)  # of each block
        self._ordinal: Rows = np.zeros(1, np.int64)  # of each block among those of its owner
        self._vacant: list[int] = [0]

    @property
    def rows(self) -> int:
        """All rows there are, given out or not."""
        return len(self._owner) * BLOCK

    @property
    def partitions(self) -> frozenset[int]:
        return frozenset(self._owned)

    def add(self, partition: int) -> None:
        """Know the partition, even if it never has rows."""
        self._owned.setdefault(partition, _Owned())

    def allocate(self, partition: int, number: int) -> Rows:
        """Rows that nobody uses."""
        owned = self._owned.setdefault(partition, _Owned())
        old = owned.take_returned(number)
        fresh = np.arange(owned.next, owned.next + number - len(old))
        owned.next += len(fresh)
        self._own(partition, owned, owned.next)
        return np.concatenate([old, self.at(partition, fresh)])

    def give_back(self, rows: Rows) -> None:
        """Rows that may be used again, by the same partition."""
        for partition, of_it in self.by_partition(rows).items():
            self._owned[partition].give_back(of_it)

    def occupy(self, partition: int, places: Rows) -> Rows:
        """The rows at places, which were chosen elsewhere; `vacate` must follow when all are there."""
        owned = self._owned.setdefault(partition, _Owned())
        owned.next = max(owned.next, int(places.max(initial=-1)) + 1)
        self._own(partition, owned, owned.next)
        return self.at(partition, places)

    def vacate(self, partition: int, live: NDArray[np.bool_]) -> Rows:
        """Free what is not `live` (by row, of all rows); gives the partition's live rows."""
        rows = self.used(partition)
        self._owned[partition].give_back(rows[~live[rows]][::-1])
        return rows[live[rows]]

    def drop(self, partition: int) -> Rows:
        """Forget the partition; gives all rows that it ever used."""
        rows = self.used(partition)
        owned = self._owned.pop(partition)
        self._owner[owned.blocks] = -1
        self._vacant += owned.blocks.tolist()
        return rows

    def used(self, partition: int) -> Rows:
        """All rows that the partition ever used, in the order of their places."""
        return self.at(partition, np.arange(self._owned[partition].next))

    def number_of_blocks(self, partition: int) -> int:
        return len(self._owned[partition].blocks)

    def of_block(self, partition: int, ordinal: int) -> Rows:
        """The rows of a partition's block."""
        start = int(self._owned[partition].blocks[ordinal]) * BLOCK
        return np.arange(start, start + BLOCK)

    def at(self, partition: int, places: Rows) -> Rows:
        """The rows at places."""
        blocks: Rows = self._owned[partition].blocks[places // BLOCK] * BLOCK
        return blocks + places % BLOCK

    def places(self, rows: Rows) -> Rows:
        """The places of rows in their partitions."""
        ordinals: Rows = self._ordinal[rows // BLOCK] * BLOCK
        return ordinals + rows % BLOCK

    def by_partition(self, rows: Rows) -> dict[int, Rows]:
        """Rows, in their order, by the partition that they belong to."""
        return grouped(self._owner[rows // BLOCK], rows)

    def _own(self, partition: int, owned: _Owned, number: int) -> None:
        """Have blocks for so many rows."""
        missing = -(-number // BLOCK) - len(owned.blocks)
        if missing <= 0:
            return
        if missing > len(self._vacant):
            self._grow(missing - len(self._vacant))
        blocks = np.array([self._vacant.pop() for _ in range(missing)], np.int64)
        self._owner[blocks] = partition
        self._ordinal[blocks] = np.arange(len(owned.blocks), len(owned.blocks) + missing)
        owned.blocks = np.concatenate([owned.blocks, blocks])

    def _grow(self, missing: int) -> None:
        old = len(self._owner)
        more = max(missing, old // 2)
        self._owner = np.concatenate([self._owner, np.full(more, -1, np.int32)])
        self._ordinal = np.concatenate([self._ordinal, np.zeros(more, np.int64)])
        self._vacant = [*range(old + more - 1, old - 1, -1), *self._vacant]


def grouped(partitions: NDArray[np.int32], values: NDArray[Any]) -> dict[int, NDArray[Any]]:
    """Values by the partition beside each, in their order."""
    if not len(values):
        return {}
    if (partitions == partitions[0]).all():
        return {int(partitions[0]): values}
    order = np.argsort(partitions.astype(np.uint16), kind="stable")  # of 16 bits, numpy sorts by counting
    ordered = partitions[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    return {int(ordered[start]): part for start, part in zip(starts, np.split(values[order], starts[1:]), strict=True)}

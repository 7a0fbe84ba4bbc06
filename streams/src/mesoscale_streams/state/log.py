"""What is written to a changelog of one partition, so that its rows can be had again; and reading that.

Each batch writes one *delta*: the rows that it changed. Beside it, as many rows as it changed are written again in
whole *blocks*, block after block in rounds. When a round is over, every block has been written since it began, so the
deltas before it say nothing that is not said again, and are deleted. So a changelog is never longer than a few times
the state, whoever compacts it and however late; what is written is about twice what was changed; and no batch waits for
the state to be written as a whole. Whatever happened last to a place stands last in the changelog, compacted or not, so
reading it in order, from its beginning or from any moment whose rows are known, gives the rows as they were at its end.

Keys: `d/<number of the delta>/<part>`, `b/<first place>/<number of places>/<part>`.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from mesoscale_streams.state import record
from mesoscale_streams.state.blocks import BLOCK
from mesoscale_streams.state.record import Fate, Kind, OtherLayout, Record
from mesoscale_streams.state.table import Changes, StateTable

_FATES = np.array([Fate.NEW, Fate.UPDATED, Fate.REMOVED], np.uint8)

Entry = tuple[bytes, bytes | None]  # key and value of a record; without a value it deletes what the key named


@dataclass
class Log:
    """Where the changelog of one partition stands. It is ahead of what is committed until its batch is."""

    partition: int
    layout: str
    number: int = 0  # of the last delta; 0 before the first
    needless: list[bytes] = field(default_factory=list)  # keys to delete with the next batch
    _old: deque[tuple[int, int]] = field(default_factory=deque)  # deltas before this round: number and parts
    _recent: deque[tuple[int, int]] = field(default_factory=deque)  # those of this round
    _block: int = 0  # the next one to be written again
    _owed: int = 0  # rows that were changed and not made up for by blocks

    @property
    def deltas(self) -> dict[int, int]:
        """The numbers of the deltas that are not deleted, and their parts."""
        return dict((*self._old, *self._recent))

    def entries(self, table: StateTable, delta: Record) -> Iterator[Entry]:
        """What a batch writes, in order; `delta` is what it changed."""
        yield from ((key, None) for key in self.needless)
        self.needless = []
        self.number += 1
        parts = list(delta.encode(self.layout))
        for part, value in enumerate(parts):
            yield delta_key(self.number, part), value
        self._recent.append((self.number, len(parts)))
        self._owed += len(delta.places)
        yield from self._rewritten(table)

    def _rewritten(self, table: StateTable) -> Iterator[Entry]:
        """Blocks for what is owed, and the end of deltas that they make needless."""
        blocks = table.blocks.number_of_blocks(self.partition)
        for _ in range(blocks):  # once around is all there is to write, however much changed
            if self._owed <= 0:
                return
            block = _block(table, self.partition, self._block)
            for part, value in enumerate(block.encode(self.layout)):
                yield block_key(self._block, part), value
            self._owed -= max(len(block.places), BLOCK // 16)  # an empty block is not for nothing
            self._block += 1
            if self._block >= blocks:
                yield from self._end_round()
        self._owed = min(self._owed, 0)

    def _end_round(self) -> Iterator[Entry]:
        for number, parts in self._old:
            for part in range(parts):
                yield delta_key(number, part), None
        self._old, self._recent, self._block = self._recent, deque(), 0


def to_write(table: StateTable, logs: Mapping[int, Log]) -> Iterator[tuple[int, list[Entry]]]:
    """Partition and what a batch writes to its changelog, of all that has changed since this was asked last."""
    if changes := table.changes():
        for partition, delta in _deltas(table, changes):
            yield partition, list(logs[partition].entries(table, delta))


class Restoring:
    """Reads a changelog into a table, record by record in order."""

    def __init__(self, table: StateTable, partition: int, layout: str, reset: bool = False) -> None:
        """Args:
        table: where the rows go. It has none of the partition.
        partition: whose changelog it is.
        layout: that of `StateSpec.layout`.
        reset: take what was written for another layout as deleted, instead of refusing it.
        """
        self._table = table
        self.partition = partition
        self.layout = layout
        self.number = 0
        self._reset = reset
        self.from_snapshot = False
        self.gap = False  # changes between the snapshot and what was read after it are missing
        self._deltas: dict[int, int] = {}
        self._foreign: dict[bytes, str] = {}  # keys whose values were written for another layout, and what is other

    def begin_at(self, deltas: Mapping[int, int], number: int) -> None:
        """The rows of an earlier moment are laid already.

        Args:
            deltas: the numbers of the deltas that the changelog had then, and their parts.
            number: that of the last one.
        """
        self._deltas, self.number, self.from_snapshot = dict(deltas), number, True

    def take(self, key: bytes, value: bytes | None) -> None:
        """One record of the changelog. What was written for another layout may be deleted by a later one."""
        kind, first, *_, part = key.split(b"/")
        if kind == b"d":
            self._note(int(first), int(part), value is not None)
        self._foreign.pop(key, None)
        if value is not None:
            try:
                self.lay(value)
            except OtherLayout as other:
                self._foreign[key] = str(other)

    def lay(self, value: bytes) -> None:
        """Bring about what a value says, whatever its key.

        Raises:
            OtherLayout: it was written for another layout.
        """
        lay(self._table, self.partition, record.decode(value, self.layout))

    def done(self) -> Log:
        """All is read: the rows can be found, and the changelog can be gone on with.

        Raises:
            OtherLayout: something in it was written for another layout.
        """
        if self._foreign and not self._reset:
            raise OtherLayout(next(iter(self._foreign.values())))
        self._table.settle(self.partition)
        return Log(self.partition, self.layout, self.number, list(self._foreign), deque(sorted(self._deltas.items())))

    def _note(self, number: int, part: int, there: bool) -> None:
        # From its beginning a changelog may lack deltas that blocks have made needless; after a snapshot, none may be.
        self.gap |= self.from_snapshot and number > self.number + 1
        self.number = max(self.number, number)
        if there:
            self._deltas[number] = max(self._deltas.get(number, 0), part + 1)
        else:
            self._deltas.pop(number, None)


def lay(table: StateTable, partition: int, rows: Record) -> None:
    """Bring about in the table what a record says."""
    if rows.kind is Kind.BLOCK:
        table.lift(partition, np.setdiff1d(np.arange(rows.first, rows.first + rows.number), rows.places))
    for fate in Fate:
        of_it = np.flatnonzero(rows.fates == fate)
        if not len(of_it):
            continue
        frame = rows.frame if len(of_it) == len(rows.places) else rows.frame[of_it]
        if fate is Fate.REMOVED:
            table.lift(partition, rows.places[of_it])
        elif fate is Fate.UPDATED:
            table.lay(partition, rows.places[of_it], frame.select(table.spec.values))
        else:
            table.lay(partition, rows.places[of_it], frame)


def whole(table: StateTable, partition: int) -> Iterator[Record]:
    """All rows of a partition, block by block."""
    for block in range(table.blocks.number_of_blocks(partition)):
        yield _block(table, partition, block)


def delta_key(number: int, part: int) -> bytes:
    return b"d/%d/%d" % (number, part)


def block_key(block: int, part: int) -> bytes:
    return b"b/%d/%d" % (block, part)


def _deltas(table: StateTable, changes: Mapping[int, Changes]) -> Iterator[tuple[int, Record]]:
    """What became of the rows of each partition. The table is read once for all of them, as each reading has its price.

    Null is where a row needs no value: its key is known, or it is gone.
    """
    kinds = [rows for one in changes.values() for rows in (one.new, one.updated, one.removed)]
    rows = np.concatenate(kinds)
    fates = np.repeat(np.tile(_FATES, len(changes)), list(map(len, kinds)))
    keys = table.read(np.where(fates == Fate.NEW, rows, -1), table.spec.key)
    values = table.read(np.where(fates == Fate.REMOVED, -1, rows), table.spec.values)
    places, first = table.blocks.places(rows), 0
    for partition, one in changes.items():
        here = slice(first, first := first + len(one.new) + len(one.updated) + len(one.removed))
        frame = keys[here].hstack(values[here]) if len(one.new) else values[here]
        yield partition, Record(Kind.DELTA, 0, 0, places[here], fates[here], frame)


def _block(table: StateTable, partition: int, block: int) -> Record:
    rows = table.blocks.of_block(partition, block)
    rows = rows[table.is_live(rows)]
    fates = np.zeros(len(rows), np.uint8)
    return Record(Kind.BLOCK, block * BLOCK, BLOCK, table.blocks.places(rows), fates, table.read(rows))

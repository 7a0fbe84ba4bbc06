"""The state of a stage: rows by input partition and key, read and written a batch at a time.

Nothing here costs more the more rows there are: keys are found by hash, rows are reused, what is due is found by its
time, and only what was touched is told as changed. Rows are numbers of this process; they say nothing about order and
are others after a restart, so what a stage gives out must never depend on them.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mesoscale_streams.state.blocks import Blocks, grouped
from mesoscale_streams.state.columns import Numbers, column
from mesoscale_streams.state.due import Due
from mesoscale_streams.state.index import HashIndex, Words
from mesoscale_streams.state.spec import StateSpec

Rows = NDArray[np.int64]
Partitions = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened to rows of one partition: `new` have another key than before, `updated` other values, `removed`
    are gone. No row is in two of them."""

    new: Rows
    updated: Rows
    removed: Rows


class StateTable:
    """All rows that a process has, of all its partitions.

    Keys are given as a frame with the columns of the key (others are ignored), beside an array of the partition of
    each row of it. A row number is good until its row is removed or its partition dropped.
    """

    def __init__(self, spec: StateSpec, seed: int | None = None) -> None:
        """Args:
        spec: the shape of a row.
        seed: of the hashes. Without one nobody can know it, and choose keys that are slow together.
        """
        self.spec = spec
        self.blocks = Blocks()
        seed = secrets.randbits(62) if seed is None else seed
        self._seeds = (seed, seed + 1)
        self._mixes: Words = np.zeros((0, 2), np.uint64)
        self._index = HashIndex()
        self._columns = {name: column(name, dtype) for name, dtype in spec.columns.items()}
        self._due = Due()
        self._live: NDArray[np.bool_] = np.zeros(0, np.bool_)
        self._touched: NDArray[np.bool_] = np.zeros(0, np.bool_)  # since changes were asked for
        self._whole: NDArray[np.bool_] = np.zeros(0, np.bool_)  # of those, rows that have another key
        self._touches: list[Rows] = []
        self._sizes: dict[int, int] = {}
        self._grow()

    def __len__(self) -> int:
        return len(self._index)

    @property
    def partitions(self) -> frozenset[int]:
        """Those that have, or had, rows and were not dropped."""
        return self.blocks.partitions

    @property
    def dirty(self) -> bool:
        """Whether something changed since `changes` was asked."""
        return bool(self._touches)

    @property
    def nbytes(self) -> int:
        """Bytes of memory; texts by their mean length."""
        columns = sum(one.nbytes for one in self._columns.values())
        return columns + self._index.nbytes + 3 * self._live.nbytes

    def sizes(self) -> dict[int, int]:
        """Partition → its rows."""
        return {partition: self._sizes.get(partition, 0) for partition in self.partitions}

    def find(self, partitions: Partitions, keys: pl.DataFrame) -> Rows:
        """The row of each key, -1 where there is none. The same key may stand in `keys` more than once."""
        return self._index.find(self._hashes(partitions, keys))

    def insert(self, partitions: Partitions, keys: pl.DataFrame) -> Rows:
        """The row of each key; where there is none, a new one whose other columns are null.

        The same key may stand in `keys` more than once, and has one row.
        """

        def allocate(first: Rows) -> Rows:
            rows = np.zeros(len(first), np.int64)
            for partition, of_it in grouped(partitions[first], np.arange(len(first))).items():
                rows[of_it] = self.blocks.allocate(partition, len(of_it))
                self._sizes[partition] = self._sizes.get(partition, 0) + len(of_it)
            self._grow()
            for name in self.spec.key:
                self._columns[name].put(rows, keys[name].gather(first))
            self._live[rows] = True
            self._touch(rows)
            self._whole[rows] = True
            self._note_due(rows, self.spec.key)
            return rows

        return self._index.find_or_add(self._hashes(partitions, keys), allocate)

    def read(self, rows: Rows, names: Sequence[str] | None = None) -> pl.DataFrame:
        """The rows as a frame with all columns, or those in `names`; a row of nulls where `rows` is -1."""
        return pl.DataFrame(
            [self._columns[name].take(rows) for name in (self.spec.columns if names is None else names)]
        )

    def write(self, rows: Rows, frame: pl.DataFrame) -> None:
        """Set the columns of `frame` in rows that are there, each at most once. Columns of the key stay as they are."""
        names = [name for name in frame.columns if name not in self.spec.key]
        for name in names:
            self._columns[name].put(rows, frame[name])
        self._written(rows, names)

    def numbers(self, name: str, rows: Rows) -> NDArray[Any]:
        """One column of numbers or times without the way through a frame: physical values, 0 where null.

        Times are microseconds. `rows` are all there.
        """
        return self._numbers(name).values[rows]

    def set_numbers(self, name: str, rows: Rows, values: NDArray[Any]) -> None:
        """The counterpart of `numbers`; the values are not null. Each row at most once."""
        held = self._numbers(name)
        held.values[rows], held.valid[rows] = values, True
        self._written(rows, [name])

    def remove(self, rows: Rows) -> None:
        """Forget rows that are there, each at most once. Their numbers will be used again."""
        self._index.remove(rows)
        self._touch(rows)
        self._clear(rows)
        self.blocks.give_back(rows)
        for partition, of_it in self.blocks.by_partition(rows).items():
            self._sizes[partition] -= len(of_it)

    def rows(self, partition: int) -> Rows:
        """All rows of a partition. It costs as much as there are: nothing for every batch."""
        used = self.blocks.used(partition)
        return used[self._live[used]]

    def due(self, partition: int, until: int) -> Rows:
        """The rows whose `spec.due` is at or before `until`, in the order of that time.

        Each is told once: remove it, or write its time anew (the same one to be told again).
        """
        if partition not in self.partitions:
            return np.zeros(0, np.int64)
        rows = self._due.take(partition, until)
        held = self._numbers(self.spec.due)
        rows = rows[self._live[rows] & held.valid[rows]]
        rows = np.unique(rows)
        times = held.values[rows]
        early = times <= until
        if not early.all():
            self._due.add(partition, rows[~early], times[~early])
        rows = rows[early]
        return rows[np.argsort(times[early], kind="stable")]

    def drop(self, partition: int) -> None:
        """Forget a partition and all that is known of its changes."""
        if partition not in self.partitions:
            return
        if partition in self._sizes:  # else its rows were laid, and never settled
            self._index.remove(self.rows(partition))
        used = self.blocks.drop(partition)
        self._clear(used)
        self._touched[used] = self._whole[used] = False
        # What is left of its touches would be told as another partition's, once its blocks have a new owner.
        self._touches = [rows[self._touched[rows]] for rows in self._touches]
        self._due.drop(partition)
        self._sizes.pop(partition, None)

    def changes(self) -> dict[int, Changes]:
        """What has changed in each partition since this was asked last."""
        if not self._touches:
            return {}
        touched = np.concatenate(self._touches)
        self._touches = []
        told = {partition: self._changes(rows) for partition, rows in self.blocks.by_partition(touched).items()}
        self._touched[touched] = self._whole[touched] = False
        return told

    def lay(self, partition: int, places: Rows, frame: pl.DataFrame) -> None:
        """Restore the columns of `frame` at places of a partition. `settle` must follow before anything else is asked.

        With the columns of the key the rows are there from then on; without them they have been, or will be. Nothing
        of it counts as a change.
        """
        rows = self.blocks.occupy(partition, places)
        self._grow()
        for name in frame.columns:
            self._columns[name].put(rows, frame[name])
        if self.spec.key[0] in frame.columns:
            self._live[rows] = True

    def lift(self, partition: int, places: Rows) -> None:
        """The counterpart of `lay`: what was removed."""
        rows = self.blocks.occupy(partition, places)
        self._grow()
        self._clear(rows)

    def settle(self, partition: int) -> None:
        """All rows of the partition are laid: find them from now on."""
        self.blocks.add(partition)
        rows = self.blocks.vacate(partition, self._live)
        keys = self.read(rows, self.spec.key)
        self._index.add(self._hashes(np.full(len(rows), partition, np.int32), keys), rows)
        self._sizes[partition] = len(rows)
        self._note_due(rows, self.spec.columns)

    def is_live(self, rows: Rows) -> NDArray[np.bool_]:
        """Whether each row is there."""
        return self._live[rows]

    def _changes(self, touched: Rows) -> Changes:
        live, whole = self._live[touched], self._whole[touched]
        return Changes(touched[live & whole], touched[live & ~whole], touched[~live])

    def _written(self, rows: Rows, names: Sequence[str]) -> None:
        self._touch(rows)
        self._note_due(rows, names)

    def _touch(self, rows: Rows) -> None:
        fresh = rows[~self._touched[rows]]
        if len(fresh):
            self._touched[fresh] = True
            self._touches.append(fresh)

    def _note_due(self, rows: Rows, names: Sequence[str] | pl.Schema) -> None:
        if not self.spec.due or self.spec.due not in names:
            return
        held = self._numbers(self.spec.due)
        for partition, of_it in self.blocks.by_partition(rows[held.valid[rows]]).items():
            self._due.add(partition, of_it, held.values[of_it])

    def _clear(self, rows: Rows) -> None:
        self._live[rows] = False
        for one in self._columns.values():
            one.clear(rows)

    def _numbers(self, name: str) -> Numbers:
        held = self._columns[name]
        assert isinstance(held, Numbers), f"{name} is a text"
        return held

    def _grow(self) -> None:
        rows = self.blocks.rows
        if rows > len(self._live):
            for one in self._columns.values():
                one.grow(rows)
            more = np.zeros(rows - len(self._live), np.bool_)
            self._live = np.concatenate([self._live, more])
            self._touched = np.concatenate([self._touched, more])
            self._whole = np.concatenate([self._whole, more])

    def _hashes(self, partitions: Partitions, keys: pl.DataFrame) -> Words:
        wanted = keys.select(self.spec.key)
        types = pl.Schema({name: self.spec.columns[name] for name in self.spec.key})
        if wanted.schema != types:
            wanted = wanted.cast(types)
        hashes = np.empty((keys.height, 2), np.uint64)
        for half, seed in enumerate(self._seeds):
            hashes[:, half] = wanted.hash_rows(seed).to_numpy()
        highest = int(partitions.max(initial=0))
        if highest >= len(self._mixes):
            self._mixes = self._mixed(highest + 1)
        hashes ^= self._mixes[partitions]
        return hashes

    def _mixed(self, number: int) -> Words:
        """Two words for each partition, as good as random."""
        numbers = pl.DataFrame({"partition": np.arange(number)})
        return np.column_stack([numbers.hash_rows(seed ^ 0x5BD1E995).to_numpy() for seed in self._seeds])

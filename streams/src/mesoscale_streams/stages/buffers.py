"""Recent records of each key, kept in a state table: one row a record, and one that counts them.

The records of a key are numbered as they come. The row with the number -1 knows which numbers there may be, so all
records of many keys are found at once. A record leaves when the watermark has passed its time for long enough.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from mesoscale_streams.stages.stateful import due, reach
from mesoscale_streams.stages.watermarks import Ints, Moments, Partitions
from mesoscale_streams.state.spec import StateSpec
from mesoscale_streams.state.table import StateTable

NUMBER, AT = ".number", ".at"
_OLDEST, _NEXT, _LATEST = ".oldest", ".next", ".latest"
_COUNTER = -1


@dataclass(frozen=True, slots=True)
class Held:
    """The records of some keys: to which key each belongs, its number, and its row in the table."""

    of_key: Ints
    numbers: Ints
    rows: Ints


class Buffer:
    """Records by key, with some of their columns."""

    def __init__(self, key: pl.Schema, kept: pl.Schema) -> None:
        """Args:
        key: the columns of the key.
        kept: the columns of a record that are kept; some may be of the key.
        """
        self._key = list(key)
        self._kept = [name for name in kept if name not in key]
        own = dict.fromkeys((NUMBER, AT, _OLDEST, _NEXT, _LATEST), pl.Int64())
        columns = pl.Schema({**key, **own, **{name: kept[name] for name in self._kept}})
        self.spec = StateSpec(key=(*key, NUMBER), columns=columns, due=AT)

    def held(self, partitions: Partitions, keys: pl.DataFrame, table: StateTable) -> Held:
        """The records of these keys, which are all different."""
        counters = table.find(partitions, self._numbered(keys, np.full(keys.height, _COUNTER)))
        there = np.flatnonzero(counters >= 0)
        oldest, following = table.numbers(_OLDEST, counters[there]), table.numbers(_NEXT, counters[there])
        sizes = following - oldest
        starts = np.cumsum(sizes) - sizes
        numbers = np.arange(int(sizes.sum())) + np.repeat(oldest - starts, sizes)
        of_key = np.repeat(there, sizes)
        rows = table.find(partitions[of_key], self._numbered(keys[of_key], numbers))
        kept = rows >= 0
        return Held(of_key[kept], numbers[kept], rows[kept])

    def append(
        self,
        partitions: Partitions,
        keys: pl.DataFrame,
        records: pl.DataFrame,
        of_key: Ints,
        times: Ints,
        held: Held,
        table: StateTable,
    ) -> tuple[Ints, Ints]:
        """Keep records, in order of arrival, each of the key at `of_key`; gives their numbers and rows.

        Args:
            partitions: of the keys.
            keys: all different, each of at least one record.
            records: the columns that are kept.
            of_key: the index in `keys` of each record.
            times: microseconds, of each record.
            held: what `held` said of these keys.
            table: where they are kept.
        """
        counters = table.insert(partitions, self._numbered(keys, np.full(keys.height, _COUNTER)))
        following = table.numbers(_NEXT, counters)
        numbers = following[of_key] + _occurrence(of_key, keys.height)
        rows = table.insert(partitions[of_key], self._numbered(keys[of_key], numbers))
        table.write(rows, records.select(self._kept).with_columns(pl.Series(AT, times)))
        self._count(counters, following, of_key, times, held, table)
        return numbers, rows

    def _count(self, counters: Ints, following: Ints, of_key: Ints, times: Ints, held: Held, table: StateTable) -> None:
        oldest = following.copy()  # where none is held, the first of the new ones
        np.minimum.at(oldest, held.of_key, held.numbers)
        latest = np.where(following > 0, table.numbers(_LATEST, counters), times.min(initial=0))
        np.maximum.at(latest, of_key, times)
        new = following == 0
        table.set_numbers(_OLDEST, counters, oldest)
        table.set_numbers(_NEXT, counters, following + np.bincount(of_key, minlength=len(counters)))
        table.set_numbers(_LATEST, counters, latest)
        table.set_numbers(AT, counters[new], latest[new])

    def expire(self, moments: Moments, wait: int, table: StateTable) -> pl.DataFrame:
        """Forget the records that the watermark passed `wait` ago; they are returned with all their columns."""
        rows, partitions = due(table, moments, wait)
        counts = table.numbers(NUMBER, rows) == _COUNTER
        latest = table.numbers(_LATEST, rows)
        stay = counts & (latest + wait > reach(partitions, moments))
        table.set_numbers(AT, rows[stay], latest[stay])
        gone = table.read(rows[~counts]).with_columns(pl.Series(".partition", partitions[~counts]))
        table.remove(rows[~stay])
        return gone

    def _numbered(self, keys: pl.DataFrame, numbers: Ints) -> pl.DataFrame:
        return keys.select(self._key).with_columns(pl.Series(NUMBER, numbers, pl.Int64))


def _occurrence(of_key: Ints, number: int) -> Ints:
    """How many of the same key stand before each."""
    order = np.argsort(of_key, kind="stable")
    sizes = np.bincount(of_key, minlength=number)
    starts = np.cumsum(sizes) - sizes
    occurrence = np.empty(len(of_key), np.int64)
    occurrence[order] = np.arange(len(of_key)) - np.repeat(starts, sizes)
    return occurrence

"""Enrichment: each record with the latest row of its key that came from a topic beside it, as of its arrival.

The rows are those of a table that somebody keeps in a topic: a later one of a key takes the place of an earlier one.
What a record finds is what had come before it, so this depends on the order in which the two topics are read, which is
fixed only within a partition of each. Whoever reads them reads what there is of the table first.
"""

from typing import Literal

import numpy as np
import polars as pl

from mesoscale_streams.stages.stateful import PARTITION
from mesoscale_streams.stages.two_inputs import Arrived, Joined
from mesoscale_streams.state.spec import StateSpec
from mesoscale_streams.state.table import StateTable

_AT, _FOUND = ".arrival", ".found"


class Enrich:
    """Records with the columns of a table beside theirs."""

    def __init__(
        self, by: pl.Schema, looked_up: pl.Schema, names: dict[str, str], how: Literal["inner", "left"]
    ) -> None:
        """Args:
        by: the columns of the key, which both have.
        looked_up: the columns of a row that are wanted.
        names: what each of them is called beside a record.
        how: whether records that find no row go on (`left`) or not (`inner`).
        """
        self._by, self._how = list(by), how
        self._names = [names[name] for name in looked_up]
        self._taken = [pl.col(name).alias(names[name]) for name in looked_up]
        columns = {names[name]: dtype for name, dtype in looked_up.items() if name not in by}
        self.spec = StateSpec(key=tuple(by), columns=pl.Schema({**by, **columns, _FOUND: pl.Boolean()}))

    def __call__(self, ours: Arrived, beside: Arrived, table: StateTable) -> Joined:
        key = [PARTITION, *self._by]
        rows = _placed(beside, self._by).select(*key, _AT, *self._taken, pl.lit(True).alias(_FOUND))
        records = _placed(ours, self._by)
        told = self._told(records, self._before(records, table, key), rows, key)
        self._remember(rows, table, key)
        return Joined(told)

    def _before(self, records: pl.DataFrame, table: StateTable, key: list[str]) -> pl.DataFrame:
        """The rows of the records' keys as they were before this batch."""
        keys = records.select(key).unique(maintain_order=True)
        found = table.find(keys[PARTITION].to_numpy(), keys.select(self._by))
        known = keys.filter(pl.Series(found >= 0)).select(PARTITION, pl.lit(-1, pl.Int64).alias(_AT))
        return known.hstack(table.read(found[found >= 0])).select(*key, _AT, *self._names, _FOUND)

    def _told(self, records: pl.DataFrame, before: pl.DataFrame, rows: pl.DataFrame, key: list[str]) -> pl.DataFrame:
        known = before.vstack(rows.select(before.columns)).sort(_AT, maintain_order=True)
        told = records.join_asof(known, on=_AT, by=key, strategy="backward", check_sortedness=False)
        if self._how == "inner":
            told = told.filter(pl.col(_FOUND).is_not_null())
        return told.drop(PARTITION, _AT, _FOUND)

    def _remember(self, rows: pl.DataFrame, table: StateTable, key: list[str]) -> None:
        """The last row of each key."""
        latest = rows.unique(subset=key, keep="last", maintain_order=True)
        if latest.height:
            places = table.insert(latest[PARTITION].to_numpy(), latest.select(self._by))
            table.write(places, latest.select(self.spec.values))


def _placed(arrived: Arrived, by: list[str]) -> pl.DataFrame:
    return arrived.frame.with_columns(
        pl.Series(PARTITION, arrived.partitions), pl.Series(_AT, np.asarray(arrived.arrivals, np.int64))
    )

"""Stateful operators: frame in, state in → frame out, state out. Pure: the clock and Kafka are elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import polars as pl

from mesoscale.errors import Reason
from mesoscale_streams.stages.watermarks import Ints, Moments, Partitions
from mesoscale_streams.state.spec import StateSpec
from mesoscale_streams.state.table import StateTable

PARTITION = ".partition"  # a column of frames inside operators; no column of a contract has a dot in its name
ROW = ".row"


@dataclass(frozen=True, slots=True)
class Failure:
    """A row of the frame that the operator cannot take, and why."""

    row: int
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an operator made of a frame.

    `frame` is what goes on. `late` and `failures` are rows of the frame that was given, in order; no row is in both,
    and what is in neither was accepted.
    """

    frame: pl.DataFrame
    late: Sequence[int] = ()
    failures: Sequence[Failure] = ()


class Stateful(Protocol):
    """One input: what comes of a frame depends on it, on the state, and on nothing else."""

    @property
    def spec(self) -> StateSpec: ...

    def __call__(self, frame: pl.DataFrame, partitions: Partitions, moments: Moments, table: StateTable) -> Outcome:
        """Take the rows of `frame`, which came from these input partitions, in order of arrival within each.

        The frame may be empty while watermarks moved; then what is due by them comes out.
        """


def due(table: StateTable, moments: Moments, wait: int) -> tuple[Ints, Partitions]:
    """The rows that are due `wait` microseconds before the watermarks of their partitions, and these partitions."""
    rows = {partition: table.due(partition, mark - wait) for partition, mark in moments.ends.items()}
    if not rows:
        return np.zeros(0, np.int64), np.zeros(0, np.int32)
    partitions = np.repeat(np.array(list(rows), np.int32), [len(some) for some in rows.values()])
    return np.concatenate(list(rows.values())), partitions


def reach(partitions: Partitions, moments: Moments) -> Ints:
    """For each partition of the array, its watermark once all rows have been seen."""
    marks = np.zeros(int(max(moments.ends, default=0)) + 1, np.int64)
    for partition, mark in moments.ends.items():
        marks[partition] = mark
    return marks[partitions]

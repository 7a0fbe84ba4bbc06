"""Stages that read two topics, partition by partition: what belongs together has the same number in both."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import polars as pl

from mesoscale_streams.stages.watermarks import Ints, Moments, Partitions
from mesoscale_streams.state.spec import StateSpec
from mesoscale_streams.state.table import StateTable


@dataclass(frozen=True, slots=True)
class Arrived:
    """What came of one of the topics in a batch. `arrivals` are places in the batch, ascending."""

    frame: pl.DataFrame
    partitions: Partitions
    arrivals: Ints
    moments: Moments

    def of(self, rows: np.ndarray) -> "Arrived":
        """Some of the rows, by a mask or as places."""
        return Arrived(self.frame.filter(rows), self.partitions[rows], self.arrivals[rows], self.moments)


@dataclass(frozen=True, slots=True)
class Joined:
    """What came of it; `late` and `late_beside` are rows of the two frames that came too late."""

    frame: pl.DataFrame
    late: Sequence[int] = ()
    late_beside: Sequence[int] = ()


class TwoInputs(Protocol):
    """What comes of two frames depends on them, on the state, and on nothing else."""

    @property
    def spec(self) -> StateSpec: ...

    def __call__(self, ours: Arrived, beside: Arrived, table: StateTable) -> Joined:
        """Take what came of the topic in `from`, and of the one beside it; either may be empty."""

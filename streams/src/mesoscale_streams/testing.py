"""For tests of a user's own stateful step: run it on frames, without Kafka, as a stage would."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from mesoscale_streams.stages.stateful_step import Piece, Remembering, StatefulFunction, shape
from mesoscale_streams.state.table import StateTable

__all__ = ["Ran", "check_cuts", "run_step"]


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a run: a frame for each that went in, and at the end the state, a row a key in the keys' order."""

    frames: list[pl.DataFrame]
    state: pl.DataFrame

    @property
    def frame(self) -> pl.DataFrame:
        """All that came out, as one frame."""
        return pl.concat(self.frames)


def run_step(
    step: StatefulFunction, frames: Iterable[pl.DataFrame], key: Sequence[str], columns: Mapping[str, str]
) -> Ran:
    """Give the step one frame after the other, with the state that it left behind.

    Args:
        step: `(frame, state) -> (frame, state)`.
        frames: batches, in order; all with the same columns, and at least one of them.
        key: the columns whose values name a row of state, as `state.key` has them.
        columns: the other columns of the state and their types, as `state.columns` has them: string, int64, float64,
            boolean, timestamp or date.

    Raises:
        Exception: what the step raised, or what is wrong with what it gave back. A stage would make dead letters of the
            records that are to blame; a test wants to know.
    """
    batches = list(frames)
    spec = shape(key, batches[0].schema, columns)
    table, remembering = StateTable(spec), Remembering(step, spec, _frame)
    table.blocks.add(0)
    told = [
        remembering.done(Piece(0, batch, np.zeros(batch.height, np.int32)), table) for batch in batches if batch.height
    ]
    return Ran(told, table.read(table.rows(0)).sort(*key))


def check_cuts(
    step: StatefulFunction,
    frame: pl.DataFrame,
    key: Sequence[str],
    columns: Mapping[str, str],
    same: Callable[[pl.DataFrame], pl.DataFrame] = lambda told: told,
) -> None:
    """See that it does not matter how records are cut into batches, which depends on the load of the day.

    The frame is given to the step at once, one by one, and in pieces of a few sizes.

    Args:
        step: as for `run_step`.
        frame: the records, at least two of some key.
        key: as for `run_step`.
        columns: as for `run_step`.
        same: applied to all that came out before it is compared: a sort, where a step's order is free.

    Raises:
        AssertionError: two cuts gave different results; it shows both.
    """
    whole = run_step(step, [frame], key, columns)
    for size in {1, 2, 7, max(1, frame.height // 2)}:
        cut = run_step(step, frame.iter_slices(size), key, columns)
        for what, one, other in (("results", same(whole.frame), same(cut.frame)), ("state", whole.state, cut.state)):
            if not one.equals(other):
                raise AssertionError(f"{what} differ when batches have {size} records:\n{other}\nand not\n{one}")


def _frame(frame: pl.DataFrame) -> pl.DataFrame:
    if not isinstance(frame, pl.DataFrame):
        raise TypeError(f"the step gave a {type(frame).__name__}, not a polars DataFrame")
    return frame

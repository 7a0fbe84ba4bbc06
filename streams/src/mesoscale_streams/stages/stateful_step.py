"""A user's own step that remembers: a frame and the state of its keys in, a frame and their new state out.

    def step(frame: pl.DataFrame, state: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]

`state` has one row for each key that is in `frame`, in the order in which they first stand there; its other columns are
null for a key that is new. What comes back has the same keys, in any order; a key whose other columns are all null is
forgotten. Records of a key are in order, and never on both sides of what is not.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from mesoscale.contract.types import Contract
from mesoscale.errors import Reason
from mesoscale.model.stateful import State
from mesoscale_streams.records.checks import Checks
from mesoscale_streams.records.schema import TYPES, polars_schema
from mesoscale_streams.stages.stateful import PARTITION, Failure, Outcome
from mesoscale_streams.stages.step import BROKEN_FROM, StepBroken, conform
from mesoscale_streams.stages.watermarks import Moments, Partitions
from mesoscale_streams.state.spec import StateSpec
from mesoscale_streams.state.table import Rows, StateTable

log = logging.getLogger(__name__)

StatefulFunction = Callable[[pl.DataFrame, pl.DataFrame], tuple[pl.DataFrame, pl.DataFrame]]


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows of the frame from `first` on, with their partitions."""

    first: int
    frame: pl.DataFrame
    partitions: Partitions

    def cut(self, start: int, end: int) -> "Piece":
        return Piece(self.first + start, self.frame[start:end], self.partitions[start:end])


class StatefulStep:
    """Runs the function, and finds the records that it cannot do."""

    def __init__(self, function: StatefulFunction, spec: StateSpec, checks: Checks) -> None:
        """Args:
        function: the user's own.
        spec: what it remembers.
        checks: those of the contract of what comes out.
        """
        self._checks = checks
        self._remembering = Remembering(function, spec, lambda frame: conform(frame, checks))
        self.spec = spec

    def __call__(self, frame: pl.DataFrame, partitions: Partitions, moments: Moments, table: StateTable) -> Outcome:
        """As `Stateful` says.

        Raises:
            StepBroken: it can do none of many records.
        """
        frames = [pl.DataFrame(schema=polars_schema(self._checks.contract))]
        failures: list[Failure] = []
        self._run(Piece(0, frame, partitions), table, frames, failures)
        if len(failures) == frame.height >= BROKEN_FROM:
            raise StepBroken(f"the step failed for each of {frame.height} records; the first: {failures[0].detail}")
        if failures:
            log.warning("the step failed for %d of %d records: %s", len(failures), frame.height, failures[0].detail)
        return Outcome(pl.concat(frames), (), failures)

    def _run(self, piece: Piece, table: StateTable, frames: list[pl.DataFrame], failures: list[Failure]) -> None:
        """Where the function fails, the piece is halved until the rows that it cannot do stand alone.

        The second half follows the first, so each key still has its records in order.
        """
        if not piece.frame.height:
            return
        try:
            frames.append(self._remembering.done(piece, table))
        except Exception as error:  # the user's function may raise anything
            if piece.frame.height == 1:
                failures.append(Failure(piece.first, Reason.STEP_FAILED, f"{type(error).__name__}: {error}"))
                return
            middle = piece.frame.height // 2
            self._run(piece.cut(0, middle), table, frames, failures)
            self._run(piece.cut(middle, piece.frame.height), table, frames, failures)


class Remembering:
    """Calls the function with the state of the keys at hand, and keeps what it gives back once all of that is right."""

    def __init__(
        self, function: StatefulFunction, spec: StateSpec, conform: Callable[[pl.DataFrame], pl.DataFrame]
    ) -> None:
        """Args:
        function: the user's own.
        spec: what it remembers.
        conform: what goes on, as it should be; raises where it cannot be.
        """
        self._function = function
        self._spec = spec
        self._conform = conform

    def done(self, piece: Piece, table: StateTable) -> pl.DataFrame:
        """What the function makes of the piece.

        Raises:
            Exception: the function raised, or gave back what breaks its promises. The state is what it was before.
        """
        results = [self._result(part, table) for part in self._parts(piece)]
        for one in results:
            one.remember(table)
        return pl.concat(one.frame for one in results)

    def _parts(self, piece: Piece) -> list[Piece]:
        """The piece; or, where two partitions have the same key, what came of each, as state has a row for each."""
        numbers = np.unique(piece.partitions)
        if len(numbers) == 1 or self._keys(piece).select(self._spec.key).is_unique().all():
            return [piece]
        masks = [piece.partitions == partition for partition in numbers]
        return [Piece(0, piece.frame.filter(mask), piece.partitions[mask]) for mask in masks]

    def _result(self, part: Piece, table: StateTable) -> "_Result":
        keys = self._keys(part)
        partitions, key = keys[PARTITION].to_numpy(), keys.select(self._spec.key)
        rows = table.find(partitions, key)
        told = self._function(part.frame, key.hstack(table.read(rows, self._spec.values)))
        if not isinstance(told, tuple) or len(told) != 2:
            raise TypeError("the step did not give two frames, what goes on and the state")
        return _Result(self._conform(told[0]), partitions, rows, self._state(told[1], key))

    def _keys(self, piece: Piece) -> pl.DataFrame:
        keys = piece.frame.select(*self._spec.key, pl.Series(PARTITION, piece.partitions))
        return keys.unique(maintain_order=True)

    def _state(self, state: pl.DataFrame, key: pl.DataFrame) -> pl.DataFrame:
        """The state with exactly its columns and types, in the order of `key`.

        Raises:
            TypeError, ValueError, PolarsError: a column is missing or of another type, or the keys are others.
        """
        if not isinstance(state, pl.DataFrame):
            raise TypeError(f"the step's state is a {type(state).__name__}, not a polars DataFrame")
        columns = self._spec.columns
        missing = [name for name in columns if name not in state.columns]
        if missing:
            raise ValueError(f"the step's state has no column {', '.join(missing)}")
        state = state.select(pl.col(name).cast(dtype, strict=True) for name, dtype in columns.items())
        if state.select(self._spec.key).equals(key):
            return state
        ordered = key.join(state, on=self._spec.key, how="inner", nulls_equal=True, maintain_order="left")
        if not (ordered.height == state.height == key.height):
            raise ValueError(f"the step was given the state of {key.height} keys and gave other ones back")
        return ordered


@dataclass(frozen=True, slots=True)
class _Result:
    """What goes on, and the state of keys whose rows were these (-1: none)."""

    frame: pl.DataFrame
    partitions: Partitions
    rows: Rows
    state: pl.DataFrame

    def remember(self, table: StateTable) -> None:
        nothing = self.state.select(pl.all_horizontal(pl.col(table.spec.values).is_null())).to_series().to_numpy()
        kept = self.state.filter(~nothing)
        if kept.height:
            table.write(table.insert(self.partitions[~nothing], kept), kept)
        table.remove(self.rows[nothing & (self.rows >= 0)])


def spec(state: State, incoming: Contract) -> StateSpec:
    """What a step remembers, from its section of the document."""
    return shape(state.key, polars_schema(incoming), {one.name: one.type for one in state.columns})


def shape(key: Sequence[str], types: pl.Schema, columns: Mapping[str, str]) -> StateSpec:
    """The same from the columns of the key, the types of the incoming frame, and state columns by type as a document
    names it."""
    return StateSpec(
        tuple(key), pl.Schema({name: types[name] for name in key} | {name: TYPES[one] for name, one in columns.items()})
    )

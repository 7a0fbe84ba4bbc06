"""Batch and Work: what is read at once, and what came of it and is to be made safe at once.

Both stand between the loop and its two ends, which know nothing of each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import polars as pl

from mesoscale.ledger import Counts
from mesoscale_streams.deadletter import DeadLetter
from mesoscale_streams.history import History


class Batch(Protocol):
    """Records as they came, and where they stand in what they were read from."""

    @property
    def values(self) -> Sequence[bytes | None]: ...

    @property
    def keys(self) -> Sequence[bytes | None] | None:
        """The records' keys, or None where they have none yet."""

    @property
    def condemned(self) -> str:
        """Why no step is to see its one record; empty if it may."""

    def position(self, index: int) -> str:
        """Where the record at `index` was read, as a dead letter tells it."""

    def history(self, index: int) -> History:
        """What the record at `index` has been through."""

    def spread(self, indices: Sequence[int] | None) -> dict[int, int]:
        """Input partition → how many of the records at `indices` (None: of all) come from it.

        Of all, it also names partitions that move on without a record.
        """


@dataclass(frozen=True, slots=True)
class Waiting:
    """A record that its step wants to have again after so many seconds; `history` already counts the next attempt."""

    value: bytes | None
    key: bytes | None
    history: History
    seconds: float


@dataclass(frozen=True, slots=True)
class Work:
    """A batch after its contract and its step.

    `frame` holds the rows for a store, and `rows` the index in the batch of each of them (None: all of the batch, in
    order); `values` and `keys` are the records for a topic, None where no topic follows. `counts` are by input
    partition; `late` are records that came too late, as they came, and
    `waiting` those that are not done with yet, which no count contains.
    """

    batch: Any
    frame: pl.DataFrame
    rows: Sequence[int] | None
    values: Sequence[bytes] | None
    keys: Sequence[bytes | None] | None
    letters: list[DeadLetter]
    counts: dict[int, Counts]
    late: list[DeadLetter] = field(default_factory=list)
    waiting: Sequence[Waiting] = ()

    @property
    def total(self) -> Counts:
        return Counts.total(self.counts.values())


class Inlet(Protocol):
    """Where a loop reads."""

    @property
    def ended(self) -> bool:
        """Nothing will ever come again."""

    @property
    def ready(self) -> bool:
        """It has what it needs to read."""

    def read(self) -> Batch | None:
        """The next batch, or None when none came within a moment."""

    def rewind(self) -> None:
        """Go back to what is safe: what was read since then will be read again."""

    def close(self) -> None: ...


class Outlet(Protocol):
    """Where a loop makes its work safe, in order."""

    def write(self, work: Work) -> None:
        """Make the work safe, or begin to and see the one before it through.

        Raises:
            BeginAgain: nothing since the last safe work took effect; the inlet is to be rewound.
        """

    def settle(self) -> None:
        """Return when all work is safe."""

    def close(self) -> None: ...


class BeginAgain(Exception):
    """A batch could not be made safe and left no trace; it is to be read again. `cause` is a metric label."""

    def __init__(self, cause: str, detail: str) -> None:
        super().__init__(detail)
        self.cause = cause

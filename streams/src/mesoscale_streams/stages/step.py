"""Steps: finding them by name, running them on a frame, and finding the records that a step cannot do.

A step is one function, built in or the user's own: a frame of records that keep the incoming contract goes in, a frame
that keeps the outgoing contract comes out, with as many rows as the step likes.
"""

import importlib
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mesoscale.errors import PlanRefused, Problem, Reason, nearest
from mesoscale.model.stage import Stage
from mesoscale_streams.records.checks import Checks
from mesoscale_streams.records.schema import polars_schema
from mesoscale_streams.retry import Retry
from mesoscale_streams.stages.alerts import alerts
from mesoscale_streams.stages.forward import forward

log = logging.getLogger(__name__)

Step = Callable[[pl.DataFrame], pl.DataFrame]

BUILT_IN: dict[str, Step] = {"forward": forward, "alerts": alerts}

Rows = np.ndarray[Any, np.dtype[np.int64]]

ROUNDS = 16  # times that a step may set rows of a frame aside; then it gets all of the rest later
BROKEN_FROM = 100  # records: a step that cannot do a single one of so many is broken, and not its input


class StepBroken(Exception):
    """The step does no record at all: its program ends, nothing is committed, and whoever supervises it tries again."""


@dataclass(frozen=True, slots=True)
class Again:
    """A row that the step wants to have again later: why, and after how many seconds if the step says so."""

    row: int
    detail: str
    after: float | None


@dataclass(frozen=True, slots=True)
class StepResult:
    """What a step made of a frame.

    `failures` are rows of the frame it was given, with what went wrong; `again` those that it wants to have later.
    """

    frame: pl.DataFrame
    failures: list[tuple[int, str]]
    again: Sequence[Again] = ()


def find(stage: Stage, folder: Path) -> Step:
    """The step a stage names; modules of the user's own lie in `folder`, beside the document.

    Raises:
        PlanRefused: there is no such module or function, or the module cannot be imported.
    """
    if stage.step is None:
        assert stage.use is not None
        return BUILT_IN[stage.use]
    module_name, function_name = stage.step.split(":")
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # the user's module may raise anything while it is imported
        raise PlanRefused(
            Problem(
                Reason.UNKNOWN_REFERENCE,
                f'stage "{stage.name}": module {module_name} cannot be imported: {error!r}',
                hint=f"it is looked for beside the document, in {folder}",
            )
        ) from error
    found = getattr(module, function_name, None)
    if not callable(found):
        names = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        message = f'stage "{stage.name}": module {module_name} has no function {function_name} ({", ".join(names)})'
        raise PlanRefused(Problem(Reason.UNKNOWN_REFERENCE, message, hint=nearest(function_name, names)))
    step: Step = found
    return step


def run(step: Step, frame: pl.DataFrame, checks: Checks) -> StepResult:
    """Run the step; where it fails, halve the frame until the rows that it cannot do stand alone.

    Rows that it wants to have again later are set aside, and it is called again with the others.

    Raises:
        StepBroken: it can do none of many records.
    """
    if frame.is_empty():
        return StepResult(frame, [])
    try:
        return StepResult(conform(step(frame), checks), [])
    except Exception as error:  # the user's function may raise anything
        trying = _Trying(step, checks)
        trying.after(error, frame, np.arange(frame.height), ROUNDS)
    failures = trying.failures
    if len(failures) == frame.height >= BROKEN_FROM:
        raise StepBroken(f"the step failed for each of {frame.height} records; the first: {failures[0][1]}")
    if failures:
        log.warning("the step failed for %d of %d records: %s", len(failures), frame.height, failures[0][1])
    if trying.again:
        again = trying.again[0].detail
        log.warning("the step wants %d of %d records again: %s", len(trying.again), frame.height, again)
    good = pl.concat(trying.good) if trying.good else pl.DataFrame(schema=polars_schema(checks.contract))
    return StepResult(good, failures, trying.again)


class _Trying:
    """What a step that has raised does of its frame, part by part; rows are numbers in the frame of the batch."""

    def __init__(self, step: Step, checks: Checks) -> None:
        self._step = step
        self._checks = checks
        self.good: list[pl.DataFrame] = []
        self.failures: list[tuple[int, str]] = []
        self.again: list[Again] = []

    def after(self, error: Exception, frame: pl.DataFrame, rows: Rows, rounds: int) -> None:
        """The step raised `error` for `frame`, and may set rows of it aside `rounds` times."""
        if isinstance(error, Retry):
            chosen = _chosen(error, frame.height, rounds)
            self.again += [Again(int(row), error.detail, error.after) for row in rows[chosen]]
            self._try(frame.filter(~chosen), rows[~chosen], rounds - 1)
        elif frame.height == 1:
            self.failures.append((int(rows[0]), f"{type(error).__name__}: {error}"))
        else:
            middle = frame.height // 2
            self._try(frame.head(middle), rows[:middle], rounds)
            self._try(frame.tail(frame.height - middle), rows[middle:], rounds)

    def _try(self, frame: pl.DataFrame, rows: Rows, rounds: int) -> None:
        if frame.is_empty():
            return
        try:
            self.good.append(conform(self._step(frame), self._checks))
        except Exception as error:  # as above
            self.after(error, frame, rows, rounds)


def _chosen(error: Retry, height: int, rounds: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which rows of its frame the step wants again: all if it names none, or has named some too often."""
    named = np.zeros(height, np.bool_)
    named[[row for row in error.rows or () if 0 <= row < height]] = True
    return named if named.any() and rounds > 0 else np.ones(height, np.bool_)


def conform(frame: pl.DataFrame, checks: Checks) -> pl.DataFrame:
    """The frame with exactly the contract's columns and types.

    Raises:
        ValueError, PolarsError: a column is missing or of another type, or a row breaks the contract.
    """
    if not isinstance(frame, pl.DataFrame):
        raise TypeError(f"the step gave a {type(frame).__name__}, not a polars DataFrame")
    schema = polars_schema(checks.contract)
    missing = [name for name in schema if name not in frame.columns]
    if missing:
        raise ValueError(f"the step's frame has no column {', '.join(missing)}, which {checks.contract.label} wants")
    conformed = frame.select(pl.col(name).cast(dtype, strict=True) for name, dtype in schema.items())
    for violation in checks.violations(conformed):
        raise ValueError(f"the step's frame breaks {checks.contract.label}: {violation.detail}")
    return conformed

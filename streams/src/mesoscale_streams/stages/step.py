"""Steps: finding them by name, running them on a frame, and finding the records that a step cannot do.

A step is one function, built in or the user's own: a frame of records that keep the incoming contract goes in, a frame
that keeps the outgoing contract comes out, with as many rows as the step likes.
"""

import importlib
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from mesoscale.errors import PlanRefused, Problem, Reason, nearest
from mesoscale.model.stage import Stage
from mesoscale_streams.records.checks import Checks
from mesoscale_streams.records.schema import polars_schema
from mesoscale_streams.stages.forward import forward

log = logging.getLogger(__name__)

Step = Callable[[pl.DataFrame], pl.DataFrame]

BUILT_IN: dict[str, Step] = {"forward": forward}

BROKEN_FROM = 100  # records: a step that cannot do a single one of so many is broken, and not its input


class StepBroken(Exception):
    """The step does no record at all: its program ends, nothing is committed, and whoever supervises it tries again."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """What a step made of a frame; `failures` are rows of the frame it was given, with what went wrong."""

    frame: pl.DataFrame
    failures: list[tuple[int, str]]


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

    Raises:
        StepBroken: it can do none of many records.
    """
    if frame.is_empty():
        return StepResult(frame, [])
    try:
        return StepResult(conform(step(frame), checks), [])
    except Exception as error:  # the user's function may raise anything
        good, failures = _halve(step, frame, checks, error, 0)
    if len(failures) == frame.height >= BROKEN_FROM:
        raise StepBroken(f"the step failed for each of {frame.height} records; the first: {failures[0][1]}")
    log.warning("the step failed for %d of %d records: %s", len(failures), frame.height, failures[0][1])
    return StepResult(pl.concat(good) if good else pl.DataFrame(schema=polars_schema(checks.contract)), failures)


def _halve(
    step: Step, frame: pl.DataFrame, checks: Checks, error: Exception, first: int
) -> tuple[list[pl.DataFrame], list[tuple[int, str]]]:
    """`frame` failed with `error`; its first row is row `first` of the batch."""
    if frame.height == 1:
        return [], [(first, f"{type(error).__name__}: {error}")]
    good: list[pl.DataFrame] = []
    failures: list[tuple[int, str]] = []
    middle = frame.height // 2
    for start, part in ((0, frame.head(middle)), (middle, frame.tail(frame.height - middle))):
        try:
            good.append(conform(step(part), checks))
        except Exception as deeper:  # as above
            more, failed = _halve(step, part, checks, deeper, first + start)
            good += more
            failures += failed
    return good, failures


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

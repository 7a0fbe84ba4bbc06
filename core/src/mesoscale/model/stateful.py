"""What a stage may remember: windows, sessions, rolling features, joins, lookups, state of a user's own step."""

from typing import Annotated, Literal, cast

from pydantic import Field

from mesoscale.model.base import AGGREGATE_PATTERN, FEATURE_PATTERN, SET, ColumnName, Duration, Name, Section

Keys = Annotated[tuple[ColumnName, ...], Field(min_length=1, max_length=8, json_schema_extra=SET)]
Emit = Literal["final", "updates"]
Function = Literal["count", "sum", "mean", "min", "max", "first", "last"]


class EventTime(Section):
    """How far records may be out of order. `outOfOrderness` is how much a record may follow a later one of its
    partition, and holds all results back; `lateness` is how long results wait beyond that. A partition that is silent
    for `idleAfter` holds nothing up. A record further than `maxAhead` in the future of its arrival is a dead letter.
    """

    lateness: Duration = "0s"
    out_of_orderness: Duration = "0s"
    idle_after: Duration = "1m"
    max_ahead: Duration = "1h"


class Aggregate(Section):
    """One result, such as `sum(amount)`: count(*) counts records, all others pass over what is null in a column."""

    name: ColumnName
    value: Annotated[str, Field(pattern=AGGREGATE_PATTERN, max_length=70)]

    @property
    def function(self) -> Function:
        """What is made of the values."""
        return cast("Function", self.value.partition("(")[0])

    @property
    def column(self) -> str | None:
        """The column that it is of; None for records themselves."""
        column = self.value.partition("(")[2].removesuffix(")")
        return None if column == "*" else column


class Feature(Aggregate):
    """What a key did `within` the span of time that ends with each record."""

    value: Annotated[str, Field(pattern=FEATURE_PATTERN, max_length=70)]
    within: Duration


Aggregates = Annotated[tuple[Aggregate, ...], Field(min_length=1, max_length=32)]


class Window(EventTime):
    """Windows of one size for each key; they overlap where a new one begins `every` shorter time."""

    by: Keys
    size: Duration
    every: Duration | None = None
    aggregates: Aggregates
    emit: Emit = "final"


class Session(EventTime):
    """Records of a key that follow each other without a pause longer than `gap`."""

    by: Keys
    gap: Duration
    aggregates: Aggregates
    emit: Emit = "final"


class Rolling(EventTime):
    """Each record with features of its key's recent past beside it."""

    by: Keys
    features: Annotated[tuple[Feature, ...], Field(min_length=1, max_length=64)]


class Join(EventTime):
    """Pairs of records of two topics with the same key: one of `with` from `before` a record of ours to `after` it."""

    with_: Annotated[Name, Field(alias="with")]
    type: Literal["inner", "left"] = "inner"
    before: Duration
    after: Duration


class Enrich(Section):
    """Each record with the latest row of its key that came from `with`: its `columns`, or all of them."""

    with_: Annotated[Name, Field(alias="with")]
    type: Literal["inner", "left"] = "left"
    columns: Annotated[tuple[ColumnName, ...], Field(max_length=64, json_schema_extra=SET)] = ()


class StateColumn(Section):
    """A column that a step of the user's own remembers for each key."""

    name: ColumnName
    type: Literal["string", "int64", "float64", "boolean", "timestamp", "date"]


class State(Section):
    """What a stage remembers, and how much of it.

    `key` and `columns` are those of a user's own step. `version` is to be raised when what they mean changes. State of
    another shape or version is refused, unless `reset` allows to begin with none. At `maxKeys` in one process the
    stage ends and says so.
    """

    key: Annotated[tuple[ColumnName, ...], Field(max_length=8, json_schema_extra=SET)] = ()
    columns: Annotated[tuple[StateColumn, ...], Field(max_length=64)] = ()
    version: Annotated[int, Field(ge=1)] = 1
    max_keys: Annotated[int, Field(ge=1, le=1_000_000_000)] = 5_000_000
    reset: bool = False

"""Checks: rules over stored data, with a gate."""

from typing import Annotated, Literal

from pydantic import Field

from mesoscale.model.base import ColumnName, Duration, Name, Section


class Check(Section):
    """`of` names a sink; what else is needed depends on `expect`."""

    name: Name
    of: Name
    expect: Literal["freshness", "completeness", "volume", "uniqueness"]
    within: Duration | None = None
    column: ColumnName | None = None
    min: Annotated[float, Field(ge=0)] | None = None
    on_failure: Literal["warn", "quarantine", "pause"] = "warn"

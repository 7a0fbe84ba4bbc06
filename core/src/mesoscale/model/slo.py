"""Service level objectives, from which alerts and dashboards are made."""

from typing import Annotated

from pydantic import Field

from mesoscale.model.base import Duration, Section


class Slo(Section):
    """`freshness` of tables, `max_lag` in records, `availability` in percent."""

    freshness: Duration = "15m"
    max_lag: Annotated[int, Field(ge=1)] = 20_000
    availability: Annotated[float, Field(gt=0, lt=100)] = 99.9

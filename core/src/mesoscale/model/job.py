"""Jobs: Spark programs that end, on a schedule."""

from typing import Annotated

from pydantic import Field

from mesoscale.model.base import Cron, Name, Section, Text


class Executors(Section):
    """How many Spark executors a job may have."""

    min: Annotated[int, Field(ge=0, le=1000)] = 1
    max: Annotated[int, Field(ge=1, le=1000)] = 2


class Job(Section):
    """`use` names a built-in job, `program` the user's own Python file; exactly one of them."""

    name: Name
    use: Name | None = None
    program: Text | None = None
    schedule: Cron | None = None
    executors: Executors = Executors()

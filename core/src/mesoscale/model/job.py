"""Jobs: Spark programs that end, on a schedule."""

from typing import Annotated

from pydantic import Field

from mesoscale.model.base import IMAGE_PATTERN, Cron, Name, Section, Text


class Executors(Section):
    """How many Spark executors a job may have."""

    min: Annotated[int, Field(ge=0, le=1000)] = 1
    max: Annotated[int, Field(ge=1, le=1000)] = 2


class Job(Section):
    """`use` names a built-in job, `program` the user's own Python file; exactly one of them.

    A program lies beside the document, or in `image`, one made from ours, below /mesoscale/code. Without `schedule` it
    runs once, and again when the document changes what it is.
    """

    name: Name
    use: Name | None = None
    program: Text | None = None
    image: Annotated[str, Field(pattern=IMAGE_PATTERN, max_length=255)] | None = None
    schedule: Cron | None = None
    executors: Executors = Executors()

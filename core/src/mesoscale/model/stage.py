"""Stages: topic → topic, by a built-in step or by a function of the user's own."""

from typing import Annotated, Literal

from pydantic import Field

from mesoscale.model.base import STEP_PATTERN, Name, Section
from mesoscale.model.topic import TopicSettings

BuiltInStep = Literal["forward", "fraud"]


class Scale(Section):
    """How many processes share the partitions; never more than there are partitions."""

    min: Annotated[int, Field(ge=0, le=256)] = 1
    max: Annotated[int, Field(ge=1, le=256)] = 1
    lag_per_replica: Annotated[int, Field(ge=1)] = 20_000


class Stage(Section):
    """topic → topic, by one of two: `use` names a built-in step, `step` a function beside the document.

    `contract` is that of what comes out; without it, that of what goes in.
    """

    name: Name
    from_: Annotated[Name, Field(alias="from")]
    use: BuiltInStep | None = None
    step: Annotated[str, Field(pattern=STEP_PATTERN, max_length=255)] | None = None
    contract: Name | None = None
    scale: Scale = Scale()
    topic: TopicSettings = TopicSettings()

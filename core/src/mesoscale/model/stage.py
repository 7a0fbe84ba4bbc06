"""Stages: topic → topic, by a built-in step or by a function of the user's own."""

from typing import Annotated, Literal

from pydantic import Field

from mesoscale.model.base import STEP_PATTERN, Duration, Name, Section, Size
from mesoscale.model.stateful import Enrich, Join, Rolling, Session, State, Window
from mesoscale.model.topic import TopicSettings

KINDS = ("use", "step", "window", "session", "rolling", "join", "enrich")
STATEFUL = KINDS[2:]

MOST_ATTEMPTS = 10  # one topic partition for each, so that no record waits behind one that waits longer

BuiltInStep = Literal["forward", "alerts", "fraud"]
REMEMBERING = ("fraud",)  # built-in steps for which it matters what came before
SCORING = {"fraud": "fraud"}  # built-in step → the trained model that it scores with


class Scale(Section):
    """How many processes share the partitions; never more than there are partitions."""

    min: Annotated[int, Field(ge=0, le=256)] = 1
    max: Annotated[int, Field(ge=1, le=256)] = 1
    lag_per_replica: Annotated[int, Field(ge=1)] = 20_000


class Retries(Section):
    """How a step that asks for it is given its records again: `attempts` times at most, then they are dead letters.

    `delay` is the wait before the first time, and each further one is `factor` times as long as the one before, up to a
    day.
    """

    attempts: Annotated[int, Field(ge=1, le=MOST_ATTEMPTS)] = 3
    delay: Duration = "10s"
    factor: Annotated[float, Field(ge=1, le=10)] = 2


class Stage(Section):
    """topic → topic, by one of KINDS: `use` names a built-in step, `step` a function beside the document; the others
    remember what came before.

    `contract` is that of what comes out. Without it, that of what goes in, or the one that follows from what is asked
    for; of the latter, `contract` may name a part.

    A step that has not come back with a batch after `stepTimeout`, and a program that holds more than `memoryLimit`, is
    ended and started anew.
    """

    name: Name
    from_: Annotated[Name, Field(alias="from")]
    use: BuiltInStep | None = None
    step: Annotated[str, Field(pattern=STEP_PATTERN, max_length=255)] | None = None
    window: Window | None = None
    session: Session | None = None
    rolling: Rolling | None = None
    join: Join | None = None
    enrich: Enrich | None = None
    state: State | None = None
    retries: Retries | None = None
    step_timeout: Duration = "1m"
    memory_limit: Size | None = None
    contract: Name | None = None
    scale: Scale = Scale()
    topic: TopicSettings = TopicSettings()

    @property
    def kind(self) -> str:
        """Which of KINDS it is; a rule of the document says there is exactly one."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def stateful(self) -> bool:
        """Whether what comes out depends on what came before."""
        own = self.state is not None and self.kind == "step"
        return self.kind in STATEFUL or self.use in REMEMBERING or own

    @property
    def beside(self) -> str | None:
        """The node that it reads from beside `from`."""
        other = self.join or self.enrich
        return other.with_ if other else None

"""What leads from the topics that are there to those that are wanted, and what must not be done to them. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mesoscale.errors import PlanRefused, Problem, Reason
from mesoscale.plan.types import Topic


@dataclass(frozen=True, slots=True)
class Observed:
    """A topic that exists; `config` holds what was set for it alone, not the broker's defaults."""

    partitions: int
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Create:
    topic: Topic


@dataclass(frozen=True, slots=True)
class Grow:
    """Add partitions until there are `to`."""

    name: str
    to: int


@dataclass(frozen=True, slots=True)
class Configure:
    """Set these entries, leaving others as they are."""

    name: str
    config: Mapping[str, str]


Step = Create | Grow | Configure


def decide(observed: Mapping[str, Observed], wanted: Sequence[Topic], adopt: bool = False) -> list[Step]:
    """The steps from what is to what is wanted; none for a topic that is right already.

    The topics of a pipeline are its own if its positions topic is there. So that is made first: whoever is killed
    after it goes on, and whoever was refused has made nothing.

    Args:
        observed: name → what is there.
        wanted: all topics of one pipeline.
        adopt: whether topics that somebody else has made may be taken over.

    Raises:
        PlanRefused: topics are there that are not ours, or one would lose partitions, and with them the order of its
            keys and its records.
    """
    problems = list(_shrinking(observed, wanted))
    if not adopt:
        problems += _strange(observed, wanted)
    if problems:
        raise PlanRefused(problems)
    ours_first = sorted(wanted, key=lambda topic: topic.role != "positions")
    return [step for topic in ours_first for step in _steps(observed.get(topic.name), topic)]


def _steps(found: Observed | None, topic: Topic) -> Iterator[Step]:
    if found is None:
        yield Create(topic)
        return
    if topic.partitions > found.partitions:
        yield Grow(topic.name, topic.partitions)
    changed = {key: value for key, value in topic.config.items() if found.config.get(key) != value}
    if changed:
        yield Configure(topic.name, changed)


def _strange(observed: Mapping[str, Observed], wanted: Iterable[Topic]) -> Iterator[Problem]:
    if any(topic.role == "positions" and topic.name in observed for topic in wanted):
        return
    for topic in wanted:
        if topic.name in observed:
            yield Problem(
                Reason.NOT_OURS,
                f"topic {topic.name} exists already, and this pipeline has not made it",
                hint="give the pipeline another name, or take the topic over with its records: `adoption: adopt`",
            )


def _shrinking(observed: Mapping[str, Observed], wanted: Iterable[Topic]) -> Iterator[Problem]:
    for topic in wanted:
        found = observed.get(topic.name)
        if found is not None and topic.partitions < found.partitions:
            yield Problem(
                Reason.FORBIDDEN_CHANGE,
                f"topic {topic.name} has {found.partitions} partitions and cannot shrink to {topic.partitions}: "
                "the records of the partitions that go would be lost, and keys would move",
                hint=_way_out(topic, found),
            )


def _way_out(topic: Topic, found: Observed) -> str:
    if topic.role == "records":
        return f"write `partitions: {found.partitions}` or more, or start over (on one machine `meso run --fresh`)"
    return "give the pipeline another name: of this topic it needs exactly one partition"

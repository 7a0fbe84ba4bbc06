"""The order in which a deleted document's children go: sources, stages that have caught up, sinks, the rest, the data.

Before the rest, a Job that rested until now deletes topics of brokers elsewhere, if the document says that they go.

Each wave has a deadline, counted from the deletion; when it is over, what holds the wave's objects back is taken off
them and the next wave begins. Everything is decided from what is there and from the time, so nothing is remembered, and
an operator that dies half way goes on where it was.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mesoscale.manifests.types import DATA, REST, SINKS, SOURCES, STAGES, TOPICS, Key
from mesoscale.model.base import DeletionPolicy
from mesoscale_operator.decide import Release, Remove
from mesoscale_operator.records import Record

WAVES = (SOURCES, STAGES, SINKS, TOPICS, REST, DATA)
# Seconds since the deletion.
DEADLINES = {SOURCES: 10.0, STAGES: 30.0, SINKS: 36.0, TOPICS: 46.0, REST: 50.0, DATA: 55.0}
DRAINED_BY = 24.0  # seconds since the deletion; so long may stages and sinks take to catch up
OVERDUE = 25.0  # seconds since its own deletion, after which an object is freed although its wave is not over
GIVE_UP = 58.0  # seconds since the deletion, after which the document goes whatever is left
NAMES = {
    SOURCES: "sources",
    STAGES: "stages",
    SINKS: "sinks",
    TOPICS: "topics of brokers elsewhere",
    REST: "everything but data",
    DATA: "data",
}


@dataclass(frozen=True, slots=True)
class Begin:
    """Let a Job begin that rested until the document's end."""

    key: Key
    record: Record


@dataclass(frozen=True, slots=True)
class Free:
    """Take foreign finalizers off an object whose wave is over."""

    key: Key
    record: Record


@dataclass(frozen=True, slots=True)
class Keep:
    """Take the owner off data that is to stay after all: with it, it would be collected once the document is gone."""

    key: Key
    record: Record


@dataclass(frozen=True, slots=True)
class Wait:
    """Look again when a child changes, and after `seconds` at the latest."""

    what: str
    seconds: float
    by: float = 0.0  # seconds since the deletion after which it is waited no more; of a wave only


@dataclass(frozen=True, slots=True)
class Finish:
    """Nothing is left to take down: let the document go."""


Step = Remove | Release | Keep | Begin | Free | Wait | Finish


def steps(
    records: Mapping[Key, Record], policies: Mapping[Key, DeletionPolicy], elapsed: float, drained: bool, now: float
) -> Iterator[Step]:
    """What to do now.

    Args:
        policies: what the document says now of its data; where it says nothing, the object's own note counts.
        elapsed: seconds since the deletion, or since this operator leads, whichever is less.
        drained: whether stages and sinks have caught up with what the sources wrote.
        now: seconds since the epoch.
    """
    overdue: dict[Key, Record] = {}
    for wave in WAVES:
        left = {key: record for key, record in records.items() if record.wave == wave and record.ours}
        over = elapsed >= DEADLINES[wave]
        going: list[Step] = []
        for key, record in left.items():
            works = [] if over else list(_work(key, record, policies))
            going += works or _end(key, record, policies.get(key), over, now)
        yield from going
        if going and elapsed < DEADLINES[wave]:
            yield _until(DEADLINES[wave], elapsed, f"{NAMES[wave]} to end: {_named(left)}")
            return
        if wave == SOURCES and not drained and elapsed < DRAINED_BY:
            yield _until(DRAINED_BY, elapsed, "stages and sinks to catch up")
            return
        overdue |= left if going else {}
    yield Wait(f"what is overdue: {_named(overdue)}", 0.3, GIVE_UP) if overdue and elapsed < GIVE_UP else Finish()


def _work(key: Key, record: Record, policies: Mapping[Key, DeletionPolicy]) -> Iterator[Step]:
    """What has to be done before an object ends: a Job that deletes topics, if the document still says that they go."""
    if record.wave != TOPICS or record.deleting:
        return
    if record.suspended and key in policies:
        yield Begin(key, record)
    elif not record.suspended and record.state.state == "Progressing":
        yield Wait(key.name, 1.0)


def _end(key: Key, record: Record, policy: DeletionPolicy | None, over: bool, now: float) -> Iterator[Step]:
    """The steps that bring the end of one object nearer; none if it may stay."""
    if record.deleted_at is not None:
        overdue = over or now - record.deleted_at >= OVERDUE
        if overdue and record.finalizers:
            yield Free(key, record)
        elif not over:
            yield Wait(key.name, 1.0)
        return
    match policy or record.policy or ("retain" if record.wave == DATA else "delete"):
        case "delete":
            yield Remove(key, record)
        case "orphan":
            yield Release(key, record)
        case "retain" if record.policy == "delete":
            yield Keep(key, record)


def _until(deadline: float, elapsed: float, what: str) -> Wait:
    return Wait(what, min(1.0, max(0.05, deadline - elapsed)), deadline)


def _named(left: Mapping[Key, Record]) -> str:
    """The first of them, with who holds it back, and how many there are."""
    first = min(left)
    held = left[first].finalizers if left[first].deleting else ()
    by = f", held by {', '.join(held)}" if held else ""
    more = f" (and {len(left) - 1} more)" if len(left) > 1 else ""
    return f"{first.kind} {first.name}{by}{more}"

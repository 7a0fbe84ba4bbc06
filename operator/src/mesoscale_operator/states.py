"""What to say of each child after a reconcile: what was seen of it, what became of the step, and the way out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mesoscale.errors import Reason
from mesoscale.manifests.types import Key
from mesoscale.model.base import DeletionPolicy
from mesoscale.readiness import State
from mesoscale_operator.apply import Done
from mesoscale_operator.decide import Apply, Leave, Release, Remove, Step
from mesoscale_operator.errors import ApiError, Retry
from mesoscale_operator.plans import Kept
from mesoscale_operator.records import Record


@dataclass(frozen=True, slots=True)
class Told:
    """A child, the condition it counts for (none if the document does not name it), and its state."""

    key: Key
    condition: str | None
    state: State


@dataclass(frozen=True, slots=True)
class Ending:
    """How far a teardown is: what is left, and what the document's end waits for."""

    told: tuple[Told, ...]
    reason: Reason
    message: str
    next_step: str


def left_over(records: Mapping[Key, Record], policies: Mapping[Key, DeletionPolicy]) -> tuple[Told, ...]:
    """The state of every object that is left of a pipeline while it is taken down."""
    return tuple(Told(key, None, _leaving(key, record, policies)) for key, record in records.items() if record.ours)


def _leaving(key: Key, record: Record, policies: Mapping[Key, DeletionPolicy]) -> State:
    policy = policies.get(key) or record.policy
    if policy in ("retain", "orphan") and not record.deleting:
        return State("Orphaned", f"stays, by deletionPolicy: {policy}", "delete it if nobody needs it")
    held = f", held by {', '.join(record.finalizers)}" if record.deleting and record.finalizers else ""
    return State("Progressing", f"is being deleted{held}" if record.deleting else "goes when its wave comes", "")


def tell(kept: Kept, records: Mapping[Key, Record], steps: Iterable[Step], done: Iterable[Done]) -> tuple[Told, ...]:
    """The state of every child that is wanted, and of every object that is left over."""
    problems = {_key(one.step): one.problem for one in done if one.problem is not None}
    left = {step.key: step for step in steps if isinstance(step, Leave)}
    wanted = {one.key: one.condition for one in kept.wanted}
    return (
        *(Told(key, condition, _state(key, records, left, problems)) for key, condition in wanted.items()),
        *(Told(key, None, _orphaned(step)) for key, step in left.items() if key not in wanted),
        *(Told(key, None, _failed(problem)) for key, problem in problems.items() if key not in wanted),
    )


def _state(
    key: Key, records: Mapping[Key, Record], left: Mapping[Key, Leave], problems: Mapping[Key, ApiError]
) -> State:
    if key in problems:
        return _failed(problems[key])
    if key in left:
        return _left(left[key], records.get(key))
    record = records.get(key)
    return record.state if record else State("Progressing", "was just asked for", "")


def _failed(problem: ApiError) -> State:
    match problem.retry:
        case Retry.TRANSIENT:
            return State("Progressing", str(problem), "it is tried again by itself")
        case Retry.WAITING:
            return State(
                "Progressing", str(problem), "allow it, or provide what is missing; it is tried again by itself"
            )
        case Retry.PERMANENT:
            return State("Failed", str(problem), "change the document or the object; see docs/reasons.md")


def _left(step: Leave, record: Record | None) -> State:
    seen = record.state if record else State("Progressing", "is not there", "")
    match step.why:
        case "absent-kind":
            what = f"{step.key.kind} is no kind of this cluster"
            return State("Skipped", what, f"install {step.detail}; it is noticed within seconds")
        case "being-deleted" | "lost":
            return State("Progressing", "is being deleted, and made anew then", "")
        case "drifted":
            way_out = "undo the change, or set driftPolicy: revert"
            return State(seen.state, "was changed by somebody else, and is left so by driftPolicy: report", way_out)
        case "rollout":
            return State("Progressing", f"its change waits until {step.detail} is ready", "")
        case "retained":
            return _orphaned(step)


def _orphaned(step: Leave) -> State:
    return State("Orphaned", "is not in the document any more, and kept for its data", "delete it if nobody needs it")


def _key(step: Step) -> Key:
    match step:
        case Apply(wanted):
            return wanted.key
        case Remove(key) | Release(key) | Leave(key):
            return key

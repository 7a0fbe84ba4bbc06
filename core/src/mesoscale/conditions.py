"""Conditions: the states of all children → the pipeline's status. What is waited for is named, with the way out."""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, Protocol

from mesoscale.errors import Problem, Reason
from mesoscale.manifests.types import KINDS, Key
from mesoscale.model.status import CONDITIONS, Child, Condition, Endpoint, LedgerTotals, Status
from mesoscale.readiness import State

Truth = Literal["True", "False", "Unknown"]
Pause = Sequence[Literal["reconcile", "data"]]

MOST_CHILDREN = 256  # as the definition allows
LONGEST = 1024  # characters of a sentence, likewise
PROGRAMS = ("StatefulSet", "Deployment")

# A pipeline works without these: it is not scaled or not watched, which is told but no reason to wait.
_NOT_NEEDED = {kind[:2] for kind in KINDS if kind.project in ("KEDA", "Prometheus operator")}
_WORST_FIRST = ("Failed", "Progressing", "Skipped", "Orphaned", "Ready")


class Totals(Protocol):
    """What the dashboard counts."""

    @property
    def ledger(self) -> LedgerTotals: ...
    @property
    def rows_per_second(self) -> float: ...


class Seen(NamedTuple):
    """A child, the condition it counts for (None: the document does not name it any more), and its state."""

    key: Key
    condition: str | None
    state: State


class _Verdict(NamedTuple):
    status: Truth
    reason: Reason
    message: str
    next_step: str = ""


def report(
    previous: Status | None,
    generation: int,
    accepted: Sequence[Problem],
    children: Iterable[tuple[Key, str | None, State]],
    totals: Totals | None,
    endpoints: Sequence[Endpoint],
    now: str,
    pause: Pause = (),
) -> Status:
    """The status to write; equal to the previous one where nothing changed.

    Args:
        accepted: what is wrong with the document of this generation; with anything, what ran before goes on.
        totals: None where nobody could be asked; the last known ones then stay.
        now: the time of a condition whose status changes, as in `2026-01-02T03:04:05Z`.
        pause: what of the pipeline rests, as the document says.
    """
    seen = sorted((Seen(*child) for child in children), key=_worst_first)
    verdicts = {"Accepted": _accepted(accepted, pause)}
    verdicts |= {kind: _of_children(kind, seen) for kind in CONDITIONS[1:-1]}
    verdicts["Ready"] = _paused(_ready(verdicts["Accepted"], seen), pause)
    return Status(
        observed_generation=generation,
        conditions=tuple(_condition(kind, verdict, previous, generation, now) for kind, verdict in verdicts.items()),
        stages_ready=_programs(one for one in seen if one.condition is not None),
        rows_per_second=_rate(totals.rows_per_second) if totals else previous.rows_per_second if previous else "",
        children=tuple(_child(one) for one in seen[:MOST_CHILDREN]),
        endpoints=tuple(endpoints[:16]),
        ledger=totals.ledger if totals else previous.ledger if previous else None,
    )


def ending(
    previous: Status | None,
    generation: int,
    reason: Reason,
    message: str,
    next_step: str,
    children: Iterable[tuple[Key, str | None, State]],
    now: str,
) -> Status:
    """The status while a pipeline is taken down: Ready says what is waited for, the rest that it goes."""
    seen = sorted((Seen(*child) for child in children), key=_worst_first)
    before = {one.type: one for one in previous.conditions} if previous else {}
    goes = _Verdict("False", Reason.DELETING, "is being taken down")
    verdicts = dict.fromkeys(CONDITIONS[:-1], goes) | {"Ready": _Verdict("False", reason, message, next_step)}
    # What was refused stays refused, and what was never asked for is not taken down.
    stays = {kind: one for kind, one in before.items() if kind == "Accepted" or one.reason == Reason.NOTHING_TO_DO}
    status = previous or Status()
    return status.model_copy(
        update={
            "observed_generation": generation,
            "conditions": tuple(
                stays.get(kind) or _condition(kind, verdict, previous, generation, now)
                for kind, verdict in verdicts.items()
            ),
            "stages_ready": _programs(seen),
            "rows_per_second": "",
            "children": tuple(_child(one) for one in seen[:MOST_CHILDREN]),
            "endpoints": (),
        }
    )


def _programs(seen: Iterable[Seen]) -> str:
    states = [one.state for one in seen if one.key.kind in PROGRAMS]
    return f"{sum(one.ready for one in states)}/{sum(one.programs for one in states)}"


def _worst_first(one: Seen) -> tuple[int, int, Key]:
    """What asks for attention first, and of that what others wait for: topics before streams."""
    place = CONDITIONS.index(one.condition) if one.condition in CONDITIONS else len(CONDITIONS)
    return _WORST_FIRST.index(one.state.state), place, one.key


def _accepted(problems: Sequence[Problem], pause: Pause) -> _Verdict:
    if not problems and "reconcile" in pause:
        return _Verdict("True", Reason.PAUSED, "the document is right, and paused: it is not applied", _resume(pause))
    if not problems:
        return _Verdict("True", Reason.ACCEPTED, "the document is right")
    first, more = problems[0], len(problems) - 1
    where = f"{first.place.path}: " if first.place and first.place.path else ""
    others = f" (and {more} more)" if more else ""
    return _Verdict("False", first.reason, f"{where}{first.message}{others}", first.hint or "apply it again, put right")


def _of_children(condition: str, seen: Sequence[Seen]) -> _Verdict:
    mine = [one for one in seen if one.condition == condition]
    if not mine:
        return _Verdict("True", Reason.NOTHING_TO_DO, "the document asks for nothing of this kind")
    blocking = [one for one in mine if one.state.state != "Ready" and (_needed(one) or condition == "MonitoringReady")]
    return _waiting(blocking) if blocking else _Verdict("True", Reason.ALL_READY, _count(mine))


def _ready(accepted: _Verdict, seen: Sequence[Seen]) -> _Verdict:
    blocking = [one for one in seen if one.condition is not None and one.state.state != "Ready" and _needed(one)]
    if accepted.status != "True":
        goes_on = "; what ran before goes on" if seen else ""
        return accepted._replace(message=f"the document is refused{goes_on}: {accepted.message}")
    if blocking:
        return _waiting(blocking)
    named = [one for one in seen if one.condition is not None]
    skipped = [one for one in named if one.state.state != "Ready"]
    without = f"; without {_named(skipped[0])}: {skipped[0].state.message}" if skipped else ""
    return _Verdict("True", Reason.ALL_READY, _count(named) + without, skipped[0].state.next_step if skipped else "")


def _paused(ready: _Verdict, pause: Pause) -> _Verdict:
    """What else is waited for stays the reason; a pipeline in which no records move is not ready in any case."""
    if not pause or ready.reason not in (Reason.ALL_READY, Reason.WAITING):
        return ready
    rests = {"data": "no records move", "reconcile": "nothing is applied or put right"}
    message = f"paused, so {' and '.join(rests[one] for one in sorted(pause))}; {ready.message}"
    if ready.reason == Reason.WAITING:
        return ready._replace(message=message)
    return _Verdict("False" if "data" in pause else "True", Reason.PAUSED, message, _resume(pause))


def _resume(pause: Pause) -> str:
    return f"take {' and '.join(sorted(pause))} out of spec.pause to go on"


def _needed(one: Seen) -> bool:
    return one.key[:2] not in _NOT_NEEDED


def _waiting(blocking: Sequence[Seen]) -> _Verdict:
    """By the worst of them, which stands first."""
    first, more = blocking[0], len(blocking) - 1
    reason = {"Failed": Reason.CHILD_FAILED, "Skipped": Reason.PART_MISSING}.get(first.state.state, Reason.WAITING)
    others = f" (and {more} more)" if more else ""
    message = f"{_named(first)}: {first.state.message or first.state.state.lower()}{others}"
    return _Verdict("False", reason, message, first.state.next_step)


def _named(one: Seen) -> str:
    return f"{one.key.kind} {one.key.name}"


def _count(children: Sequence[Seen]) -> str:
    return f"{len(children)} object{'' if len(children) == 1 else 's'} as wanted"


def _condition(kind: str, verdict: _Verdict, previous: Status | None, generation: int, now: str) -> Condition:
    before = next((one for one in previous.conditions if one.type == kind), None) if previous else None
    return Condition(
        type=kind,
        status=verdict.status,
        reason=verdict.reason,
        message=_bounded(verdict.message),
        next_step=_bounded(verdict.next_step),
        last_transition_time=before.last_transition_time if before and before.status == verdict.status else now,
        observed_generation=generation,
    )


def _child(one: Seen) -> Child:
    state = one.state
    message = "; ".join(filter(None, (state.message, state.next_step)))
    return Child(
        api_version=one.key.api_version,
        kind=one.key.kind,
        name=one.key.name,
        state=state.state,
        message=_bounded(message),
    )


def _bounded(sentence: str) -> str:
    return sentence if len(sentence) <= LONGEST else f"{sentence[: LONGEST - 1]}…"


def _rate(rows: float) -> str:
    return f"{rows:.0f}"

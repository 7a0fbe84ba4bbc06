"""What is wanted and what is there → steps, as values. Whatever an operator might regret is decided here."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from mesoscale.manifests import types
from mesoscale.manifests.types import Key
from mesoscale_operator.observe import Absence
from mesoscale_operator.planning import Wanted
from mesoscale_operator.records import Record

ROLLOUT_PATIENCE = 600.0  # seconds that a workload may take to become ready before others are changed all the same
ROLLED = "StatefulSet"  # the kind whose change restarts a program


@dataclass(frozen=True, slots=True)
class Apply:
    """Make a child what it should be."""

    wanted: Wanted
    why: Literal["new", "changed", "drifted", "lost"]


@dataclass(frozen=True, slots=True)
class Remove:
    """End an object that the document no longer names."""

    key: Key
    record: Record


@dataclass(frozen=True, slots=True)
class Release:
    """Let an object go: it stays, and is nobody's."""

    key: Key
    record: Record


@dataclass(frozen=True, slots=True)
class Leave:
    """Do nothing about a child, for a reason that is worth telling."""

    key: Key
    why: Literal["absent-kind", "being-deleted", "lost", "drifted", "rollout", "retained"]
    detail: str = ""


Step = Apply | Remove | Release | Leave


def steps(
    wanted: tuple[Wanted, ...],
    records: Mapping[Key, Record],
    settled: Mapping[Key, tuple[str, str]],
    lost: Callable[[Key], str],
    absences: Mapping[tuple[str, str], Absence],
    revert: bool,
    now: float,
) -> list[Step]:
    """Everything to do about the children of one document, or to leave.

    Args:
        settled: digests that differ and are known to mean the same, wanted and managed.
        lost: the hash of what others deleted.
        absences: kinds that cannot be seen.
        revert: whether a field that others changed is put right or only told. What is missing is made in any case: it
            holds no change that somebody may want to keep, and records stop where it was.
        now: seconds since the epoch.
    """
    kept = {one.key for one in wanted}
    found = [_child(one, records.get(one.key), settled.get(one.key), lost, absences, revert) for one in wanted]
    due: list[Step] = [step for step in found if step is not None]
    return [*_one_after_the_other(due, records, now), *_unnamed(kept, records)]


def _child(
    wanted: Wanted,
    record: Record | None,
    settled: tuple[str, str] | None,
    lost: Callable[[Key], str],
    absences: Mapping[tuple[str, str], Absence],
    revert: bool,
) -> Step | None:
    if absence := absences.get(wanted.key[:2]):
        return Leave(wanted.key, "absent-kind", absence.kind.project)
    if record is None:
        return Apply(wanted, "lost" if lost(wanted.key) == wanted.hash else "new")
    if record.deleting:
        # Whatever is written now goes with it; its end is an event, and then it is made anew.
        return Leave(wanted.key, "lost" if record.hash == wanted.hash else "being-deleted")
    if record.managed == wanted.digest or (wanted.digest, record.managed) == settled:
        return None
    if record.hash != wanted.hash:
        return Apply(wanted, "changed")
    return Apply(wanted, "drifted") if revert else Leave(wanted.key, "drifted")


def _one_after_the_other(due: list[Step], records: Mapping[Key, Record], now: float) -> Iterator[Step]:
    """Let one program restart at a time, readers before writers, so that a bad change stops at the first."""
    rolling = [
        key
        for key, record in records.items()
        if key.kind == ROLLED and record.state.state == "Progressing" and now - record.applied_at < ROLLOUT_PATIENCE
    ]
    changes = [
        step for step in due if isinstance(step, Apply) and step.wanted.key.kind == ROLLED and step.why == "changed"
    ]
    changes.sort(key=lambda step: (step.wanted.key not in rolling, -step.wanted.wave))
    # A program that does not come up may be changed again: the change may be what heals it.
    first = changes[0].wanted.key if changes and (not rolling or changes[0].wanted.key in rolling) else None
    for step in due:
        if step in changes and isinstance(step, Apply) and step.wanted.key != first:
            waits_for = first or rolling[0]
            yield Leave(step.wanted.key, "rollout", waits_for.name)
        else:
            yield step


def _unnamed(kept: set[Key], records: Mapping[Key, Record]) -> Iterator[Step]:
    for key, record in records.items():
        if key not in kept and (step := unnamed(key, record)):
            yield step


def unnamed(key: Key, record: Record) -> Step | None:
    """What becomes of an object that the document does not name, or names no longer."""
    # Somebody copied our labels onto an object of their own: we never applied it, so it is not ours to delete.
    if not record.ours:
        return None
    # Its end is under way; asking twice helps nobody.
    if record.deleting:
        return None
    # Records and rows outlive a line of YAML unless the document said otherwise while it still named them.
    if record.policy == "retain":
        return Leave(key, "retained")
    if record.policy == "orphan":
        return Release(key, record)
    # A kind that bears data and says nothing of its policy was not applied by this operator as it is now: keep it.
    if holds_data(key) and record.policy != "delete":
        return Leave(key, "retained")
    return Remove(key, record)


def holds_data(key: Key) -> bool:
    """Whether the end of such an object is the end of records or rows."""
    return any(kind.data for kind in types.KINDS if (kind.api_version, kind.kind) == key[:2])

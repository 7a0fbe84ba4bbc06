"""Takes down what a deleted document leaves, in the order that `waves` decides, and lets the document go.

An operator that may not end programs does not let a document go, for the records that are on their way would be lost;
unless the namespace ends, which takes the operator's rights along with everything else.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from mesoscale import naming
from mesoscale.errors import Reason
from mesoscale.manifests.types import SINKS, SOURCES, STAGES, TOPICS, Key
from mesoscale.model.base import DeletionPolicy
from mesoscale_operator import errors, waves
from mesoscale_operator.apply import Applier
from mesoscale_operator.children import Children
from mesoscale_operator.dashboards import Dashboards
from mesoscale_operator.decide import Release, Remove
from mesoscale_operator.documents import Document
from mesoscale_operator.documents import Key as DocumentKey
from mesoscale_operator.events import Events
from mesoscale_operator.finalizer import Finalizer
from mesoscale_operator.kube import Kube, Resource
from mesoscale_operator.observe import Observer
from mesoscale_operator.planning import DASHBOARD
from mesoscale_operator.plans import Plans
from mesoscale_operator.records import Record
from mesoscale_operator.states import Ending, left_over
from mesoscale_operator.waves import Begin, Finish, Free, Keep, Wait
from mesoscale_operator.workers import Result

Deed = Remove | Release | Keep | Begin | Free

NAMESPACES = Resource("v1", "namespaces")
PROGRAMS = ("apps/v1", "StatefulSet")
ASK_AGAIN = 5.0  # seconds until another try where nothing is allowed
AT_MOST = "nothing needs to be done: what has not ended by then is let go of, and told in an Event"


class Refusal(NamedTuple):
    """Something that the operator may not do, and whether it is to end programs."""

    problem: errors.ApiError
    of_programs: bool


class Teardown:
    """Ends pipelines. Nothing of it is remembered: what is there and the time since the deletion say what to do."""

    def __init__(
        self,
        kube: Kube,
        children: Children,
        observer: Observer,
        plans: Plans,
        applier: Applier,
        finalizer: Finalizer,
        dashboards: Dashboards,
        events: Events,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._kube = kube
        self._children = children
        self._observer = observer
        self._plans = plans
        self._applier = applier
        self._finalizer = finalizer
        self._dashboards = dashboards
        self._events = events
        self._now = now
        self._began = now()  # a deletion that nobody attended to gets its full time from here on
        self._refused: dict[DocumentKey, float] = {}  # likewise one that could not be attended to

    async def run(self, document: Document) -> tuple[Result, Ending | None]:
        """Bring the end of a deleted document nearer, and say how far it is, unless it goes now."""
        if not document.held:
            return Result(), None
        key, records = document.key, self._children.of(document.key)
        began = max(document.deleted_at or 0.0, self._began, self._refused.get(key, 0.0))
        drained = await self._drained(key, records)
        policies = await self._policies(document)
        blind = self._blind(key)
        now = self._now()
        # Whoever does not see the programs would take the first waves for over.
        steps = [] if blind else list(waves.steps(records, policies, now - began, drained, now))
        waits = [step for step in steps if isinstance(step, Wait)]
        tried = [step for step in steps if not isinstance(step, Wait | Finish)]
        outcomes = await asyncio.gather(*(self._do(document, step) for step in tried))
        problems = tuple(problem for problem in outcomes if problem)
        refusal = blind or _refusal(tried, outcomes)
        ends = refusal is not None and await self._namespace_ends(key.namespace)
        if ends or (Finish() in steps and not _of_programs(refusal)):
            last = await self._do(document, Finish())
            return Result((*problems, last) if last else problems), None
        told = left_over(self._children.of(key), policies)
        if refusal and _of_programs(refusal):
            self._refused[key] = self._now()
            ending = Ending(told, Reason.FORBIDDEN, f"cannot be taken down: {refusal.problem}", _way_out(document))
            return Result((*problems, refusal.problem), ASK_AGAIN), ending
        ending = Ending(told, Reason.DELETING, _waited_for(waits, began), AT_MOST)
        return Result(problems, min(wait.seconds for wait in waits)), ending

    async def aftermath(self, key: DocumentKey) -> Result:
        """See to what is left of a document that is no more.

        Data that was kept is deleted with its namespace, and whoever put a finalizer on it may be gone.
        """
        self._refused.pop(key, None)
        self._plans.forget(key)
        self._dashboards.forget(key)
        stuck = {
            name: one for name, one in self._children.of(key).items() if one.deleting and one.ours and one.finalizers
        }
        if not stuck:
            return Result()
        left = max(one.deleted_at or 0.0 for one in stuck.values()) + waves.OVERDUE - self._now()
        if left > 0:
            return Result(again_after=left)
        if await self._namespace_ends(key.namespace):
            await asyncio.gather(*(self._applier.free(key, name, one) for name, one in stuck.items()))
        return Result()

    async def _do(self, document: Document, step: waves.Step) -> errors.ApiError | None:
        try:
            match step:
                case Remove(key, record):
                    if record.wave == TOPICS and not record.suspended and record.state.state != "Ready":
                        note = f"topics stay: {key.kind} {key.name} {record.state.message}"
                        self._events.say(document, Reason.ORPHANED, note, warning=True)
                    await self._applier.remove(document.key, key, record)
                case Release(key, record):
                    await self._applier.release(document.key, key, record)
                case Begin(key, record):
                    await self._applier.begin(document.key, key, record)
                case Keep(key, record):
                    await self._applier.keep(document.key, key, record)
                case Free(key, record):
                    note = f"{key.kind} {key.name} was not ended in time by {', '.join(record.finalizers)}; let go"
                    self._events.say(document, Reason.ORPHANED, note, warning=True)
                    await self._applier.free(document.key, key, record)
                case Finish():
                    await self._finalizer.let_go(document)
        except errors.ApiError as problem:
            return problem
        return None

    async def _policies(self, document: Document) -> Mapping[Key, DeletionPolicy]:
        """What the document says at its end: it may have been changed in its last moment."""
        try:
            verdict, _ = await self._plans.of(document)
        except errors.ApiError:
            return {}
        own = verdict.kept.wanted if verdict.kept and not verdict.refused else ()
        return {one.key: one.policy for one in own}

    async def _drained(self, key: DocumentKey, records: Mapping[Key, Record]) -> bool:
        """Whether nothing is on its way any more; nobody who could say so counts as no."""
        if any(record.wave == SOURCES for record in records.values()):
            return False
        if not any(record.running for record in records.values() if record.wave in (STAGES, SINKS)):
            return True
        name = naming.object_name(key.name, DASHBOARD)
        shows = records.get(Key("apps/v1", "Deployment", name))
        totals = await self._dashboards.totals(key, name, at_most=0.5) if shows and shows.running else None
        return totals is not None and totals.drained

    def _blind(self, key: DocumentKey) -> Refusal | None:
        """That programs cannot be seen, if it is so."""
        absence = self._observer.absences(key.namespace).get(PROGRAMS)
        unseen = errors.Forbidden("StatefulSets may not be listed")
        return Refusal(unseen, of_programs=True) if absence and absence.forbidden else None

    async def _namespace_ends(self, namespace: str) -> bool:
        try:
            found = await self._kube.get(NAMESPACES, None, namespace)
        except errors.ApiError:
            return False
        return bool(found["metadata"].get("deletionTimestamp"))


def _refusal(tried: Sequence[Deed], outcomes: Sequence[errors.ApiError | None]) -> Refusal | None:
    """What may not be done, if programs may not be ended, or nothing at all may be done."""
    refused = [(one, why) for one, why in zip(tried, outcomes, strict=True) if isinstance(why, errors.Forbidden)]
    programs = [why for one, why in refused if one.record.wave in (SOURCES, STAGES, SINKS)]
    if programs:
        return Refusal(programs[0], of_programs=True)
    return Refusal(refused[0][1], of_programs=False) if refused and len(refused) == len(tried) else None


def _of_programs(refusal: Refusal | None) -> bool:
    return refusal is not None and refusal.of_programs


def _waited_for(waits: Sequence[Wait], began: float) -> str:
    wave = next(wait for wait in waits if wait.by)
    until = datetime.fromtimestamp(began + wave.by, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"waits for {wave.what}; until {until} at the latest"


def _way_out(document: Document) -> str:
    patch = """'{"metadata":{"finalizers":null}}'"""
    free = f"kubectl -n {document.key.namespace} patch weatherpipeline {document.key.name} --type=merge -p {patch}"
    return f"give the operator its rights back; to end it all without any order: {free}"

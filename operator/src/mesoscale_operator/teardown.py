"""Takes down what a deleted document leaves, in the order that `waves` decides, and lets the document go."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

from mesoscale import naming
from mesoscale.manifests.types import SINKS, SOURCES, STAGES, Key
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
from mesoscale_operator.planning import DASHBOARD
from mesoscale_operator.plans import Plans
from mesoscale_operator.records import Record
from mesoscale_operator.waves import Finish, Free, Keep, Wait
from mesoscale_operator.workers import Result

NAMESPACES = Resource("v1", "namespaces")


class Teardown:
    """Ends pipelines. Nothing of it is remembered: what is there and the time since the deletion say what to do."""

    def __init__(
        self,
        kube: Kube,
        children: Children,
        plans: Plans,
        applier: Applier,
        finalizer: Finalizer,
        dashboards: Dashboards,
        events: Events,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._kube = kube
        self._children = children
        self._plans = plans
        self._applier = applier
        self._finalizer = finalizer
        self._dashboards = dashboards
        self._events = events
        self._now = now
        self._began = now()  # a deletion that nobody attended to gets its full time from here on

    async def run(self, document: Document) -> Result:
        """Bring the end of a deleted document nearer."""
        if not document.held:
            return Result()
        key, records = document.key, self._children.of(document.key)
        elapsed = self._now() - max(document.deleted_at or 0.0, self._began)
        drained = await self._drained(key, records)
        policies = await self._policies(document)
        steps = list(waves.steps(records, policies, elapsed, drained, self._now()))
        problems = await asyncio.gather(*(self._do(document, step) for step in steps))
        if _powerless(steps, problems):
            problems.append(await self._do(document, Finish()))
        return Result(
            tuple(problem for problem in problems if problem),
            min((step.seconds for step in steps if isinstance(step, Wait)), default=None),
        )

    async def aftermath(self, key: DocumentKey) -> Result:
        """See to what is left of a document that is no more.

        Data that was kept is deleted with its namespace, and whoever put a finalizer on it may be gone.
        """
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
                    await self._applier.remove(document.key, key, record)
                case Release(key, record):
                    await self._applier.release(document.key, key, record)
                case Keep(key, record):
                    await self._applier.keep(document.key, key, record)
                case Free(key, record):
                    note = f"{key.kind} {key.name} was not ended in time by {', '.join(record.finalizers)}; let go"
                    self._events.say(document, "Orphaned", note, warning=True)
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

    async def _namespace_ends(self, namespace: str) -> bool:
        try:
            found = await self._kube.get(NAMESPACES, None, namespace)
        except errors.ApiError:
            return False
        return bool(found["metadata"].get("deletionTimestamp"))


def _powerless(steps: Sequence[waves.Step], problems: Sequence[errors.ApiError | None]) -> bool:
    """Whether nothing that was tried is allowed.

    A namespace that is deleted takes the operator's rights along with all else. What is left goes as it goes, then.
    """
    tried = [problem for step, problem in zip(steps, problems, strict=True) if not isinstance(step, Wait | Finish)]
    return bool(tried) and all(isinstance(problem, errors.Forbidden) for problem in tried)

"""One document, looked at as it is now: read, plan, diff, apply, report; or taken down, wave by wave."""

import time
from collections.abc import Callable

from mesoscale_operator import decide
from mesoscale_operator.apply import Applier
from mesoscale_operator.children import Children
from mesoscale_operator.decide import Apply, Step
from mesoscale_operator.documents import Documents, Key
from mesoscale_operator.finalizer import Finalizer
from mesoscale_operator.observe import Observer
from mesoscale_operator.plans import Kept, Plans
from mesoscale_operator.report import Reporter
from mesoscale_operator.teardown import Teardown
from mesoscale_operator.workers import Result


class Reconciler:
    """Brings what is there nearer to what a document asks for. Any call may be the last of this process."""

    def __init__(
        self,
        documents: Documents,
        children: Children,
        observer: Observer,
        plans: Plans,
        finalizer: Finalizer,
        applier: Applier,
        reporter: Reporter,
        teardown: Teardown,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._documents = documents
        self._children = children
        self._observer = observer
        self._plans = plans
        self._finalizer = finalizer
        self._applier = applier
        self._reporter = reporter
        self._teardown = teardown
        self._now = now

    async def reconcile(self, key: Key) -> Result:
        """Look at everything and do what is to be done now; whatever happens next brings the key back."""
        document = self._documents.get(key)
        if document is None:
            return await self._teardown.aftermath(key)
        if document.deleted_at is not None:
            return await self._reporter.end(document, *await self._teardown.run(document))
        verdict, manifests = await self._plans.of(document)
        if verdict.kept is None:
            return await self._reporter.report(document, verdict, [], [])
        await self._finalizer.hold(document)
        steps = [] if "reconcile" in verdict.kept.pause else self._diff(key, verdict.kept)
        if manifests is None and any(isinstance(step, Apply) for step in steps):
            manifests = self._plans.manifests(document, verdict.kept)
        done = await self._applier.carry_out(key, steps, manifests or {}, verdict.kept.adopt)
        return await self._reporter.report(document, verdict, steps, done)

    def _diff(self, key: Key, kept: Kept) -> list[Step]:
        return decide.steps(
            kept.wanted,
            self._children.of(key),
            self._children.settled(key),
            lambda child: self._children.lost(key.namespace, child),
            self._observer.absences(key.namespace),
            kept.revert,
            self._now(),
        )

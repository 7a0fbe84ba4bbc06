"""One operator process: its parts, what they tell each other, and the order in which they begin and end."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mesoscale.manifests.installation import Installation
from mesoscale.manifests.types import KINDS
from mesoscale_operator import documents as docs
from mesoscale_operator import errors
from mesoscale_operator.apply import Applier
from mesoscale_operator.children import Children
from mesoscale_operator.dashboards import Dashboards
from mesoscale_operator.documents import Documents, Key
from mesoscale_operator.events import Events
from mesoscale_operator.finalizer import Finalizer
from mesoscale_operator.kube import Kube
from mesoscale_operator.leader import Leader
from mesoscale_operator.metrics import Metrics
from mesoscale_operator.observe import Observer
from mesoscale_operator.plans import Plans
from mesoscale_operator.probes import Hearing, Probes
from mesoscale_operator.reconcile import Reconciler
from mesoscale_operator.report import Reporter
from mesoscale_operator.teardown import Teardown
from mesoscale_operator.workers import Workers
from mesoscale_operator.workqueue import WorkQueue

logger = logging.getLogger(__name__)

READINESS_DELAY = 0.3  # seconds in which changes of readiness gather before their document is looked at
ASK_FOR_DEFINITION = 5.0  # seconds between two looks for the definition of documents


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    namespaces: tuple[str, ...]  # none: all
    listen: str  # HOST:PORT of probes and metrics
    lease_namespace: str
    identity: str
    workers: int


WatchDocuments = Callable[["Operator", asyncio.Event], Awaitable[None]]
"""Feeds `Operator.document_changed` and `document_gone` until the event is set or a signal arrives."""


class Operator:
    """All parts of the process."""

    def __init__(
        self, client: Kube, apart: Kube, metrics: Metrics, options: Options, installation: Installation
    ) -> None:
        """`apart` is a client of its own for the election: a leader whose work queues up must not lose its Lease."""
        self._client = client
        self._metrics = metrics
        self._options = options
        self._queue: WorkQueue[Key] = WorkQueue()
        self._documents = Documents()
        self._children = Children(self._child_changed)
        self._hearing = Hearing(apart, options.lease_namespace)
        self._observer = Observer(
            client, KINDS, options.namespaces or (None,), self._children, self._hearing.heard, self._look_at_all
        )
        self._dashboards = Dashboards(client)
        self._events = Events(client, options.identity)
        self._leader = Leader(apart, options.lease_namespace, options.identity)
        self._workers = Workers(self._queue, self._reconciler(installation).reconcile, metrics)
        self._ready = asyncio.Event()
        self._export()

    def document_changed(self, body: Mapping[str, Any]) -> None:
        """A document was found, made or changed."""
        self._hearing.heard()
        if self._documents.see(body):
            self._queue.add(Key(body["metadata"]["namespace"], body["metadata"]["name"]))

    def document_gone(self, body: Mapping[str, Any]) -> None:
        """A document ended."""
        self._hearing.heard()
        if self._documents.gone(body):
            self._queue.add(Key(body["metadata"]["namespace"], body["metadata"]["name"]))

    async def run(self, watch_documents: WatchDocuments) -> int:
        """Run until a signal or the loss of leadership; returns the exit code."""
        stop = asyncio.Event()
        host, _, port = self._options.listen.rpartition(":")
        probes = await Probes(self._hearing, self._metrics, self._ready).serve(host, int(port))
        parts = (self._observer.run(), self._hearing.listen(), self._lead())
        tasks = [asyncio.create_task(part) for part in parts]
        for task in tasks:
            task.add_done_callback(lambda ended: stop.set())
        try:
            async with self._dashboards:
                await self._definition(stop)
                await watch_documents(self, stop)
            return 1 if any(task.done() for task in tasks) else 0
        finally:
            for task in tasks:
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(outcome, Exception):
                    logger.error("a part of the operator ended", exc_info=outcome)
            await self._leader.let_go()
            await probes.cleanup()

    async def _lead(self) -> None:
        """Stand for election once everything is known, then work; returns when this process leads no longer."""
        await self._observer.complete()
        self._ready.set()
        async with asyncio.TaskGroup() as group:
            work = group.create_task(self._work())
            await self._leader.run()
            work.cancel()

    async def _work(self) -> None:
        await self._leader.leads.wait()
        await self._workers.run(self._options.workers)

    async def _definition(self, stop: asyncio.Event) -> None:
        """Wait until documents can be listed: Kopf looks for their definition only once."""
        namespace = self._options.namespaces[0] if self._options.namespaces else None
        while not stop.is_set():
            try:
                await self._client.first(docs.RESOURCE, namespace)
                return
            except errors.ApiError as problem:
                logger.warning("documents cannot be listed yet: %s", problem)
                await asyncio.sleep(ASK_FOR_DEFINITION)

    def _child_changed(self, owner: Key, matters: bool) -> None:
        if matters:
            self._queue.add(owner)
        else:
            self._queue.add_after(owner, READINESS_DELAY)

    def _look_at_all(self) -> None:
        for key in self._documents:
            self._queue.add(key)

    def _reconciler(self, installation: Installation) -> Reconciler:
        plans = Plans(self._client, self._children, installation)
        applier = Applier(self._client, self._children)
        finalizer = Finalizer(self._client, self._documents)
        reporter = Reporter(
            self._client, self._documents, self._children, self._dashboards, self._events, self._metrics
        )
        teardown = Teardown(
            self._client, self._children, self._observer, plans, applier, finalizer, self._dashboards, self._events
        )
        return Reconciler(
            self._documents, self._children, self._observer, plans, finalizer, applier, reporter, teardown
        )

    def _export(self) -> None:
        self._metrics.watch(
            depth=lambda: self._queue.depth,
            age=lambda: self._queue.age,
            last_event_age=lambda: self._hearing.age,
            in_progress_since=lambda: self._workers.in_progress_since,
            documents=lambda: len(self._documents),
            states=lambda: (record.state.state for record in self._children),
            leading=lambda: self._leader.leads.is_set(),
        )

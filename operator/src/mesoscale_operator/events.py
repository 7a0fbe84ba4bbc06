"""Kubernetes Events: what a person should know of a document, said once each time it happens."""

import asyncio
import hashlib
import logging
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime

from mesoscale.errors import Reason
from mesoscale.model.pipeline import API_VERSION, KIND
from mesoscale_operator import errors
from mesoscale_operator.documents import Document
from mesoscale_operator.kube import Kube, Resource

logger = logging.getLogger(__name__)

RESOURCE = Resource("events.k8s.io/v1", "events")
REMEMBERED = 4096  # sentences that are not said again
AGAIN_AFTER = 600.0  # seconds after which the same sentence is said again
NOTE_LIMIT = 1024  # bytes; the API server refuses more


class Events:
    """Says sentences about documents. It never waits for the API server, and a sentence may be lost with a crash."""

    def __init__(self, kube: Kube, instance: str, now: Callable[[], datetime] | None = None) -> None:
        self._kube = kube
        self._instance = instance
        self._now = now or (lambda: datetime.now(UTC))
        self._said: OrderedDict[str, float] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    def say(self, document: Document, reason: Reason, note: str, *, warning: bool = False) -> None:
        """Say it, unless it was said a short while ago."""
        mark = hashlib.sha256(f"{document.uid} {reason} {note}".encode()).hexdigest()[:16]
        moment = asyncio.get_running_loop().time()
        if moment - self._said.get(mark, -AGAIN_AFTER) < AGAIN_AFTER:
            return
        self._said[mark] = moment
        self._said.move_to_end(mark)
        if len(self._said) > REMEMBERED:
            self._said.popitem(last=False)
        task = asyncio.create_task(self._post(document, reason, note, warning))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settle(self) -> None:
        """Wait until all that was said has been sent."""
        await asyncio.gather(*self._tasks)

    async def _post(self, document: Document, reason: Reason, note: str, warning: bool) -> None:
        stamp = self._now()
        metadata = {"namespace": document.key.namespace, "generateName": f"{document.key.name}-"}
        event = {
            "apiVersion": RESOURCE.group_version,
            "kind": "Event",
            "metadata": metadata,
            "eventTime": stamp.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "reportingController": "mesoscale.dev/operator",
            "reportingInstance": self._instance[:128],
            "action": "Reconcile",
            "reason": reason,
            "type": "Warning" if warning else "Normal",
            "note": note.encode()[:NOTE_LIMIT].decode(errors="ignore"),
            "regarding": {
                "apiVersion": API_VERSION,
                "kind": KIND,
                "namespace": document.key.namespace,
                "name": document.key.name,
                "uid": document.uid,
            },
        }
        try:
            await self._kube.create(RESOURCE, event)
        except errors.NamespaceEnds:
            return
        except errors.ApiError as problem:
            logger.info("%s: event %s was not posted: %s", document.key, reason, problem)

"""One list and watch for each kind of child: whatever happens to a child is seen, and its document is looked at again.

A kind that is not installed is asked for again every few seconds, so it is noticed when its definition appears; that
needs no right but the one to list the kind, also where the operator serves one namespace only.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mesoscale.manifests.types import Kind, key
from mesoscale_operator import errors
from mesoscale_operator.children import Children, Place
from mesoscale_operator.kube import Kube, Object, Resource
from mesoscale_operator.records import SELECTOR

logger = logging.getLogger(__name__)

ASK_AGAIN = 10.0  # seconds between two looks for a kind that is not installed or not allowed
LONGEST_BACKOFF = 15.0  # seconds
LISTING = 2  # kinds that are listed at once: a page of each is in memory as objects, many times the size of its records


@dataclass(frozen=True, slots=True)
class Absence:
    """Why a kind cannot be seen."""

    kind: Kind
    forbidden: bool  # it is there, and we may not look


class Observer:
    """Feeds `Children` from the API server. `absences` tells what cannot be seen."""

    def __init__(
        self,
        kube: Kube,
        kinds: tuple[Kind, ...],
        namespaces: tuple[str | None, ...],
        children: Children,
        heard: Callable[[], None],
        kinds_changed: Callable[[], None],
    ) -> None:
        self._kube = kube
        self._watched = [(kind, namespace) for kind in kinds for namespace in namespaces]
        self._children = children
        self._heard = heard  # called for each event
        self._kinds_changed = kinds_changed  # called when a kind appears or vanishes
        self._absent: dict[str | None, dict[tuple[str, str], Absence]] = {}
        self._unknown = set(self._watched)
        self._complete = asyncio.Event()
        self._listing = asyncio.Semaphore(LISTING)

    async def run(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as group:
            for kind, namespace in self._watched:
                group.create_task(self._follow(kind, namespace), name=f"watch {kind.plural}")

    async def complete(self) -> None:
        """Wait until every kind was listed once, or is known to be absent."""
        await self._complete.wait()

    def absences(self, namespace: str) -> Mapping[tuple[str, str], Absence]:
        """The kinds that cannot be seen in a namespace, by API version and name, and why."""
        return self._absent.get(namespace) or self._absent.get(None, {})

    async def _follow(self, kind: Kind, namespace: str | None) -> None:
        resource, delay = Resource(kind.api_version, kind.plural), 0.5
        while True:
            try:
                async with self._listing:
                    version = await self._list(resource, kind, namespace)
                self._present(kind, namespace)
                delay = 0.5
                await self._watch(resource, kind, namespace, version)
            except errors.Gone:
                logger.debug("%s: the watch is too old, listing anew", kind.plural)
            except (errors.NotFound, errors.Forbidden) as refusal:
                self._missing(kind, namespace, isinstance(refusal, errors.Forbidden))
                await asyncio.sleep(ASK_AGAIN)
            except errors.ApiError as problem:
                logger.warning("%s: %s; listing anew in %.1f s", kind.plural, problem, delay)
                await asyncio.sleep(delay)
                delay = min(LONGEST_BACKOFF, delay * 2)

    async def _list(self, resource: Resource, kind: Kind, namespace: str | None) -> str:
        listed: set[Place] = set()
        version = ""
        async for page in self._kube.pages(resource, namespace, SELECTOR):
            for item in page["items"]:
                body = _with_kind(item, kind)
                self._children.see(body)
                listed.add((body["metadata"]["namespace"], key(body)))
            version = page["metadata"]["resourceVersion"]
        self._children.keep_only(listed, kind.api_version, kind.kind, namespace, int(version))
        return version

    async def _watch(self, resource: Resource, kind: Kind, namespace: str | None, version: str) -> None:
        """Watch on from a version, over any number of streams; ends with the error that asks for a new list."""
        delay = 0.5
        while True:
            try:
                async for event in self._kube.watch(resource, namespace, SELECTOR, version):
                    self._heard()
                    delay = 0.5
                    version = event.object["metadata"]["resourceVersion"]
                    self._take(event.type, _with_kind(event.object, kind))
            except (errors.Unavailable, errors.TooMany) as cut:
                logger.debug("%s: %s; watching on in %.1f s", kind.plural, cut, delay)
                await asyncio.sleep(delay)
                delay = min(LONGEST_BACKOFF, delay * 2)

    def _take(self, event: str, body: Object) -> None:
        if event == "DELETED":
            self._children.gone(body)
        elif event != "BOOKMARK":
            self._children.see(body)

    def _present(self, kind: Kind, namespace: str | None) -> None:
        if self._absent.get(namespace, {}).pop((kind.api_version, kind.kind), None) is not None:
            logger.info("%s is there now", kind.plural)
            self._kinds_changed()
        self._known(kind, namespace)

    def _missing(self, kind: Kind, namespace: str | None, forbidden: bool) -> None:
        place = (kind.api_version, kind.kind)
        absence = Absence(kind, forbidden)
        absent = self._absent.setdefault(namespace, {})
        if absent.get(place) != absence:
            absent[place] = absence
            why = "may not be listed" if forbidden else "is not installed"
            logger.info("%s %s; looking again every %.0f s", kind.plural, why, ASK_AGAIN)
            self._children.keep_only(set(), *place, namespace, 2**63)
            self._kinds_changed()
        self._known(kind, namespace)

    def _known(self, kind: Kind, namespace: str | None) -> None:
        self._unknown.discard((kind, namespace))
        if not self._unknown:
            self._complete.set()


def _with_kind(item: Object, kind: Kind) -> Object:
    """Items of a list do not name their kind."""
    item["apiVersion"], item["kind"] = kind.api_version, kind.kind
    return item

"""A namespace for one measurement on the cluster in use: what it needs is defined, and it is emptied afterwards."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from cluster import choose, parts
from loadtest.bench.operator.documents import RESOURCES, Object
from mesoscale_operator import documents, errors, kube, kubeconfig
from mesoscale_operator.kube import Kube, Resource
from mesoscale_operator.kubeconfig import Access

DEFINITION = Path(__file__).parents[3] / "crds" / "weatherpipelines.mesoscale.dev.yaml"
TYPES = ("strimzi-crds", "prometheus-crds")  # so that children of these kinds are real objects, checked by real schemas
MANAGER = "bench"
IN_FLIGHT = 32  # requests at once
PATIENCE = 900.0  # seconds for whatever is waited for
OFTEN = 0.2  # seconds between two looks

NAMESPACES = Resource("v1", "namespaces")
DEFINITIONS = Resource("apiextensions.k8s.io/v1", "customresourcedefinitions")
IN_EACH_NAMESPACE = ("configmaps", "serviceaccounts")  # kinds of which Kubernetes itself makes one object


@dataclass(frozen=True)
class Room:
    """One namespace, and a client that may do anything there."""

    namespace: str
    kubeconfig: Path
    access: Access
    kube: Kube

    async def create(self, bodies: Iterable[Object], resource: Resource = documents.RESOURCE) -> None:
        """Apply objects of one kind."""
        await at_once(self.kube.apply(resource, body, manager=MANAGER) for body in bodies)

    async def count(self, kinds: Iterable[Resource] = RESOURCES.values()) -> int:
        """All objects of the kinds that a child may have, but those that are in every namespace."""
        return sum(await asyncio.gather(*(self._count(resource) for resource in kinds)))

    async def versions(self) -> dict[tuple[str, str], str]:
        """The version of every child: one that was written to has another."""
        found: dict[tuple[str, str], str] = {}
        for resource in RESOURCES.values():
            try:
                async for page in self.kube.pages(resource, self.namespace, "app.kubernetes.io/managed-by=mesoscale"):
                    metadata = (item["metadata"] for item in page["items"])
                    found |= {(resource.plural, one["name"]): one["resourceVersion"] for one in metadata}
            except errors.NotFound:
                continue
        return found

    async def empty(self, holding: Iterable[Resource]) -> None:
        """Delete everything and wait for the end of the namespace; objects of `holding` have finalizers of programs
        that run no longer."""
        for resource in holding:
            await self._free(resource)
        async with kube.session(self.access) as session:
            await asyncio.gather(*(self._delete_all(session, resource) for resource in (*holding, *RESOURCES.values())))
        found = await self.kube.get(NAMESPACES, None, self.namespace)
        await self.kube.delete(NAMESPACES, None, self.namespace, found["metadata"]["uid"])
        await until(self._gone)

    async def _free(self, resource: Resource) -> None:
        free = {"metadata": {"finalizers": None}}
        try:
            pages = [page async for page in self.kube.pages(resource, self.namespace, "")]
        except errors.NotFound:
            return
        held = [one["metadata"] for page in pages for one in page["items"] if one["metadata"].get("finalizers")]
        await at_once(self.kube.merge(resource, self.namespace, one["name"], free) for one in held)

    async def _delete_all(self, session: Any, resource: Resource) -> None:
        """One request deletes them in the API server; it is repeated where it takes longer than a request may."""
        address, patience = (
            self.access.server + resource.path(self.namespace),
            aiohttp.ClientTimeout(total=PATIENCE / 3),
        )
        for _ in range(20):
            async with session.delete(address, json={"propagationPolicy": "Background"}, timeout=patience) as answer:
                await answer.read()
                if answer.status in (200, 404, 405):
                    return

    async def _gone(self) -> bool:
        try:
            await self.kube.get(NAMESPACES, None, self.namespace)
        except errors.NotFound:
            return True
        return False

    async def _count(self, resource: Resource) -> int:
        try:
            page = await self.kube.first(resource, self.namespace)
        except errors.NotFound:
            return 0
        there = len(page["items"]) + int(page["metadata"].get("remainingItemCount", 0))
        return there - (resource.plural in IN_EACH_NAMESPACE)


async def at_once(calls: Iterable[Coroutine[Any, Any, Any]]) -> None:
    """Make all calls, as many at once as an API server likes."""
    places = asyncio.Semaphore(IN_FLIGHT)

    async def one(call: Coroutine[Any, Any, Any]) -> None:
        async with places:
            await call

    await asyncio.gather(*map(one, calls))


async def until(holds: Any, patience: float = PATIENCE) -> None:
    """Wait until what is asked holds.

    Raises:
        TimeoutError: it does not in time.
    """
    async with asyncio.timeout(patience):
        while not await holds():
            await asyncio.sleep(OFTEN)


async def remove(kube: Kube, resource: Resource, name: str) -> None:
    """Delete it, and wait until its name is free."""

    async def gone() -> bool:
        try:
            found = await kube.get(resource, None, name)
            await kube.delete(resource, None, name, found["metadata"]["uid"])
        except errors.NotFound:
            return True
        return False

    await until(gone, 60)


@asynccontextmanager
async def room(mark: str, holding: tuple[Resource, ...] = (documents.RESOURCE,)) -> AsyncIterator[Room]:
    """A namespace of one's own, which is gone afterwards with all that is in it, however it ends."""
    chosen = choose.choose()
    access = kubeconfig.from_kubeconfig(chosen.kubeconfig)
    async with Kube(access, IN_FLIGHT) as client:
        made = Room(f"bench-{mark}-{uuid.uuid4().hex[:6]}", chosen.kubeconfig, access, client)
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": made.namespace}}
        await client.apply(NAMESPACES, body, manager=MANAGER)
        try:
            yield made
        finally:
            await made.empty(holding)


async def define(definition: Object, resource: Resource) -> None:
    """Define a kind and wait until it can be listed."""
    async with Kube(kubeconfig.from_kubeconfig(choose.choose().kubeconfig)) as client:
        await client.apply(DEFINITIONS, definition, manager=MANAGER)

        async def listed() -> bool:
            try:
                await client.first(resource, None)
            except errors.NotFound:
                return False
            return True

        await until(listed, 30)


def bring_up() -> None:
    """The cluster of this machine, with all that documents need there."""
    chosen = choose.choose()
    chosen.up(audit=True)
    for name in TYPES:
        parts.install(name, chosen)
    asyncio.run(define(yaml.safe_load(DEFINITION.read_text()), documents.RESOURCE))

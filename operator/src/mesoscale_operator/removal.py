"""Takes everything of ours out of a cluster, step by step, each within a time of its own, and says what became of it.

A document bears our finalizer, which only a running operator takes off. So, in this order:

1. Every document is deleted, and an operator that is still there takes down what is theirs.
2. The operator goes to no replicas, until its last pod is gone: one that lives would hold documents again.
3. Whatever document is left loses the finalizer, so that its end waits for nobody.
4. What is left of pipelines goes; topics and databases only if they are to. What does not end is freed of finalizers.
5. The definition of documents goes, and the Leases by which operators chose their leader.

Whatever fails or takes too long, the next step comes; the finalizers come off in any case.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from mesoscale import crd
from mesoscale.manifests import types
from mesoscale.model.pipeline import API_VERSION, KIND
from mesoscale_operator import crds, documents, errors, finalizer, leader, records
from mesoscale_operator.kube import Kube, Object, Resource
from mesoscale_operator.records import SELECTOR

logger = logging.getLogger(__name__)

DEPLOYMENTS = Resource("apps/v1", "deployments")
PODS = Resource("v1", "pods")
OPERATORS = "app.kubernetes.io/name=mesoscale,app.kubernetes.io/component=operator"
KIND_OF = {kind: Resource(kind.api_version, kind.plural) for kind in types.KINDS}
DEFINITION = f"{crd.PLURAL}.{crd.GROUP}"
PAUSE = 1.0  # seconds between two looks
OPERATOR_ENDS = 45.0  # seconds that its pods may take; longer than they are given before they are killed
LETTING_GO = 15.0  # seconds that taking finalizers off may take, whatever time is left
LEFTOVERS = 40.0  # seconds that the rest may take to end, half of it before finalizers are taken off
DEFINITION_ENDS = 30.0  # seconds

Word = Literal["delete", "keep"]


class Options(NamedTuple):
    """What is to go, and how long the end of documents may take."""

    namespaces: tuple[str | None, ...]  # those the operator serves; (None,) are all
    operator: tuple[str, str] | None  # namespace and name of its Deployment; None: all that bear its labels
    documents: Word
    data: Word
    definition: Word
    deadline: float  # seconds


class Step(NamedTuple):
    """What became of a step: it is done, or why not."""

    what: str
    done: bool
    detail: str = ""


class Thing(NamedTuple):
    """An object, by what people call it."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Inventory:
    """What there is of ours."""

    documents: tuple[Thing, ...] = ()
    operators: tuple[Thing, ...] = ()
    children: tuple[Thing, ...] = ()
    data: tuple[Thing, ...] = ()
    definition: bool = False
    unseen: tuple[str, ...] = field(default=())  # kinds that may not be listed


async def look(kube: Kube, options: Options) -> Inventory:
    """Everything of ours, and nothing is changed."""
    children: list[Thing] = []
    data: list[Thing] = []
    unseen: list[str] = []
    for kind in types.KINDS:
        found = await _children(kube, kind, options.namespaces)
        if found is None:
            unseen.append(kind.kind)
        (data if kind.data else children).extend(_thing(kind.kind, one) for one in found or ())
    return Inventory(
        documents=tuple([_thing(KIND, one) async for one in _documents(kube, options.namespaces)]),
        operators=tuple([Thing("Deployment", *place) for place in await _operators(kube, options)]),
        children=tuple(children),
        data=tuple(data),
        definition=await _there(kube, crds.RESOURCE, None, DEFINITION),
        unseen=tuple(unseen),
    )


async def carry_out(kube: Kube, options: Options, told: Callable[[Step], None]) -> bool:
    """Do everything, tell of each step, and say whether all of it is done."""
    missed: list[str] = []

    async def within(seconds: float, what: str, step: Awaitable[str], made_up_for: bool = False) -> None:
        try:
            outcome = Step(what, True, await asyncio.wait_for(step, seconds))
        except TimeoutError:
            outcome = Step(what, False, f"not within {seconds:.0f} s; going on")
        except errors.ApiError as problem:
            outcome = Step(what, False, f"{problem}; going on")
        if not outcome.done and not made_up_for:
            missed.append(what)
        told(outcome)

    if options.documents == "delete":
        await within(options.deadline, "the end of pipelines", _delete_all(kube, options), made_up_for=True)
    await within(OPERATOR_ENDS, "the end of the operator", _stop_operators(kube, options), made_up_for=True)
    await within(LETTING_GO, "letting go of documents", _let_go_of_all(kube, options.namespaces))
    if options.documents == "delete":
        await within(LEFTOVERS, "the end of what is left", _clear(kube, options))
    if options.definition == "delete":
        await within(DEFINITION_ENDS, "the end of the definition", _undefine(kube))
        await within(LETTING_GO, "the end of Leases", _end_leases(kube, options))
    return not missed


async def _delete_all(kube: Kube, options: Options) -> str:
    """Delete all documents; until they are gone, as long as an operator shows that it lives."""
    now = asyncio.get_running_loop().time
    began, first, works, seen = now(), await _renewals(kube, options), False, set[str]()
    while found := [document async for document in _documents(kube, options.namespaces)]:
        for document in found:
            metadata = document["metadata"]
            seen.add(metadata["uid"])
            if "deletionTimestamp" not in metadata:
                await _unless_gone(
                    kube.delete(documents.RESOURCE, metadata["namespace"], metadata["name"], metadata["uid"])
                )
        # Whoever may not look at Leases waits; without one nobody leads, and one that leads renews it.
        works = works or first is None or await _renewals(kube, options) != first
        if not works and (not first or now() - began > leader.DURATION):
            return f"{len(seen)} deleted; no operator works, so they are not taken down in order"
        await asyncio.sleep(PAUSE)
    return f"{len(seen)} deleted"


async def _renewals(kube: Kube, options: Options) -> dict[str, str] | None:
    """Namespace → the version of the operator's Lease there; nothing where one may not look."""
    versions: dict[str, str] = {}
    for namespace, _ in await _operators(kube, options):
        try:
            lease = await kube.get(leader.RESOURCE, namespace, leader.NAME)
        except errors.NotFound:
            continue
        except errors.Forbidden:
            return None
        versions[namespace] = lease["metadata"]["resourceVersion"]
    return versions


async def _stop_operators(kube: Kube, options: Options) -> str:
    stopped = await _operators(kube, options)
    for namespace, name in stopped:
        try:
            scale = await kube.merge(DEPLOYMENTS, namespace, name, {"spec": {"replicas": 0}}, "scale")
        except errors.NotFound:
            continue
        while await _any(kube, namespace, scale["status"]["selector"]):
            await asyncio.sleep(PAUSE)
    return ", ".join(f"Deployment {namespace}/{name} has no pods" for namespace, name in stopped) or "there is none"


async def _let_go_of_all(kube: Kube, namespaces: tuple[str | None, ...]) -> str:
    count = 0
    async for document in _documents(kube, namespaces):
        metadata = document["metadata"]
        if documents.FINALIZER in metadata.get("finalizers", []):
            identity = {name: metadata[name] for name in ("name", "namespace", "uid")}
            manifest = {"apiVersion": API_VERSION, "kind": KIND, "metadata": identity}
            await _unless_gone(kube.apply(documents.RESOURCE, manifest, manager=finalizer.MANAGER))
            count += 1
    return f"{count} were held" if count else ""


async def _clear(kube: Kube, options: Options) -> str:
    """See the rest gone: what has an owner is collected without our doing."""
    began, count = asyncio.get_running_loop().time(), 0
    kinds = [kind for kind in types.KINDS if not kind.data or options.data == "delete"]
    while True:
        left = [(kind, one) for kind in kinds for one in await _children(kube, kind, options.namespaces) or ()]
        if not left:
            return f"{count} ended" if count else ""
        count = max(count, len(left))
        late = asyncio.get_running_loop().time() - began > LEFTOVERS / 2
        for kind, one in left:
            await _end(kube, KIND_OF[kind], one, late)
        await asyncio.sleep(PAUSE)


async def _end(kube: Kube, of: Resource, one: Object, late: bool) -> None:
    metadata = one["metadata"]
    namespace, name, uid = metadata["namespace"], metadata["name"], metadata["uid"]
    if "deletionTimestamp" not in metadata:
        await _unless_gone(kube.delete(of, namespace, name, uid))
    elif late and metadata.get("finalizers"):
        logger.warning("%s %s/%s was not ended by %s; let go", of.plural, namespace, name, metadata["finalizers"])
        await _unless_gone(kube.merge(of, namespace, name, {"metadata": {"uid": uid, "finalizers": None}}))


async def _undefine(kube: Kube) -> str:
    try:
        found = await kube.get(crds.RESOURCE, None, DEFINITION)
        await kube.delete(crds.RESOURCE, None, DEFINITION, found["metadata"]["uid"])
    except errors.NotFound:
        return "it was not there"
    while await _there(kube, crds.RESOURCE, None, DEFINITION):
        await asyncio.sleep(PAUSE)
    return ""


async def _end_leases(kube: Kube, options: Options) -> str:
    for namespace, _ in await _operators(kube, options):
        try:
            lease = await kube.get(leader.RESOURCE, namespace, leader.NAME)
        except errors.NotFound:
            continue
        await _unless_gone(kube.delete(leader.RESOURCE, namespace, leader.NAME, lease["metadata"]["uid"]))
    return ""


async def _operators(kube: Kube, options: Options) -> list[tuple[str, str]]:
    if options.operator is not None:
        return [options.operator]
    return [
        (item["metadata"]["namespace"], item["metadata"]["name"])
        async for page in kube.pages(DEPLOYMENTS, None, OPERATORS)
        for item in page["items"]
    ]


async def _any(kube: Kube, namespace: str, selector: str) -> bool:
    return any([page["items"] async for page in kube.pages(PODS, namespace, selector)])


async def _documents(kube: Kube, namespaces: tuple[str | None, ...]) -> AsyncIterator[Object]:
    for namespace in namespaces:
        try:
            async for page in kube.pages(documents.RESOURCE, namespace, ""):
                for document in page["items"]:
                    yield document
        except errors.NotFound:
            logger.debug("no WeatherPipelines are known here")


async def _children(kube: Kube, kind: types.Kind, namespaces: tuple[str | None, ...]) -> list[Object] | None:
    """What we applied of a kind, for what only bears our labels is not ours; nothing where one may not look."""
    found: list[Object] = []
    for namespace in namespaces:
        try:
            async for page in kube.pages(KIND_OF[kind], namespace, SELECTOR):
                found += [item for item in page["items"] if records.our_entry(item["metadata"]) is not None]
        except errors.NotFound:
            logger.debug("%s are not known here", kind.plural)
        except errors.Forbidden:
            return None
    return found


def _thing(kind: str, body: Object) -> Thing:
    return Thing(kind, body["metadata"]["namespace"], body["metadata"]["name"])


async def _there(kube: Kube, of: Resource, namespace: str | None, name: str) -> bool:
    try:
        await kube.get(of, namespace, name)
    except errors.NotFound:
        return False
    return True


async def _unless_gone(request: Awaitable[Object]) -> None:
    try:
        await request
    except errors.NotFound:
        logger.debug("it is gone already")

"""Steps → the API server: each child by server-side apply, what is no longer named by deletion; all of them at once."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mesoscale.errors import Reason
from mesoscale.manifests import types
from mesoscale.manifests.target import PIPELINE
from mesoscale.manifests.types import Key, Manifest
from mesoscale_operator import decide, errors, records, replicas
from mesoscale_operator.children import Children
from mesoscale_operator.decide import Apply, Release, Remove, Step
from mesoscale_operator.documents import Key as DocumentKey
from mesoscale_operator.kube import Kube, Object, Propagation, Resource
from mesoscale_operator.records import Record

NEVER = "1"  # a resource version that no object has: an apply that names it can only create


class Foreign(errors.ApiError):
    """An object of that name is there already and belongs to nobody we know, or to another document."""

    retry = errors.Retry.PERMANENT
    told = Reason.NOT_OURS


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a step: nothing to tell, or what went wrong."""

    step: Step
    problem: errors.ApiError | None = None
    adopted: bool = False


class Applier:
    """Carries out steps for one document after the other."""

    def __init__(self, kube: Kube, children: Children) -> None:
        self._kube = kube
        self._children = children

    async def carry_out(
        self, owner: DocumentKey, steps: Sequence[Step], manifests: Mapping[Key, Manifest], adopt: bool
    ) -> list[Done]:
        """Do everything that is to be done; one that fails keeps none of the others from being done."""
        doing = [self._do(owner, step, manifests, adopt) for step in steps if not isinstance(step, decide.Leave)]
        return list(await asyncio.gather(*doing))

    async def _do(self, owner: DocumentKey, step: Step, manifests: Mapping[Key, Manifest], adopt: bool) -> Done:
        try:
            match step:
                case Apply(why="new" | "lost"):
                    return Done(step, adopted=await self._create(owner, step, manifests, adopt))
                case Apply():
                    await self._apply(owner, step, manifests)
                case Remove(key, record):
                    await self.remove(owner, key, record)
                case Release(key, record):
                    await self.release(owner, key, record)
        except errors.ApiError as problem:
            return Done(step, problem)
        return Done(step)

    async def _create(self, owner: DocumentKey, step: Apply, manifests: Mapping[Key, Manifest], adopt: bool) -> bool:
        """Create the child, or take over what bears its name; say whether it was taken over."""
        key, manifest = step.wanted.key, manifests[step.wanted.key]
        number = replicas.fewest(key, manifests.values()) if replicas.left_open(manifest) else 1
        try:
            if number > 1:
                await self._kube.apply(resource(key), _new(replicas.begun(manifest, number)))
                await self._whole(owner, step, manifests)
            else:
                self._note(owner, step, await self._kube.apply(resource(key), _new(manifest)))
            return False
        except errors.Conflict:
            there = await self._kube.get(resource(key), owner.namespace, key.name)
        strange = stranger(owner, there, key)
        if strange and not adopt:
            raise Foreign(strange)
        await self._whole(owner, step, manifests)
        return bool(strange)

    async def _apply(self, owner: DocumentKey, step: Apply, manifests: Mapping[Key, Manifest]) -> None:
        key = step.wanted.key
        try:
            await self._whole(owner, step, manifests)
        except errors.Invalid:
            if decide.holds_data(key) or not await self._could_be_new(resource(key), manifests[key]):
                raise
            # What would be right as a new object touches a field that may not change: a new object it shall be.
            await self.remove(owner, key, self._children.of(owner)[key])

    async def _whole(self, owner: DocumentKey, step: Apply, manifests: Mapping[Key, Manifest]) -> None:
        """Apply a child that is there; the number of its programs is let go of without changing it, if it was ours."""
        key = step.wanted.key
        if replicas.left_open(manifests[key]):
            live = await self._kube.get(resource(key), owner.namespace, key.name)
            if replicas.to_be_handed_over(live):
                number = replicas.fewest(key, manifests.values())
                await self._kube.apply(resource(key), replicas.handed_over(live, number), manager=replicas.HOLDER)
        self._note(owner, step, await self._kube.apply(resource(key), manifests[key]))

    async def _could_be_new(self, of: Resource, manifest: Manifest) -> bool:
        metadata = manifest["metadata"]
        other = manifest | {"metadata": metadata | {"name": f"{metadata['name']}-x"}}
        try:
            await self._kube.apply(of, _new(other), dry_run=True)
        except errors.ApiError:
            return False
        return True

    async def remove(self, owner: DocumentKey, key: Key, record: Record) -> None:
        """Delete exactly the object of the record; that it is gone already is as well."""
        # What runs is there until its pods are gone, so that the next wave begins no sooner; pods that never came up,
        # for want of a secret perhaps, may take minutes to go and are no reason to wait.
        propagation: Propagation = "Foreground" if key.kind == "StatefulSet" and record.running else "Background"
        try:
            answer = await self._kube.delete(resource(key), owner.namespace, key.name, record.uid, propagation)
        except (errors.NotFound, errors.Conflict):
            # Gone already; what bears its name now, if anything, is another object.
            self._children.ended((owner.namespace, key), record.uid)
            return
        # The answer is a Status, or the object as it was, or as it is while finalizers hold it back.
        if answer["metadata"].get("finalizers"):
            self._children.see(answer)
        else:
            self._children.ended((owner.namespace, key), record.uid)

    async def release(self, owner: DocumentKey, key: Key, record: Record) -> None:
        """Take our labels, notes and ownership off an object and leave the rest as it is."""
        labels = dict.fromkeys((PIPELINE, "app.kubernetes.io/managed-by"))
        notes = dict.fromkeys((records.HASH, records.WAVE, records.POLICY))
        patch = {"uid": record.uid, "labels": labels, "annotations": notes, "ownerReferences": None}
        await self._patch(owner, key, patch)

    async def keep(self, owner: DocumentKey, key: Key, record: Record) -> None:
        """Let an object outlive the document to which it belongs, marked as ours."""
        patch = {"uid": record.uid, "annotations": {records.POLICY: "retain"}, "ownerReferences": None}
        await self._patch(owner, key, patch)

    async def begin(self, owner: DocumentKey, key: Key, record: Record) -> None:
        """Let a Job begin that rested."""
        await self._patch(owner, key, {"uid": record.uid}, {"suspend": False})

    async def free(self, owner: DocumentKey, key: Key, record: Record) -> None:
        """Take all finalizers off an object whose end somebody else does not bring about."""
        await self._patch(owner, key, {"uid": record.uid, "finalizers": None})

    async def _patch(self, owner: DocumentKey, key: Key, metadata: Manifest, spec: Manifest | None = None) -> None:
        patch = {"metadata": metadata} | ({"spec": spec} if spec else {})
        try:
            self._children.see(await self._kube.merge(resource(key), owner.namespace, key.name, patch))
        except (errors.NotFound, errors.Conflict):
            return

    def _note(self, owner: DocumentKey, step: Apply, answer: Object) -> None:
        record = self._children.see(answer)
        # A newer version than the answer's may hold somebody's change already.
        its_own = record is not None and record.version == int(answer["metadata"]["resourceVersion"])
        if record is not None and its_own and record.managed != step.wanted.digest:
            self._children.settle((owner.namespace, step.wanted.key), step.wanted.digest, record.managed)


def _new(manifest: Manifest) -> Manifest:
    """The manifest as it is applied to make an object, and to fail where there is one."""
    return manifest | {"metadata": manifest["metadata"] | {"resourceVersion": NEVER}}


def resource(key: Key) -> Resource:
    """The kind of a child as the API server serves it."""
    kind = next(kind for kind in types.KINDS if (kind.api_version, kind.kind) == key[:2])
    return Resource(kind.api_version, kind.plural)


def stranger(owner: DocumentKey, there: Object, key: Key) -> str:
    """Why an object that is there is not ours; nothing if it is: we applied it, and it names no other document.

    Data has no owner but its label; one that somebody else wrote there says nothing.
    """
    known = records.owner_of(there)
    certain = bool(there["metadata"].get("ownerReferences")) or records.labelled_by_us(there)
    if known is not None and known != owner and certain:
        return f'{key.kind} "{key.name}" belongs to the pipeline "{known.name}"'
    if records.from_object(there, owner).ours:
        return ""
    return f'{key.kind} "{key.name}" was there before and is not of this pipeline'

"""Which plan is to be kept up for a document: its own, or the last good one while the document itself is refused.

Of a plan only digests are kept in memory; the manifests are made again when one of them has to be applied. The last
good document is read back from the ConfigMap in which its programs find it, so it outlives the operator.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from mesoscale import conditions, diff, naming
from mesoscale.errors import MesoscaleError, Problem, Reason
from mesoscale.manifests import document as document_map
from mesoscale.manifests import fields
from mesoscale.manifests.installation import Installation
from mesoscale.manifests.types import Key, Manifest
from mesoscale.model.status import Endpoint
from mesoscale_operator import errors, planning
from mesoscale_operator.children import Children
from mesoscale_operator.documents import Document
from mesoscale_operator.documents import Key as DocumentKey
from mesoscale_operator.kube import Kube, Resource
from mesoscale_operator.planning import Planned, Wanted

CONFIG_MAPS = Resource("v1", "configmaps")


@dataclass(frozen=True, slots=True)
class Kept:
    """A plan without its manifests."""

    text: str = field(repr=False)  # what it was made from
    wanted: tuple[Wanted, ...]
    adopt: bool
    revert: bool
    pause: conditions.Pause
    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to keep up for one generation of a document, and why that is not the document itself, if so."""

    uid: str
    generation: int
    kept: Kept | None  # None: there is nothing to keep up
    refused: tuple[Problem, ...] = ()


class Plans:
    """Plans documents, each generation once."""

    def __init__(self, kube: Kube, children: Children, installation: Installation) -> None:
        self._kube = kube
        self._children = children
        self._installation = installation
        self._verdicts: dict[DocumentKey, Verdict] = {}

    async def of(self, document: Document) -> tuple[Verdict, Mapping[Key, Manifest] | None]:
        """The verdict on a document, with the manifests if they had to be made to come to it."""
        known = self._verdicts.get(document.key)
        if known is not None and (known.uid, known.generation) == (document.uid, document.generation):
            return known, None
        planned, refused = await self._plan(document)
        kept = _kept(planned) if planned else None
        if kept is not None and refused:
            kept = replace(kept, pause=_pause(document, kept))
        verdict = Verdict(document.uid, document.generation, kept, refused)
        self._verdicts[document.key] = verdict
        return verdict, planned.manifests if planned else None

    def manifests(self, document: Document, kept: Kept) -> Mapping[Key, Manifest]:
        """The manifests of a plan, made again."""
        return planning.plan(document, kept.text, self._installation).manifests

    def known(self, key: DocumentKey) -> Kept | None:
        """What was last kept up for a document."""
        verdict = self._verdicts.get(key)
        return verdict.kept if verdict else None

    def forget(self, key: DocumentKey) -> None:
        """The document is gone."""
        self._verdicts.pop(key, None)

    async def _plan(self, document: Document) -> tuple[Planned | None, tuple[Problem, ...]]:
        try:
            planned = planning.plan(document, document.text, self._installation)
        except MesoscaleError as refusal:
            return await self._earlier(document), refusal.problems
        if not self._changed(document, planned):
            return planned, ()
        earlier = await self._earlier(document)
        refused = _forbidden(earlier, planned) if earlier else ()
        return (earlier, refused) if refused else (planned, ())

    def _changed(self, document: Document, planned: Planned) -> bool:
        """Whether something else was kept up for the document before."""
        key = _map_key(document)
        record = self._children.of(document.key).get(key)
        return record is not None and any(one.key == key and one.hash != record.hash for one in planned.wanted)

    async def _earlier(self, document: Document) -> Planned | None:
        """The plan of the last good document, if there is one and it still is as we wrote it."""
        key = _map_key(document)
        try:
            held = await self._kube.get(CONFIG_MAPS, document.key.namespace, key.name)
            if not _written_by_us(held):
                return None
            return planning.plan(document, held["data"][document_map.FILE], self._installation)
        except (errors.NotFound, LookupError, MesoscaleError):
            return None


def _written_by_us(held: Manifest) -> bool:
    """A text that somebody else put there is no plan of ours: a field that others change is ours no longer."""
    return any(
        entry["manager"] == fields.MANAGER and f"f:{document_map.FILE}" in entry["fieldsV1"].get("f:data", {})
        for entry in held["metadata"].get("managedFields", ())
    )


def _forbidden(earlier: Planned, planned: Planned) -> tuple[Problem, ...]:
    return tuple(
        Problem(
            Reason.FORBIDDEN_CHANGE,
            f"{change.kind} {change.name}: {change.detail}: {change.forbidden_reason}",
            hint="undo this change of the document",
        )
        for change in diff.diff(earlier.plan, planned.plan).forbidden
    )


def _map_key(document: Document) -> Key:
    return Key("v1", "ConfigMap", naming.object_name(document.key.name, "document"))


def _pause(document: Document, kept: Kept) -> conditions.Pause:
    """What rests while a document is refused: records as they did before, the operator as the document itself says.

    Its schema holds, whatever else is wrong with it; and whoever told us to touch nothing has not told us to go on.
    """
    wish = json.loads(document.text)["spec"].get("pause", ())
    asked: list[Literal["reconcile", "data"]] = ["reconcile"] if "reconcile" in wish else []
    return [*asked, *(one for one in kept.pause if one == "data")]


def _kept(planned: Planned) -> Kept:
    spec = planned.pipeline.spec
    return Kept(
        text=planned.text,
        wanted=planned.wanted,
        adopt=spec.adoption == "adopt",
        revert=spec.drift_policy == "revert",
        pause=spec.pause,
        endpoints=planned.endpoints,
    )

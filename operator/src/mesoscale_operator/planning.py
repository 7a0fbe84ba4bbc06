"""Document → what is to exist: children as digests, which are kept, and as manifests, which are made when needed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mesoscale.document import parsing
from mesoscale.graph.build import build as build_graph
from mesoscale.manifests import build as build_manifests
from mesoscale.manifests import fields, types
from mesoscale.manifests.installation import Installation
from mesoscale.manifests.types import Child, Manifest
from mesoscale.model.base import DeletionPolicy
from mesoscale.model.pipeline import API_VERSION, KIND, Pipeline
from mesoscale.model.status import Aspect, Endpoint
from mesoscale.plan.abilities import CLUSTER
from mesoscale.plan.build import build as build_plan
from mesoscale.plan.types import Plan
from mesoscale_operator.documents import Document
from mesoscale_operator.records import HASH, POLICY, WAVE

DASHBOARD = "dashboard"  # the component label of the program that shows the ledger


@dataclass(frozen=True, slots=True)
class Wanted:
    """A child to exist."""

    key: types.Key
    digest: str  # what the digest of our fields is once it is as it should be
    hash: str  # stands in an annotation of the object
    condition: Aspect
    wave: int
    policy: DeletionPolicy


@dataclass(frozen=True, slots=True)
class Planned:
    """What a document asks for."""

    text: str = field(repr=False)  # what it was made from
    pipeline: Pipeline = field(repr=False)
    plan: Plan = field(repr=False)
    wanted: tuple[Wanted, ...]
    endpoints: tuple[Endpoint, ...]
    manifests: Mapping[types.Key, Manifest] = field(repr=False, compare=False)


def plan(document: Document, text: str, installation: Installation) -> Planned:
    """Everything that `text`, the document's or an earlier one, asks for.

    Raises:
        mesoscale.errors.MesoscaleError: it cannot be read, or cannot become what runs.
    """
    parsed = parsing.parse(text, str(document.key))
    graph = build_graph(parsed.pipeline, parsed.locate)
    planned = build_plan(graph, parsed.locate, CLUSTER)
    children = build_manifests(graph, planned, installation, document.key.namespace)
    owned = [_owned(child, document) for child in children]
    return Planned(
        text=text,
        pipeline=parsed.pipeline,
        plan=planned,
        wanted=tuple(wanted for wanted, _ in owned),
        endpoints=tuple(_endpoint(manifest) for _, manifest in owned if _shows(manifest)),
        manifests={wanted.key: manifest for wanted, manifest in owned},
    )


def _owned(child: Child, document: Document) -> tuple[Wanted, Manifest]:
    """The child, and its manifest as it is applied: with its owner, and with what tells its part without a plan.

    Data that is to outlive the document has no owner, so that no garbage collector takes it, however the document ends.
    """
    metadata: dict[str, Any] = dict(child.manifest["metadata"])
    annotations = metadata.get("annotations", {}) | {WAVE: str(child.wave)}
    if child.data:
        annotations[POLICY] = child.policy
    if child.policy == "delete":
        metadata["ownerReferences"] = [_reference(document)]
    whole = child.manifest | {"metadata": metadata | {"annotations": annotations}}
    manifest, note, digest = fields.noted(whole, HASH)
    wanted = Wanted(
        key=types.key(manifest),
        digest=digest,
        hash=note,
        condition=child.condition,
        wave=child.wave,
        policy=child.policy,
    )
    return wanted, manifest


def _reference(document: Document) -> Manifest:
    """`blockOwnerDeletion` stays away: whoever deletes a document in the foreground waits for our finalizer only."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": document.key.name,
        "uid": document.uid,
        "controller": True,
    }


def _shows(manifest: Manifest) -> bool:
    """Whether it is a Service that people and programs use."""
    labels = manifest["metadata"]["labels"]
    return manifest["kind"] == "Service" and bool(labels["app.kubernetes.io/component"] == DASHBOARD)


def _endpoint(service: Manifest) -> Endpoint:
    metadata, port = service["metadata"], service["spec"]["ports"][0]["port"]
    return Endpoint(name=DASHBOARD, url=f"http://{metadata['name']}.{metadata['namespace']}.svc:{port}")

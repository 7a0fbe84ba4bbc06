"""What is kept of a child: enough to decide and to report, never the object, so that 25,000 fit in a small process."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mesoscale import readiness
from mesoscale.manifests import fields, types
from mesoscale.manifests.target import PIPELINE
from mesoscale.model.pipeline import KIND
from mesoscale_operator.documents import Key, instant

SELECTOR = "app.kubernetes.io/managed-by=mesoscale"
HASH = "mesoscale.dev/hash"  # of what was last applied: tells a changed document from a changed object
WAVE = "mesoscale.dev/wave"  # in which wave the child is taken down, so that this needs no plan
POLICY = "mesoscale.dev/deletion-policy"  # what becomes of the data that the child stands for

RUNNING = ("StatefulSet", "Deployment")  # kinds that say how many of their pods are ready


@dataclass(frozen=True, slots=True)
class Record:
    """A child as it was last seen. Two are equal when a reconcile could not tell them apart."""

    owner: Key
    uid: str
    version: int = field(compare=False)  # resourceVersion
    ours: bool  # we have applied it
    hash: str
    managed: str  # digest of the values that our fields have now
    state: readiness.State
    running: bool  # a pod of it is ready
    suspended: bool  # it is not to begin yet
    deleted_at: float | None  # seconds since the epoch
    finalizers: tuple[str, ...]
    wave: int
    policy: str
    applied_at: float = field(compare=False)  # seconds since the epoch; when our fields last changed

    @property
    def deleting(self) -> bool:
        """Somebody asked for its end."""
        return self.deleted_at is not None


def owner_of(body: Mapping[str, Any]) -> Key | None:
    """The document that an object belongs to: its owner, or for data, which has none, what its label says.

    A label that somebody changed makes a child nobody else's.
    """
    metadata = body["metadata"]
    owners = (one["name"] for one in metadata.get("ownerReferences", ()) if one["kind"] == KIND)
    name = next(owners, None) or metadata.get("labels", {}).get(PIPELINE)
    return Key(metadata["namespace"], name) if name else None


def labelled_by_us(body: Mapping[str, Any]) -> bool:
    """Whether the label that names the document still is as we applied it."""
    applied = our_entry(body["metadata"]) or {}
    return f"f:{PIPELINE}" in applied.get("fieldsV1", {}).get("f:metadata", {}).get("f:labels", {})


def from_object(body: types.Manifest, owner: Key) -> Record:
    """The record of an object as the API server gives it, with its kind."""
    metadata = body["metadata"]
    annotations = metadata.get("annotations", {})
    applied = our_entry(metadata)
    wave = annotations.get(WAVE, "")
    return Record(
        owner=owner,
        uid=metadata["uid"],
        version=int(metadata["resourceVersion"]),
        ours=applied is not None,
        hash=annotations.get(HASH, ""),
        managed=fields.managed(body),
        state=_same(readiness.of(body)),
        running=body["kind"] in RUNNING and bool(body.get("status", {}).get("readyReplicas")),
        suspended=bool(body.get("spec", {}).get("suspend")),
        deleted_at=instant(metadata.get("deletionTimestamp")),
        finalizers=tuple(metadata.get("finalizers", ())),
        wave=int(wave) if wave.isdigit() else types.REST,
        policy=annotations.get(POLICY, ""),
        applied_at=(instant(applied.get("time")) or 0.0) if applied else 0.0,
    )


def our_entry(metadata: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Our entry among the managers of an object's fields."""
    for entry in metadata.get("managedFields", ()):
        if (
            entry.get("manager") == fields.MANAGER
            and entry.get("operation") == "Apply"
            and not entry.get("subresource")
        ):
            known: Mapping[str, Any] = entry
            return known
    return None


_STATES: dict[readiness.State, readiness.State] = {}


def _same(state: readiness.State) -> readiness.State:
    """One object for all equal states; most children are in one of a few."""
    if len(_STATES) > 4096:
        _STATES.clear()
    return _STATES.setdefault(state, state)

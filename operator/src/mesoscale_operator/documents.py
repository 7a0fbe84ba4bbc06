"""The documents as the API server holds them: what of each a reconcile needs, kept as bytes rather than as objects."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from mesoscale import crd
from mesoscale.model.pipeline import API_VERSION, KIND
from mesoscale_operator.kube import Resource

RESOURCE = Resource(API_VERSION, crd.PLURAL)
FINALIZER = "mesoscale.dev/teardown"  # keeps a document until its children are taken down in order


class Key(NamedTuple):
    """Names a document in the queue."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Document:
    """A document at one version."""

    key: Key
    uid: str
    version: int  # resourceVersion, which grows with each change
    generation: int  # grows with each change of spec
    deleted_at: float | None  # seconds since the epoch
    finalizers: tuple[str, ...]
    text: str = field(repr=False)  # JSON, which is YAML: what the core parses
    status: bytes = field(repr=False)  # JSON

    @property
    def held(self) -> bool:
        """Our finalizer is on it."""
        return FINALIZER in self.finalizers

    def concerns(self, earlier: "Document") -> bool:
        """Whether a reconcile could come to another result than with the earlier version; a status does not count."""
        return (self.uid, self.generation, self.deleted_at, self.held) != (
            earlier.uid,
            earlier.generation,
            earlier.deleted_at,
            earlier.held,
        )


def from_object(body: Mapping[str, Any]) -> Document:
    """A document from what the API server says of it."""
    metadata = body["metadata"]
    key = Key(metadata["namespace"], metadata["name"])
    plain = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": key.name}, "spec": body.get("spec", {})}
    return Document(
        key=key,
        uid=metadata["uid"],
        version=int(metadata["resourceVersion"]),
        generation=metadata.get("generation", 0),
        deleted_at=instant(metadata.get("deletionTimestamp")),
        finalizers=tuple(metadata.get("finalizers", ())),
        text=orjson.dumps(plain).decode(),
        status=orjson.dumps(body.get("status", {})),
    )


def instant(text: str | None) -> float | None:
    """Kubernetes' time as seconds since the epoch."""
    return datetime.fromisoformat(text).timestamp() if text else None


class Documents:
    """All documents that there are, as last seen."""

    def __init__(self) -> None:
        self._known: dict[Key, Document] = {}

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self) -> Iterator[Key]:
        return iter(tuple(self._known))

    def get(self, key: Key) -> Document | None:
        """The document, unless there is none."""
        return self._known.get(key)

    def see(self, body: Mapping[str, Any]) -> bool:
        """Take note of a version, and say whether it calls for a reconcile. An older one than the known is ignored."""
        new = from_object(body)
        known = self._known.get(new.key)
        if known is not None and known.version > new.version:
            return False
        self._known[new.key] = new
        return known is None or new.concerns(known)

    def gone(self, body: Mapping[str, Any]) -> bool:
        """Take note that a document ended, and say whether it was known."""
        key = Key(body["metadata"]["namespace"], body["metadata"]["name"])
        known = self._known.get(key)
        if known is None or known.uid != body["metadata"]["uid"]:
            return False
        del self._known[key]
        return True

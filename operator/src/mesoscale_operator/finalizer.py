"""Our finalizer on a document: held before the first child is made, let go when the last one is down."""

from collections.abc import Mapping
from typing import Any

from mesoscale.model.pipeline import API_VERSION, KIND
from mesoscale_operator import errors
from mesoscale_operator.documents import FINALIZER, RESOURCE, Document, Documents
from mesoscale_operator.kube import Kube

MANAGER = "mesoscale-teardown"  # a manager of its own: what it applies is the finalizer alone


class Finalizer:
    """Puts the finalizer on documents and takes it off; those of others are never touched."""

    def __init__(self, kube: Kube, documents: Documents) -> None:
        self._kube = kube
        self._documents = documents

    async def hold(self, document: Document) -> None:
        """From now on the document's end waits for its children's."""
        if not document.held:
            self._documents.see(await self._apply(document, {"finalizers": [FINALIZER]}))

    async def let_go(self, document: Document) -> None:
        """The document may end."""
        if not document.held:
            return
        try:
            await self._apply(document, {})
        except (errors.NotFound, errors.Conflict):
            return

    async def _apply(self, document: Document, metadata: Mapping[str, Any]) -> Mapping[str, Any]:
        # With the uid, a document that ended meanwhile is not made anew, and its successor is left alone.
        identity = {"name": document.key.name, "namespace": document.key.namespace, "uid": document.uid}
        manifest = {"apiVersion": API_VERSION, "kind": KIND, "metadata": identity | dict(metadata)}
        return await self._kube.apply(RESOURCE, manifest, manager=MANAGER)

"""ConfigMap: the document as programs read it, the shapes of its records, and where services are."""

import re
from collections.abc import Sequence
from typing import Any

import yaml

from mesoscale.contract import json_schema
from mesoscale.graph.types import Graph
from mesoscale.manifests import brokers, database, jsontext
from mesoscale.manifests.target import Target
from mesoscale.manifests.types import Child, Manifest
from mesoscale.model.pipeline import API_VERSION, KIND

FILE = "document.yaml"
_FAST: Any = getattr(yaml, "CSafeDumper", None)  # where PyYAML was built with libyaml
_STYLE: dict[str, Any] = {"sort_keys": False, "allow_unicode": True, "width": 110}
_TOLD_APART = re.compile(r"''|\\[UN]")
BINDINGS = "/mesoscale/bindings"  # where the folders of the services are mounted


def children(target: Target) -> list[Child]:
    """The document, and the bindings without their secrets."""
    return [_document(target), _bindings(target)]


def name(target: Target) -> str:
    return target.name("document")


def bindings_name(target: Target) -> str:
    return target.name("bindings")


def text(graph: Graph) -> str:
    """The document of a graph: what is as by default is left out, and so is the metadata beside the name."""
    spec = graph.pipeline.spec.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    document = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": graph.pipeline.name}, "spec": spec}
    return dumped(document)


def dumped(value: Manifest) -> str:
    """A value as YAML, the same bytes with and without libyaml, which is ten times as fast.

    libyaml writes NEL and what lies beyond the first 65,536 characters as escapes, and empty keys without their mark;
    a text that might hold one of these is written by PyYAML itself.
    """
    if _FAST is not None:
        text: str = yaml.dump(value, Dumper=_FAST, **_STYLE)
        if not _TOLD_APART.search(text):
            return text
    slow: str = yaml.dump(value, Dumper=yaml.SafeDumper, **_STYLE)
    return slow


def code(target: Target, files: Sequence[str]) -> list[Manifest]:
    """The parts of a projected volume that bring the user's own files beside the document, by the name of each.

    A key of a ConfigMap is a name without folders, so those of `files` that are looked for in folders get a second
    place.
    """
    spec = target.graph.pipeline.spec
    if spec.code is not None and spec.code.image is not None:
        return []
    given = spec.code.config_map if spec.code else None
    held = {"name": given or target.name("code"), "optional": given is None}
    items = [{"key": path.rpartition("/")[2], "path": path} for path in files if "/" in path]
    return [{"configMap": held}, *([{"configMap": held | {"items": items}}] if items else [])]


def _document(target: Target) -> Child:
    manifest = target.manifest("v1", "ConfigMap", name(target), "document")
    shapes = {
        f"{contract.name}.schema.json": jsontext.indented(json_schema.schema(contract))
        for contract in target.plan.contracts
    }
    manifest["data"] = {FILE: text(target.graph), **shapes}
    return Child(manifest, "StreamsReady")


def entries(target: Target) -> dict[str, dict[str, str]]:
    """Service → the entries of its binding that are no secret."""
    return {"kafka": brokers.of(target).entries, "postgresql": database.entries(target, f"{BINDINGS}/postgresql")}


def _bindings(target: Target) -> Child:
    manifest = target.manifest("v1", "ConfigMap", bindings_name(target), "bindings")
    manifest["data"] = {
        f"{service}.{entry}": value for service, given in entries(target).items() for entry, value in given.items()
    }
    return Child(manifest, "StreamsReady")

"""The documents that are measured, the children that each of them asks for, and what of those one change touches."""

import json
from collections.abc import Iterator
from typing import Any

from mesoscale import document, plan
from mesoscale.graph.build import build as build_graph
from mesoscale.manifests import build as build_manifests
from mesoscale.manifests import types
from mesoscale.manifests.installation import Installation
from mesoscale.manifests.types import KINDS, Key
from mesoscale.plan.abilities import CLUSTER
from mesoscale_operator.kube import Resource

Object = dict[str, Any]

PATTERN = "d00000"  # the name of the pattern from which the manifests of all others are written
INSTALLATION = Installation(replicas_override=0)
RESOURCES = {(kind.api_version, kind.kind): Resource(kind.api_version, kind.plural) for kind in KINDS}


def name(number: int) -> str:
    """Names are of one length, so that one can stand for another in a text."""
    return f"d{number:05}"


def body(namespace: str, called: str, speed: int = 1) -> Object:
    """A source and a table sink, the database is somebody else's; another `speed` is a change of the source."""
    spec = {
        "sources": [{"name": "weather", "contract": "observation", "replay": {"dataset": "nyc-2013", "speed": speed}}],
        "sinks": [{"name": "rows", "from": "weather", "table": {}}],
        "services": {"postgresql": {"secret": "elsewhere"}},
        "deletionPolicy": "delete",
    }
    metadata = {"name": called, "namespace": namespace}
    return {"apiVersion": "mesoscale.dev/v1alpha1", "kind": "WeatherPipeline", "metadata": metadata, "spec": spec}


def manifests(namespace: str, called: str = PATTERN, speed: int = 1) -> list[Object]:
    """The children of a document, as `meso render` prints them: without owner and without the operator's notes."""
    parsed = document.parse(json.dumps(body(namespace, called, speed)), called)
    graph = build_graph(parsed.pipeline, parsed.locate)
    planned = plan.build(graph, parsed.locate, CLUSTER)
    return [child.manifest for child in build_manifests(graph, planned, INSTALLATION, namespace)]


def children(namespace: str) -> int:
    """How many children a document has."""
    return len(manifests(namespace))


def requests(namespace: str, numbers: range) -> Iterator[tuple[str, bytes]]:
    """Path and body of each child of the documents with these numbers."""
    made = [
        (RESOURCES[one["apiVersion"], one["kind"]].path(namespace, one["metadata"]["name"]), json.dumps(one))
        for one in manifests(namespace)
    ]
    for number in numbers:
        for path, text in made:
            yield path.replace(PATTERN, name(number)), text.replace(PATTERN, name(number)).encode()


def touched(namespace: str, called: str) -> frozenset[Key]:
    """The children that a change of speed changes."""
    before, after = manifests(namespace, called), manifests(namespace, called, speed=2)
    return frozenset(types.key(one) for one in after if one not in before)

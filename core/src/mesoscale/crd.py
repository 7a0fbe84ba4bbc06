"""Model → CustomResourceDefinition for the API server, and JSON Schema for editors. Written by tools/generate.py."""

import copy
from typing import Any

from mesoscale.model import schema
from mesoscale.model.pipeline import API_VERSION, KIND
from mesoscale.model.schema import Schema
from mesoscale.model.status import Status

GROUP, VERSION = API_VERSION.split("/")
PLURAL = "weatherpipelines"
DESCRIPTION = "One document from which a whole data platform runs: sources, topics, stages, stores, jobs and checks."

_READY = '.status.conditions[?(@.type=="Ready")]'
PRINTER_COLUMNS = (
    ("Ready", "string", f"{_READY}.status", "whether everything runs"),
    ("Stage", "string", ".status.stagesReady", "programs that are ready, of all"),
    ("Lag", "integer", ".status.ledger.lag", "records between nodes"),
    ("Rows/s", "string", ".status.rowsPerSecond", "accepted by all sinks"),
    ("Rejected", "integer", ".status.ledger.rejected", "records in dead letter topics"),
    ("Age", "date", ".metadata.creationTimestamp", "time since the document was applied"),
    ("Message", "string", f"{_READY}.message", "what it waits for"),
)


def custom_resource_definition() -> dict[str, Any]:
    """The definition as `kubectl apply` takes it; the caller may change it."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": KIND.lower(),
                "shortNames": ["wp"],
                "categories": ["all"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [_printer_column(*column) for column in PRINTER_COLUMNS],
                    "schema": {"openAPIV3Schema": _resource()},
                }
            ],
        },
    }


def json_schema() -> dict[str, Any]:
    """The document as JSON Schema, for yaml-language-server and others; the caller may change it."""
    head = {"$schema": "http://json-schema.org/draft-07/schema#", "title": KIND}
    required = {"required": ["apiVersion", "kind", "metadata", "spec"]}
    return head | _for_editors(schema.pipeline()) | required | {"description": DESCRIPTION}


def _printer_column(name: str, kind: str, path: str, description: str) -> dict[str, str]:
    return {"name": name, "type": kind, "jsonPath": path, "description": description}


def _resource() -> Schema:
    """The schema of the whole object; of its metadata a definition may say something about the name only."""
    resource = _for_the_api_server(schema.pipeline())
    fields = resource["properties"]
    name = fields["metadata"]["properties"]["name"]
    fields["metadata"] = {"type": "object", "properties": {"name": name}}
    for field in ("apiVersion", "kind"):
        fields[field] = {"type": "string"}
    fields["status"] = _for_the_api_server(schema.structural(Status))
    resource["description"] = DESCRIPTION
    resource["required"] = ["metadata", "spec"]
    return resource


def _for_the_api_server(node: Schema) -> Schema:
    """A copy without what only our own checks read."""
    plain = {key: copy.deepcopy(value) for key, value in node.items() if key != schema.SECTION}
    if "items" in node:
        plain["items"] = _for_the_api_server(node["items"])
    if "properties" in node:
        plain["properties"] = {name: _for_the_api_server(field) for name, field in node["properties"].items()}
    return plain


def _for_editors(node: Schema) -> Schema:
    """JSON Schema refuses unknown fields only when told to, and has numbers for exclusive limits."""
    plain = {key: value for key, value in node.items() if not key.startswith("x-")}
    for limit, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if plain.get(exclusive) is True:
            plain[exclusive] = plain.pop(limit)
    if "items" in plain:
        plain["items"] = _for_editors(plain["items"])
        if node.get("x-kubernetes-list-type") == "set":
            plain["uniqueItems"] = True
    if "properties" in plain:
        plain["properties"] = {name: _for_editors(field) for name, field in plain["properties"].items()}
        plain["additionalProperties"] = False
    return plain

"""Model → structural OpenAPI schema with the rules in it: what the API server and the editor check, and so do we.

A structural schema names one type for every node and has no $ref, anyOf or null; a field that may be left out is
simply not required (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions).
"""

from functools import cache
from typing import Any

from pydantic import BaseModel

from mesoscale.model.pipeline import Pipeline
from mesoscale.model.rules import RULES

Schema = dict[str, Any]

SECTION = "x-mesoscale-section"  # which class of RULES holds at a node; taken out of what others get to see

_KEPT = (
    "type",
    "description",
    "format",
    "enum",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "maxProperties",
    "required",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
)


@cache
def pipeline() -> Schema:
    """The schema of a whole document. Callers must not change it."""
    return structural(Pipeline)


def structural(model: type[BaseModel]) -> Schema:
    """The structural schema of any class of the model."""
    full = model.model_json_schema(by_alias=True)
    return _node(full, full.get("$defs", {}), model.__name__)


def _node(raw: Schema, definitions: dict[str, Schema], title: str = "") -> Schema:
    """One schema of pydantic's, without references and alternatives."""
    if "$ref" in raw:
        title = raw["$ref"].rpartition("/")[2]
        return _node(definitions[title], definitions, title) | _own(raw)
    if "anyOf" in raw:
        (only,) = (option for option in raw["anyOf"] if option != {"type": "null"})
        return _node(only, definitions) | _own(raw)
    schema = {key: raw[key] for key in _KEPT if key in raw} | _limits(raw) | _own(raw)
    if "const" in raw:
        schema["enum"] = [raw["const"]]
    if "items" in raw:
        schema["items"] = _node(raw["items"], definitions)
        schema = _named_list(schema["items"]) | schema
    if "properties" in raw:
        schema["properties"] = {name: _node(field, definitions) for name, field in raw["properties"].items()}
    if isinstance(raw.get("additionalProperties"), dict):
        schema["additionalProperties"] = _node(raw["additionalProperties"], definitions)
    if title in RULES:
        schema["x-kubernetes-validations"] = [rule.kubernetes() for rule in RULES[title]]
        schema[SECTION] = title
    if schema["type"] == "integer":
        schema["format"] = "int64"
    if "description" in schema:
        schema["description"] = " ".join(schema["description"].split())
    return schema


def _own(raw: Schema) -> Schema:
    """What a field says beside the type it refers to."""
    described = {key: raw[key] for key in ("description",) if key in raw}
    return described | ({"default": _without_nulls(raw["default"])} if raw.get("default") is not None else {})


def _without_nulls(default: Any) -> Any:
    """A field without a value is left out: the API server takes no null."""
    if not isinstance(default, dict):
        return default
    return {name: _without_nulls(value) for name, value in default.items() if value is not None}


def _limits(raw: Schema) -> Schema:
    """OpenAPI 3.0 marks a limit as exclusive; later JSON Schema gives the limit itself under another name."""
    limits: Schema = {}
    for exclusive, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if exclusive in raw:
            limits |= {limit: raw[exclusive], exclusive: True}
    return limits


def _named_list(items: Schema) -> Schema:
    """Lists of named things are maps by name: no name twice, and items keep their identity when they move."""
    if "name" not in items.get("required", ()):
        return {}
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}

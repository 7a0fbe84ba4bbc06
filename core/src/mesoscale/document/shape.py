"""Located tree against the schema: fields, types and limits, as the API server checks them; defaults filled in."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from mesoscale.document import scalars
from mesoscale.document.tree import Mapping, Node, Path, Scalar, Sequence, Spot, find
from mesoscale.errors import Reason, nearest
from mesoscale.model.base import IN_WORDS
from mesoscale.model.schema import Schema

WANTED = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
}
_INT64 = 2**63


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem at a path of the document, before it has been given its place in the file."""

    path: Path
    at: Spot
    reason: Reason
    message: str
    hint: str = ""


def check(node: Node, schema: Schema, path: Path = ()) -> tuple[Any, list[Finding]]:
    """The value of `node` with the schema's defaults, and all that is wrong with it.

    Where something is wrong, that part of the value stands for nothing and must not be used.
    """
    if schema["type"] == "object":
        return _mapping(node, schema, path)
    if schema["type"] == "array":
        return _sequence(node, schema, path)
    return _scalar(node, schema, path)


def _mapping(node: Node, schema: Schema, path: Path) -> tuple[Any, list[Finding]]:
    if not isinstance(node, Mapping):
        return None, [_wrong_type(node, schema, path)]
    if "properties" not in schema:
        return _texts(node, schema, path)
    fields = schema["properties"]
    value, findings = {}, []
    for name, child in node.entries.items():
        if name in fields:
            value[name], found = check(child, fields[name], (*path, name))
            findings += found
        else:
            findings.append(_unknown(node, name, sorted(fields), path))
    for name in schema.get("required", ()):
        if name not in node.entries:
            findings.append(_missing(node, name, path))
    return value | _defaults(fields, value.keys()), findings


def _texts(node: Mapping, schema: Schema, path: Path) -> tuple[Any, list[Finding]]:
    """A mapping with keys of the user's own, such as labels."""
    checked = {
        name: check(child, schema["additionalProperties"], (*path, name)) for name, child in node.entries.items()
    }
    findings = [finding for _, found in checked.values() for finding in found]
    if len(checked) > schema["maxProperties"]:
        message = f"{len(checked)} entries stand here; at most {schema['maxProperties']} are allowed"
        findings.append(Finding(path, node.at, Reason.INVALID_VALUE, message))
    return {name: value for name, (value, _) in checked.items()}, findings


def _defaults(fields: Schema, given: Any) -> dict[str, Any]:
    return {name: field["default"] for name, field in fields.items() if name not in given and "default" in field}


def _unknown(node: Mapping, name: str, allowed: list[str], path: Path) -> Finding:
    message = f'unknown field "{name}" ({", ".join(allowed)})'
    return Finding((*path, name), node.keys[name].at, Reason.UNKNOWN_FIELD, message, nearest(name, allowed))


def _missing(node: Mapping, name: str, path: Path) -> Finding:
    return Finding((*path, name), node.at, Reason.MISSING_FIELD, f'the field "{name}" is missing')


def _wrong_type(node: Node, schema: Schema, path: Path) -> Finding:
    wanted = WANTED[schema["type"]]
    hint = ""
    if isinstance(node, Sequence):
        message = f"a list stands here, where {wanted} is wanted"
    elif isinstance(node, Mapping):
        message = f"a mapping stands here, where {wanted} is wanted"
    elif scalars.value(node) is None:
        message = f"nothing stands here, where {wanted} is wanted"
        hint = "{} takes every default; leave the field out to do without it" if schema["type"] == "object" else ""
    else:
        message = f'"{node.text}" is not {wanted}'
    return Finding(path, node.at, Reason.WRONG_TYPE, message, hint)


def _sequence(node: Node, schema: Schema, path: Path) -> tuple[Any, list[Finding]]:
    if not isinstance(node, Sequence):
        return None, [_wrong_type(node, schema, path)]
    checked = [check(item, schema["items"], (*path, index)) for index, item in enumerate(node.items)]
    values = [value for value, _ in checked]
    findings = [finding for _, found in checked for finding in found]
    if len(values) > schema["maxItems"]:
        message = f"{len(values)} items stand here; at most {schema['maxItems']} are allowed"
        findings.append(Finding(path, node.at, Reason.INVALID_VALUE, message))
    if len(values) < schema.get("minItems", 0):
        findings.append(Finding(path, node.at, Reason.INVALID_VALUE, "the list is empty; it needs an item at least"))
    return values, findings + list(_twice(node, values, schema, path))


def _twice(node: Sequence, values: list[Any], schema: Schema, path: Path) -> Iterator[Finding]:
    """Items that a list of the kinds `set` and `map` must not hold twice."""
    kind = schema.get("x-kubernetes-list-type")
    if kind is None:
        return
    key = schema["x-kubernetes-list-map-keys"][0] if kind == "map" else None
    lines: dict[str, int] = {}
    for index, value in enumerate(values):
        identity = value if key is None else (value or {}).get(key)
        spot = find(node, (index,) if key is None else (index, key))
        if identity is None:
            continue
        if repr(identity) in lines:
            message = f"{_quoted(identity)} stands here again; it is on line {lines[repr(identity)]} already"
            at = (*path, index) if key is None else (*path, index, key)
            yield Finding(at, spot, Reason.DUPLICATE_KEY, message)
        lines.setdefault(repr(identity), spot.line)


def _quoted(identity: Any) -> str:
    return f"[{', '.join(identity)}]" if isinstance(identity, list) else f'"{identity}"'


def _scalar(node: Node, schema: Schema, path: Path) -> tuple[Any, list[Finding]]:
    if not isinstance(node, Scalar):
        return None, [_wrong_type(node, schema, path)]
    read = _text if schema["type"] == "string" else _truth if schema["type"] == "boolean" else _number
    value, finding = read(node, schema, path)
    return value, [finding] if finding else []


def _text(node: Scalar, schema: Schema, path: Path) -> tuple[str, Finding | None]:
    text = node.text
    if odd := scalars.ambiguity(node, "a text"):
        return text, Finding(path, node.at, odd.reason, odd.message, odd.hint)

    def invalid(message: str, hint: str = "") -> tuple[str, Finding]:
        return text, Finding(path, node.at, Reason.INVALID_VALUE, message, hint)

    if "enum" in schema and text not in schema["enum"]:
        return invalid(f'"{text}" is not allowed ({", ".join(schema["enum"])})', nearest(text, schema["enum"]))
    if len(text) > schema.get("maxLength", _INT64):
        return invalid(f"the text has {len(text)} characters; at most {schema['maxLength']} are allowed")
    if len(text) < schema.get("minLength", 0):
        return invalid("the text is empty")
    if "pattern" in schema and not _pattern(schema["pattern"]).search(text):
        return invalid(f'"{text}" is not written as {IN_WORDS[schema["pattern"]]}')
    return text, None


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    """`$` means the end of the text to RE2; Python also lets it stand before a last line break."""
    return re.compile(pattern.removesuffix("$") + r"\Z" if pattern.endswith("$") else pattern, re.ASCII)


def _truth(node: Scalar, schema: Schema, path: Path) -> tuple[bool | None, Finding | None]:
    value = scalars.value(node)
    if isinstance(value, bool):
        return value, None
    if scalars.is_odd(node) and isinstance(value, str):
        meaning = str(scalars.ALIKE.get(node.text, "")).lower()
        if meaning:
            message = f"{node.text} is read as {meaning} by some and as a text by others"
            return None, Finding(path, node.at, Reason.AMBIGUOUS_BOOLEAN, message, f"write {meaning}")
    return None, _wrong_type(node, schema, path)


def _number(node: Scalar, schema: Schema, path: Path) -> tuple[float | None, Finding | None]:
    value = scalars.value(node)
    if isinstance(value, str) and scalars.is_odd(node) and node.text not in scalars.ALIKE:
        message = f"{node.text} is not the same number to every program"
        return None, Finding(path, node.at, Reason.INVALID_VALUE, message, "write digits only, with a point if need be")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None, _wrong_type(node, schema, path)
    if schema["type"] == "integer" and not isinstance(value, int):
        return None, _wrong_type(node, schema, path)
    if message := _outside(value, schema):
        return None, Finding(path, node.at, Reason.INVALID_VALUE, f"{node.text} is {message}")
    return (value if schema["type"] == "integer" else float(value)), None


def _outside(value: float, schema: Schema) -> str:
    """In which way a number is outside of what the schema allows; nothing where it is inside."""
    if not math.isfinite(value) or (schema["type"] == "integer" and not -_INT64 <= value < _INT64):
        return "too large a number"
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    if schema.get("exclusiveMinimum") and value <= low:
        return f"too small; it must be greater than {low:g}"
    if schema.get("exclusiveMaximum") and value >= high:
        return f"too large; it must be less than {high:g}"
    if value < low:
        return f"too small; the least is {low:.10g}"
    return f"too large; the most is {high:.10g}" if value > high else ""

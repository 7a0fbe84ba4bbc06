"""Digests of fields: whether an object still is as it was sent, without a schema and without remembering anything.

What was sent and what of it is still ours are compared as multisets of (path, value), the path without positions in
lists. The API server notes for each field who set it last (`managedFields`,
https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management): a field that somebody else changes
leaves our entry, and what is added or filled in by others never enters it. So equal digests mean that nobody changed
what we manage.
"""

import hashlib
import json
from typing import Any

from pydantic_core import to_json

from mesoscale.manifests.types import Manifest

MANAGER = "mesoscale"

_IDENTITY = {"apiVersion", "kind"}  # these and the two below are never in an entry
_NAMES = {"name", "namespace"}
_Fields = dict[str, Any]
_NOTHING = object()  # is at no place of an object
_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False)


def wanted(manifest: Manifest) -> str:
    """The digest of everything that a manifest says."""
    leaves: list[str] = []
    _leaves("", _said(manifest), leaves)
    return _digest(leaves)


def noted(manifest: Manifest, annotation: str) -> tuple[Manifest, str, str]:
    """The manifest with an annotation that is a hash of all that it says, as it says it; the hash; the digest with it.

    A manifest whose lists are in another order, or divided otherwise, may have the same leaves; it has another hash.
    """
    said = _said(manifest)
    note = hashlib.sha256(to_json(said)).hexdigest()[:10]
    leaves: list[str] = []
    _leaves("", said, leaves)
    leaves.append(f"/metadata/annotations/{annotation}={note!r}")
    metadata = manifest["metadata"]
    annotations = metadata.get("annotations", {}) | {annotation: note}
    return manifest | {"metadata": metadata | {"annotations": annotations}}, note, _digest(leaves)


def managed(live: Manifest, manager: str = MANAGER) -> str:
    """The digest of what `manager` applied and still owns of a live object; empty where it owns nothing."""
    for entry in live["metadata"].get("managedFields", ()):
        if (entry["manager"], entry["operation"]) == (manager, "Apply") and not entry.get("subresource"):
            leaves: list[str] = []
            _owned("", entry["fieldsV1"], live, leaves)
            return _digest(leaves)
    return ""


def hash_of(value: Any, length: int = 10) -> str:
    """A short hash of a plain value, the same for equal values."""
    return hashlib.sha256(_ENCODER.encode(value).encode()).hexdigest()[:length]


def _said(manifest: Manifest) -> Manifest:
    parts = {name: value for name, value in manifest.items() if name not in _IDENTITY}
    parts["metadata"] = {name: value for name, value in manifest["metadata"].items() if name not in _NAMES}
    return parts


def _digest(leaves: list[str]) -> str:
    leaves.sort()
    return hashlib.sha256("\0".join(leaves).encode()).hexdigest()[:32]


def _leaves(path: str, value: Any, into: list[str]) -> None:
    """Add `path=value` of each value that holds no other. A fifth of a plan is spent here: no generators, and no
    call for a text, which most values are.
    """
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            if type(inner) is str:
                into.append(f"{path}/{name}={inner!r}")
            else:
                _leaves(f"{path}/{name}", inner, into)
    elif isinstance(value, list) and value:
        path += "[]"
        for inner in value:
            if type(inner) is str:
                into.append(f"{path}={inner!r}")
            else:
                _leaves(path, inner, into)
    else:
        into.append(f"{path}={_plain(value)!r}")


def _plain(value: Any) -> Any:
    """JSON has one kind of number: 1.0 comes back as 1."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _owned(path: str, fields: _Fields, value: Any, into: list[str]) -> None:
    """Add the leaves of `value` that `fields` (format FieldsV1) names; done for every version of every child."""
    holds = False
    for name, below in fields.items():
        if name == ".":
            continue
        holds = True
        step, found = _step(name, value)
        if found is _NOTHING:
            continue
        if below:
            _owned(path + step, below, found, into)
        else:
            _leaves(path + step, found, into)
    if not holds:
        # Either a whole value, or (with a dot) a container of which we own no content.
        _leaves(path, type(value)() if "." in fields and isinstance(value, dict | list) else value, into)


def _step(name: str, value: Any) -> tuple[str, Any]:
    """Where a name of FieldsV1 leads: `f:` to a field, `k:` to an item by keys, `v:` by value, `i:` by position."""
    form, rest = name[:2], name[2:]
    if form == "f:":
        return f"/{rest}", value.get(rest, _NOTHING) if isinstance(value, dict) else _NOTHING
    items = value if isinstance(value, list) else []
    if form == "k:":
        keys = json.loads(rest).items()
        return "[]", next((item for item in items if all(item.get(key) == one for key, one in keys)), _NOTHING)
    if form == "v:":
        found = json.loads(rest)
        return "[]", found if found in items else _NOTHING
    return "[]", items[int(rest)] if int(rest) < len(items) else _NOTHING

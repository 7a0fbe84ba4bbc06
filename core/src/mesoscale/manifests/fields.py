"""Digests of fields: whether an object still is as it was sent, without a schema and without remembering anything.

What was sent and what of it is still ours are compared as multisets of (path, value), the path without positions in
lists. The API server notes for each field who set it last (`managedFields`,
https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management): a field that somebody else changes
leaves our entry, and what is added or filled in by others never enters it. So equal digests mean that nobody changed
what we manage.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

from mesoscale.manifests.types import Manifest

MANAGER = "mesoscale"

_IDENTITY = {"apiVersion", "kind"}  # these and the two below are never in an entry
_NAMES = {"name", "namespace"}
_Fields = dict[str, Any]


def wanted(manifest: Manifest) -> str:
    """The digest of everything that a manifest says."""
    parts = {name: value for name, value in manifest.items() if name not in _IDENTITY}
    parts["metadata"] = {name: value for name, value in manifest["metadata"].items() if name not in _NAMES}
    return _digest(_leaves("", parts))


def managed(live: Manifest, manager: str = MANAGER) -> str:
    """The digest of what `manager` applied and still owns of a live object; empty where it owns nothing."""
    for entry in live["metadata"].get("managedFields", ()):
        if (entry["manager"], entry["operation"]) == (manager, "Apply") and not entry.get("subresource"):
            return _digest(_owned("", entry["fieldsV1"], live))
    return ""


def hash_of(value: Any, length: int = 10) -> str:
    """A short hash of a plain value, the same for equal values."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def _digest(leaves: Iterable[str]) -> str:
    whole = hashlib.sha256()
    for leaf in sorted(leaves):
        whole.update(leaf.encode())
        whole.update(b"\0")
    return whole.hexdigest()[:32]


def _leaves(path: str, value: Any) -> Iterator[str]:
    """`path=value` of each value that holds no other."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _leaves(f"{path}/{name}", inner)
    elif isinstance(value, list) and value:
        for item in value:
            yield from _leaves(f"{path}[]", item)
    else:
        yield f"{path}={_plain(value)!r}"


def _plain(value: Any) -> Any:
    """JSON has one kind of number: 1.0 comes back as 1."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _owned(path: str, fields: _Fields, value: Any) -> Iterator[str]:
    """The leaves of `value` that `fields` (format FieldsV1) names."""
    inner = [(name, below) for name, below in fields.items() if name != "."]
    if not inner:
        # Either a whole value, or (with a dot) a container of which we own no content.
        yield from _leaves(path, type(value)() if "." in fields and isinstance(value, dict | list) else value)
    for name, below in inner:
        step, found = _step(name, value)
        if found is not None:
            yield from _owned(f"{path}{step}", below, found[0])


def _step(name: str, value: Any) -> tuple[str, tuple[Any] | None]:
    """Where a name of FieldsV1 leads: `f:` to a field, `k:` to an item by keys, `v:` by value, `i:` by position."""
    form, _, rest = name.partition(":")
    if form == "f":
        return f"/{rest}", (value[rest],) if isinstance(value, dict) and rest in value else None
    items = value if isinstance(value, list) else []
    if form == "k":
        keys = json.loads(rest)
        found = next((item for item in items if all(item.get(key) == keys[key] for key in keys)), None)
        return "[]", None if found is None else (found,)
    if form == "v":
        return "[]", (json.loads(rest),) if json.loads(rest) in items else None
    return "[]", (items[int(rest)],) if int(rest) < len(items) else None

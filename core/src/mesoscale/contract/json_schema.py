"""Contract → JSON Schema (2020-12), for those who produce or read its records elsewhere."""

from typing import Any

from mesoscale.contract.types import Column, Contract

_TYPES: dict[str, dict[str, Any]] = {
    "string": {"type": "string"},
    "int64": {"type": "integer", "minimum": -(1 << 63), "maximum": (1 << 63) - 1},
    "float64": {"type": "number"},
    "boolean": {"type": "boolean"},
    "timestamp": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
}


def schema(contract: Contract) -> dict[str, Any]:
    """The schema of one record. Fields that the contract does not know are allowed, as streams allow them."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": contract.label,
        "description": contract.description,
        "type": "object",
        "properties": {column.name: _property(column) for column in contract.columns},
        "required": [column.name for column in contract.columns if not column.nullable],
    }


def _property(column: Column) -> dict[str, Any]:
    shape = dict(_TYPES[column.type])
    if column.min is not None:
        shape["minimum"] = column.min
    if column.max is not None:
        shape["maximum"] = column.max
    if column.one_of:
        shape["enum"] = list(column.one_of)
    if column.pattern:
        shape["pattern"] = column.pattern
    if column.max_length is not None:
        shape["maxLength"] = column.max_length
    if column.nullable:
        shape["type"] = [shape["type"], "null"]
        if "enum" in shape:
            shape["enum"] = [*shape["enum"], None]
    about = " ".join(word for word in (column.description, f"[{column.unit}]" if column.unit else "") if word)
    return shape | ({"description": about} if about else {})

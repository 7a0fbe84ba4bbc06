"""Contract → JSON Schema (draft 2020-12) of one record, for editors and for producers in other languages."""

from typing import Any

from mesoscale.contract import limits
from mesoscale.contract.types import Column, ColumnType, Contract

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TIMESTAMP_PATTERN = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9](\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$"
)
DATE_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"

_TYPES: dict[ColumnType, dict[str, Any]] = {
    "string": {"type": "string"},
    "int64": {"type": "integer", "minimum": limits.INT64_MIN, "maximum": limits.INT64_MAX},
    "float64": {"type": "number"},
    "boolean": {"type": "boolean"},
    "timestamp": {"type": "string", "format": "date-time", "pattern": TIMESTAMP_PATTERN},
    "date": {"type": "string", "format": "date", "pattern": DATE_PATTERN},
}


def json_schema(contract: Contract) -> dict[str, Any]:
    """What JSON Schema can say of it; `earliest` and `latest` stand in the description, as it has no word for them."""
    return {
        "$schema": DIALECT,
        "title": contract.label,
        "description": contract.description,
        "type": "object",
        "properties": {column.name: _property(column) for column in contract.columns},
        "required": [column.name for column in contract.columns if not column.nullable],
        "additionalProperties": True,
    }


def _property(column: Column) -> dict[str, Any]:
    words = [column.description, f"unit: {column.unit}" if column.unit else ""]
    words += [
        f"earliest {column.earliest}" if column.earliest else "",
        f"latest {column.latest}" if column.latest else "",
    ]
    fields: dict[str, Any] = {"description": "; ".join(word for word in words if word)} | _TYPES[column.type]
    fields |= _limits(column)
    if column.nullable:
        fields["type"] = [fields["type"], "null"]
        if "enum" in fields:
            fields["enum"] = [*fields["enum"], None]
    return (
        fields if fields["description"] else {name: fields[name] for name in fields if name != "description"}
    )


def _limits(column: Column) -> dict[str, Any]:
    low, high = (
        (None, None) if column.type in ("timestamp", "date") else (limits.lower(column), limits.upper(column))
    )
    given = {
        "minimum": low,
        "maximum": high,
        "enum": list(column.one_of) or None,
        "pattern": column.pattern or None,
        "maxLength": column.max_length,
    }
    return {name: value for name, value in given.items() if value is not None}

"""Contract → PostgreSQL statements that bring a table about from nothing, or from any version the contract may follow.

They may be run again and again. What a compatible version changes is a column more, or a column that may be null now
(see `compatibility`), so no statement needs to know which version the table is from, and none loses a row.
"""

import hashlib
from collections.abc import Container, Iterator, Sequence

from mesoscale.contract.types import Column, Contract

_TYPES = {
    "string": "text",
    "int64": "bigint",
    "float64": "double precision",
    "boolean": "boolean",
    "timestamp": "timestamptz",
    "date": "date",
}

LONGEST_NAME = 63  # bytes; PostgreSQL cuts longer identifiers without a word


def create_table(
    contract: Contract,
    schema: str,
    table: str,
    partition_by: tuple[str, str] | None = None,
    indexes: Sequence[Sequence[str]] = (),
) -> tuple[str, ...]:
    """The statements that bring about the table, its indexes and its comments.

    Args:
        contract: the shape of its rows.
        schema: the schema, made where it is missing.
        table: its name.
        partition_by: the column it is cut by, and how (`("observed_at", "1d")`); the partitions are made elsewhere.
        indexes: the columns of each index, in order.
    """
    by = partition_by[0] if partition_by else None
    lines = [_definition(column, by) for column in contract.columns]
    unique = identity(contract, by)
    if unique:
        lines.append(f"PRIMARY KEY ({_names(unique)})")
    cut = f" PARTITION BY RANGE ({_name(by)})" if by else ""
    target = f"{_name(schema)}.{_name(table)}"
    return (
        create_schema(schema),
        f"CREATE TABLE IF NOT EXISTS {target} ({', '.join(lines)}){cut}",
        *_loosened(contract, target, {*unique, by}),
        *(_index(target, table, columns) for columns in indexes),
        *_comments(contract, target),
    )


def create_schema(schema: str) -> str:
    """The statement that brings about the schema. PostgreSQL asks for the right to make one even where it exists."""
    return f"CREATE SCHEMA IF NOT EXISTS {_name(schema)}"


def stored_type(column: Column) -> str:
    """The column's type in the words of PostgreSQL's catalogue (`format_type`)."""
    name = _TYPES[column.type]
    return "timestamp with time zone" if name == "timestamptz" else name


def identity(contract: Contract, partition_column: str | None) -> tuple[str, ...]:
    """The columns of the primary key: the contract's identity, with the column that PostgreSQL cuts the table by.

    A partitioned table cannot be unique over less than that column.
    """
    if not contract.identity or partition_column is None or partition_column in contract.identity:
        return contract.identity
    return (*contract.identity, partition_column)


def _loosened(contract: Contract, target: str, required: Container[str | None]) -> Iterator[str]:
    """For a table of an older version: the columns it lacks, and null where it is allowed by now."""
    for column in contract.columns:
        if column.nullable and column.name not in required:
            name = _name(column.name)
            yield f"ALTER TABLE {target} ADD COLUMN IF NOT EXISTS {name} {_TYPES[column.type]}"
            yield f"ALTER TABLE {target} ALTER COLUMN {name} DROP NOT NULL"


def _definition(column: Column, partition_column: str | None) -> str:
    required = not column.nullable or column.name == partition_column
    return f"{_name(column.name)} {_TYPES[column.type]}{' NOT NULL' if required else ''}"


def _index(target: str, table: str, columns: Sequence[str]) -> str:
    return f"CREATE INDEX IF NOT EXISTS {_name(index_name(table, columns))} ON {target} ({_names(columns)})"


def index_name(table: str, columns: Sequence[str]) -> str:
    """`observations$station$observed_at$idx`; where that is too long, its end is a digest of it.

    No table or column has a dollar sign in its name, so no two indexes, and no index and a table, meet in one name.
    """
    name = "$".join((table, *columns, "idx"))
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[:46]}${hashlib.sha256(name.encode()).hexdigest()[:16]}"


def _comments(contract: Contract, target: str) -> Iterator[str]:
    yield f"COMMENT ON TABLE {target} IS {_text(f'{contract.label}: {contract.description}')}"
    for column in contract.columns:
        words = [word for word in (column.description, f"[{column.unit}]" if column.unit else "") if word]
        if words:
            yield f"COMMENT ON COLUMN {target}.{_name(column.name)} IS {_text(' '.join(words))}"


def _names(names: Sequence[str]) -> str:
    return ", ".join(map(_name, names))


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

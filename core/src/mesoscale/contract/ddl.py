"""Contract → PostgreSQL: the statements that make its table, and those that bring an older table up to it.

Every statement may be run again without harm, so a program that was killed between two of them starts over.
"""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256

from mesoscale.contract.compatibility import incompatibilities
from mesoscale.contract.types import Column, ColumnType, Contract

TYPES: dict[ColumnType, str] = {
    "string": "text",
    "int64": "bigint",
    "float64": "double precision",
    "boolean": "boolean",
    "timestamp": "timestamptz",
    "date": "date",
}
IDENTIFIER_BYTES = 63  # PostgreSQL cuts longer names off without a word


def create_table(
    contract: Contract,
    schema: str,
    table: str,
    partition_by: tuple[str, str] | None = None,
    indexes: Sequence[Sequence[str]] = (),
) -> tuple[str, ...]:
    """The schema, the table with its comments, and its indexes, in the order in which they must be run.

    Args:
        contract: its identity becomes the primary key; a contract without one gets none.
        schema: name of the schema, made if there is none.
        table: name of the table.
        partition_by: the column by whose ranges the table is cut, and how long a range is. Only the parent is made
            here: the ranges depend on the rows, so whoever writes them makes the table partitions.
        indexes: one list of columns each.
    """
    target = _target(schema, table)
    cut = f" PARTITION BY RANGE ({identifier(partition_by[0])})" if partition_by else ""
    lines = [_definition(column) for column in contract.columns]
    key = primary_key(contract, partition_by[0] if partition_by else None)
    if key:
        lines.append(f"PRIMARY KEY ({_names(key)})")
    body = ",\n  ".join(lines)
    return (
        f"CREATE SCHEMA IF NOT EXISTS {identifier(schema)}",
        f"CREATE TABLE IF NOT EXISTS {target} (\n  {body}\n){cut}",
        _table_comment(contract, target),
        *_column_comments(contract.columns, target),
        *(_index(target, table, columns) for columns in dict.fromkeys(map(tuple, indexes))),
    )


def migrate(old: Contract, new: Contract, schema: str, table: str) -> tuple[str, ...]:
    """What turns the table of `old` into one of `new`, without touching a row.

    A new column stands last whatever its place in the contract is, so writers name the columns they write.

    Raises:
        ValueError: `new` is not compatible with `old`.
    """
    reasons = incompatibilities(old, new)
    if reasons:
        raise ValueError("; ".join(reasons))
    if old == new:
        return ()
    target = _target(schema, table)
    before = {column.name: column for column in old.columns}
    added = [column for column in new.columns if column.name not in before]
    kept = [column for column in new.columns if column.name in before]
    renewed = [column for column in kept if _comment(column) != _comment(before[column.name])]
    return (
        *(f"ALTER TABLE {target} ADD COLUMN IF NOT EXISTS {_definition(column)}" for column in added),
        *(
            f"ALTER TABLE {target} ALTER COLUMN {identifier(column.name)} DROP NOT NULL"
            for column in kept
            if column.nullable and not before[column.name].nullable
        ),
        _table_comment(new, target),
        *_column_comments(added, target),
        *_column_comments(renewed, target, clear=True),
    )


def primary_key(contract: Contract, partition_column: str | None) -> tuple[str, ...]:
    """The identity, and the column the table is cut by: PostgreSQL keeps a key unique only inside a table partition."""
    if not contract.identity or partition_column is None or partition_column in contract.identity:
        return contract.identity
    return (*contract.identity, partition_column)


def index_name(table: str, columns: Sequence[str]) -> str:
    """A name that no other table or list of columns of the schema gets, at most 63 bytes long.

    Names joined by underscores alone are ambiguous (`a_b` + `c`, `a` + `b_c`), hence the digest of the parts.
    """
    digest = sha256("\0".join((table, *columns)).encode()).hexdigest()[:8]
    readable = "_".join((table, *columns)).encode()[: IDENTIFIER_BYTES - len("__idx") - len(digest)]
    return f"{readable.decode(errors='ignore')}_{digest}_idx"


def identifier(name: str) -> str:
    """A name as an SQL identifier, whatever it holds."""
    return '"' + name.replace("\0", "").replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as an SQL literal, whatever it holds; PostgreSQL has no character 0, so that one is left out."""
    escaped = text.replace("\0", "").replace("'", "''")
    return "E'" + escaped.replace("\\", "\\\\") + "'" if "\\" in escaped else f"'{escaped}'"


def _target(schema: str, table: str) -> str:
    return f"{identifier(schema)}.{identifier(table)}"


def _names(columns: Iterable[str]) -> str:
    return ", ".join(identifier(name) for name in columns)


def _definition(column: Column) -> str:
    return f"{identifier(column.name)} {TYPES[column.type]}{'' if column.nullable else ' NOT NULL'}"


def _index(target: str, table: str, columns: tuple[str, ...]) -> str:
    name = identifier(index_name(table, columns))
    return f"CREATE INDEX IF NOT EXISTS {name} ON {target} ({_names(columns)})"


def _table_comment(contract: Contract, target: str) -> str:
    text = f"{contract.description} (contract {contract.label})".strip()
    return f"COMMENT ON TABLE {target} IS {literal(text)}"


def _comment(column: Column) -> str:
    unit = f"[{column.unit}]" if column.unit else ""
    return " ".join(part for part in (column.description, unit) if part)


def _column_comments(columns: Iterable[Column], target: str, *, clear: bool = False) -> Iterator[str]:
    """Comments of the columns that have something to say; with `clear`, those that no longer do lose theirs."""
    for column in columns:
        text = _comment(column)
        if text or clear:
            value = literal(text) if text else "NULL"
            yield f"COMMENT ON COLUMN {target}.{identifier(column.name)} IS {value}"

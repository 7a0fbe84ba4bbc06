"""Whether a sink's tables are there, with the columns that its rows have."""

from collections.abc import Iterator

import psycopg

from mesoscale import naming
from mesoscale.bindings import PostgreSQL
from mesoscale.contract.types import Contract
from mesoscale.plan.types import Table
from mesoscale_streams.sinks import database

COLUMNS = """
    SELECT relname, array_agg(attname::text) FROM pg_attribute
    JOIN pg_class relation ON relation.oid = attrelid JOIN pg_namespace space ON space.oid = relnamespace
    WHERE nspname = %s AND relname = ANY (%s) AND relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped
    GROUP BY relname
"""


def lacking(binding: PostgreSQL, table: Table, contract: Contract) -> list[str]:
    """A sentence for each thing that is not there, or the one that says why nobody knows."""
    names = [table.name, naming.POSITIONS_TABLE]
    try:
        with database.connect(binding, f"meso {table.schema_name} {table.sink} waiting") as connection:
            found = dict(connection.execute(COLUMNS, (table.schema_name, names)).fetchall())
    except psycopg.Error as error:
        return [f"PostgreSQL: {str(error).partition(chr(10))[0]}"]
    return list(_sentences(found, table, contract))


def _sentences(found: dict[str, list[str]], table: Table, contract: Contract) -> Iterator[str]:
    for name in (table.name, naming.POSITIONS_TABLE):
        if name not in found:
            yield f"table {table.schema_name}.{name} does not exist"
    for column in contract.columns:
        if column.name not in found.get(table.name, [column.name]):
            yield f"table {table.schema_name}.{table.name} has no column {column.name}"

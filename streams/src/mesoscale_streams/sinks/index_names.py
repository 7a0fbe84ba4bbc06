"""Indexes that bear the names of before, and the ones they bear now: renamed where they are found, never built again.

Those names joined table and columns by underscores, which they have inside too, so two indexes could want one name.
"""

import hashlib
from collections.abc import Sequence

import psycopg
from psycopg import sql

from mesoscale.contract import ddl

INDEXES = """
    SELECT index.relname, relation.relname, array_agg(attribute.attname::text ORDER BY attribute.attnum)
    FROM pg_index
    JOIN pg_class index ON index.oid = indexrelid AND NOT index.relispartition
    JOIN pg_class relation ON relation.oid = indrelid
    JOIN pg_namespace space ON space.oid = index.relnamespace
    JOIN pg_attribute attribute ON attribute.attrelid = indexrelid
    WHERE space.nspname = %s AND NOT indisunique
    GROUP BY index.relname, relation.relname
"""


def bring_up_to_date(connection: psycopg.Connection, schema: str) -> None:
    """Rename every index of the schema that bears its former name; a second call finds none."""
    found = {(name, table, tuple(columns)) for name, table, columns in connection.execute(INDEXES, (schema,))}
    taken = {name for name, _, _ in found}
    for name, table, columns in found:
        now = ddl.index_name(table, columns)
        if name == former(table, columns) and now not in taken:
            statement = sql.SQL("ALTER INDEX {} RENAME TO {}").format(sql.Identifier(schema, name), sql.Identifier(now))
            connection.execute(statement)


def former(table: str, columns: Sequence[str]) -> str:
    """`observations_station_observed_at_idx`, and the end a digest where that was too long."""
    name = f"{table}_{'_'.join(columns)}_idx"
    return name if len(name) <= ddl.LONGEST_NAME else f"{name[:46]}_{hashlib.sha256(name.encode()).hexdigest()[:16]}"

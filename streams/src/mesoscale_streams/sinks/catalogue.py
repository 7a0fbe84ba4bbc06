"""The relations of a schema as PostgreSQL's catalogue has them, with what we noted when we made them."""

import json
from typing import Any

import psycopg
from psycopg import sql

from mesoscale import naming
from mesoscale.contract.types import Contract
from mesoscale.errors import PlanRefused, Problem, Reason
from mesoscale.plan.types import TablePartitions
from mesoscale_streams.sinks.table_shape import AS_PLANNED, Column, Made, Observed

KINDS = {"r": AS_PLANNED, "p": AS_PLANNED, "v": "view", "m": "materialized view", "f": "foreign table", "S": "sequence"}
RELATIONS = """
    SELECT relation.oid, relation.relname, relation.relkind,
        ARRAY(
            SELECT attname::text FROM pg_partitioned_table, unnest(partattrs) WITH ORDINALITY AS part(number, place)
            JOIN pg_attribute ON attrelid = relation.oid AND attnum = part.number
            WHERE partrelid = relation.oid AND partstrat = 'r' ORDER BY place
        ),
        ARRAY(
            SELECT attname::text FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)
            WHERE indrelid = relation.oid AND indisprimary
        ),
        ARRAY(
            SELECT relname::text FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
            WHERE indrelid = relation.oid AND indisvalid
        )
    FROM pg_class relation JOIN pg_namespace space ON space.oid = relation.relnamespace
    WHERE space.nspname = %s AND relation.relkind = ANY (%s) AND NOT relation.relispartition
"""
COLUMNS = """
    SELECT attname, format_type(atttypid, atttypmod), attnotnull, atthasdef OR attidentity <> '' OR attgenerated <> ''
    FROM pg_attribute WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped
"""
HISTORY = "SELECT name, contract, partitions FROM {}"


def schema_exists(connection: psycopg.Connection[Any], schema: str) -> bool:
    return connection.execute("SELECT FROM pg_namespace WHERE nspname = %s", (schema,)).rowcount == 1


def observe(connection: psycopg.Connection[Any], schema: str) -> dict[str, Observed]:
    """Name → relation, of all in the schema; table partitions are part of theirs.

    Raises:
        PlanRefused: what was noted was noted by a later version of Mesoscale.
    """
    found = connection.execute(RELATIONS, (schema, list(KINDS))).fetchall()
    made = _history(connection, schema) if any(name == naming.HISTORY_TABLE for _, name, *_ in found) else {}
    return {
        name: Observed(
            kind=KINDS[kind],
            columns={column: Column(*shape) for column, *shape in connection.execute(COLUMNS, (oid,))},
            cut_by=tuple(cut_by),
            identity=tuple(identity),
            indexes=frozenset(indexes),
            made=made.get(name),
        )
        for oid, name, kind, cut_by, identity, indexes in found
    }


def note(connection: psycopg.Connection[Any], schema: str, table: str, made: Made) -> None:
    """Note what the table is made of now, in the transaction that makes it so."""
    statement = sql.SQL(
        "INSERT INTO {} (name, contract, partitions) VALUES (%s, %s, %s) ON CONFLICT (name) DO UPDATE"
        " SET contract = excluded.contract, partitions = excluded.partitions, changed_at = now()"
    )
    partitions = made.partitions.model_dump_json() if made.partitions else None
    values = (table, made.contract.model_dump_json(exclude_defaults=True), partitions)
    connection.execute(statement.format(sql.Identifier(schema, naming.HISTORY_TABLE)), values)


def _history(connection: psycopg.Connection[Any], schema: str) -> dict[str, Made]:
    statement = sql.SQL(HISTORY).format(sql.Identifier(schema, naming.HISTORY_TABLE))
    return {table: _made(table, *noted) for table, *noted in connection.execute(statement)}


def _made(table: str, contract: Any, partitions: Any) -> Made:
    try:
        # As JSON, for in a JSON document a list may stand for a tuple.
        parts = TablePartitions.model_validate_json(json.dumps(partitions)) if partitions else None
        return Made(Contract.model_validate_json(json.dumps(contract)), parts)
    except ValueError as error:
        message = f"table {table} was made by a version of Mesoscale that this one does not understand"
        raise PlanRefused(Problem(Reason.FORBIDDEN_CHANGE, message, hint="use that version, or a later one")) from error

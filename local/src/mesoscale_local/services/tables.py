"""PostgreSQL tables as they are and as the plan wants them: observe, apply, drop."""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from mesoscale import bindings
from mesoscale.errors import Problem, Reason, ServiceUnavailable
from mesoscale.plan.types import Table
from mesoscale_local.services import index_names, postgres

LOCK = 0x6D65736F  # "meso": the advisory lock under which shapes of tables change
COLUMNS = """
    SELECT relation.relname, attribute.attname, format_type(attribute.atttypid, attribute.atttypmod)
    FROM pg_class relation
    JOIN pg_namespace space ON space.oid = relation.relnamespace
    LEFT JOIN pg_attribute attribute
        ON attribute.attrelid = relation.oid AND attribute.attnum > 0 AND NOT attribute.attisdropped
    WHERE space.nspname = %s AND relation.relkind IN ('r', 'p') AND NOT relation.relispartition
    ORDER BY relation.relname, attribute.attnum
"""


@dataclass(frozen=True, slots=True)
class Observed:
    """A table that exists: column → type in PostgreSQL's words, and how many rows it holds now."""

    columns: dict[str, str]
    rows: int


def observe_tables(binding: bindings.PostgreSQL, schema: str) -> dict[str, Observed]:
    """Every table of the schema (table partitions are part of theirs); empty where the schema does not exist.

    Counting reads every row; a caller that only wants shapes pays for it on large tables.

    Raises:
        ServiceUnavailable: the server does not answer, or refuses.
    """
    columns: dict[str, dict[str, str]] = {}
    try:
        with postgres.connect(binding) as connection:
            for table, column, type_ in connection.execute(COLUMNS, (schema,)):
                columns.setdefault(table, {})
                if column is not None:
                    columns[table][column] = type_
            return {name: Observed(columns[name], _count(connection, schema, name)) for name in columns}
    except psycopg.Error as error:
        raise _unavailable(f"observe the tables of {schema}", error) from error


def apply_tables(binding: bindings.PostgreSQL, tables: Sequence[Table]) -> None:
    """Run the statements of every table; they are written so that a second run changes nothing.

    All in one transaction under an advisory lock: two drivers at once take turns, and one that dies leaves
    nothing half made.

    Raises:
        ServiceUnavailable: the server does not answer, or refuses a statement.
    """
    doing = "connect"
    try:
        with postgres.connect(binding) as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
            for schema in {table.schema_name for table in tables}:
                doing = f"rename the indexes of {schema}"
                index_names.bring_up_to_date(connection, schema)
            for table in tables:
                doing = f"make the table {table.schema_name}.{table.name}"
                for statement in table.statements:
                    connection.execute(statement.encode())
    except psycopg.Error as error:
        raise _unavailable(doing, error) from error


def drop_schema(binding: bindings.PostgreSQL, schema: str) -> None:
    """Drop the schema with every table and row in it; one that does not exist is fine.

    Raises:
        ServiceUnavailable: the server does not answer, or refuses.
    """
    try:
        with postgres.connect(binding) as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
            connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))
    except psycopg.Error as error:
        raise _unavailable(f"drop the schema {schema}", error) from error


def _count(connection: psycopg.Connection, schema: str, table: str) -> int:
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, table))).fetchone()
    return int(row[0]) if row else 0


def _unavailable(what: str, error: psycopg.Error) -> ServiceUnavailable:
    code = f"{error.sqlstate}: " if error.sqlstate else ""
    told = error.diag.message_primary or str(error)
    return ServiceUnavailable(Problem(Reason.SERVICE_FAILED, f"PostgreSQL did not {what}: {code}{told}"))

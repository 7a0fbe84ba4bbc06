"""Drops tables that nobody wants any more, with their rows and all that was noted of them."""

import logging
from collections.abc import Sequence

import psycopg
from psycopg import sql

from mesoscale import naming
from mesoscale.bindings import PostgreSQL
from mesoscale_streams.sinks import catalogue, database

log = logging.getLogger(__name__)


def drop(binding: PostgreSQL, pipeline: str, sinks: Sequence[str]) -> None:
    """Drop the tables of these sinks and forget how far they had come, in one transaction; one that is gone is fine.

    Raises:
        ServiceUnavailable: the server does not answer, or refuses.
    """
    if not sinks:
        return
    schema = naming.sql_name(pipeline)
    try:
        with database.connect(binding, f"meso {schema} removal") as connection, connection.transaction():
            for sink in sinks:
                table = sql.Identifier(schema, naming.sql_name(sink))
                connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(table))
            there = catalogue.observe(connection, schema)
            for name, column, known in (
                (naming.POSITIONS_TABLE, "node", list(sinks)),
                (naming.HISTORY_TABLE, "name", [naming.sql_name(sink) for sink in sinks]),
            ):
                if name in there:
                    statement = sql.SQL("DELETE FROM {} WHERE {} = ANY (%s)")
                    names = sql.Identifier(schema, name), sql.Identifier(column)
                    connection.execute(statement.format(*names), (known,))
    except psycopg.Error as error:
        raise database.unavailable(f"drop the tables of {', '.join(sinks)}", error) from error
    log.info("tables dropped", extra={"sinks": list(sinks)})

"""Rows into one table: COPY straight into it, or past the rows that are there already."""

import logging
from collections.abc import Sequence
from typing import Any

import polars as pl
import psycopg
from psycopg import sql

from mesoscale.contract import ddl
from mesoscale.contract.types import Contract
from mesoscale.plan.types import Table
from mesoscale_streams.sinks import copy_binary, table_partitions

log = logging.getLogger(__name__)

# A table partition of another owner than its table's could not be changed with it.
AS_OWNER = "SELECT set_config('role', pg_get_userbyid(relowner)::text, true) FROM pg_class WHERE oid = %s::regclass"
ROW = "meso_row"  # the row's number in its frame, in the table that finds duplicates


class TableWriter:
    """Knows one table: its columns, its identity and which of its partitions exist."""

    def __init__(self, table: Table, contract: Contract) -> None:
        self._table = table
        self._into = sql.Identifier(table.schema_name, table.name)
        self._columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in contract.columns)
        self.identity = ddl.identity(contract, table.partitions.column if table.partitions else None)
        self._made: set[table_partitions.Period] = set()

    def make_partitions(self, connection: psycopg.Connection[Any], frame: pl.DataFrame) -> None:
        """Make the table partitions that `frame` needs, and the next few after them."""
        if self._table.partitions is None or frame.is_empty():
            return
        by = self._table.partitions
        needed = table_partitions.periods(frame, by.column, by.every)
        if self._made.issuperset(needed):
            return
        wanted = [*needed, *table_partitions.ahead(needed[-1], by.every)]
        missing = [period for period in wanted if period not in self._made]
        with connection.transaction():
            # One maker at a time: two members of the group meet here at the same midnight.
            connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (str(self._into),))
            connection.execute(AS_OWNER, (self._into.as_string(connection),))
            for period in missing:
                connection.execute(table_partitions.create(self._table, period))
        self._made |= set(missing)

    def copy(self, connection: psycopg.Connection[Any], frame: pl.DataFrame, stream: bytes) -> Sequence[int]:
        """Write `frame`, which `stream` encodes, inside the transaction that `connection` is in.

        Returns:
            The rows that were left out since their identity is in the table already, or earlier in the frame.
        """
        try:
            with connection.transaction():  # a savepoint: a duplicate undoes the COPY only
                self._copy_into(connection, self._into, self._columns, stream)
        except psycopg.errors.UniqueViolation:
            return self._copy_past_duplicates(connection, frame)
        return ()

    def _copy_past_duplicates(self, connection: psycopg.Connection[Any], frame: pl.DataFrame) -> list[int]:
        incoming = sql.Identifier("meso_incoming")
        numbered = frame.with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias(ROW))
        connection.execute(
            sql.SQL("CREATE TEMP TABLE {} ON COMMIT DROP AS SELECT {}, 0::bigint AS {} FROM {} LIMIT 0").format(
                incoming, self._columns, sql.Identifier(ROW), self._into
            )
        )
        columns = sql.SQL("{}, {}").format(self._columns, sql.Identifier(ROW))
        self._copy_into(connection, incoming, columns, copy_binary.encode(numbered))
        duplicates = [row for (row,) in connection.execute(self._duplicates(incoming)).fetchall()]
        connection.execute(
            sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {} WHERE NOT {} = ANY(%s)").format(
                self._into, self._columns, self._columns, incoming, sql.Identifier(ROW)
            ),
            (duplicates,),
        )
        return duplicates

    def _duplicates(self, incoming: sql.Identifier) -> sql.Composed:
        identity = sql.SQL(", ").join(sql.Identifier(column) for column in self.identity)
        same = sql.SQL(" AND ").join(
            sql.SQL("t.{} = i.{}").format(sql.Identifier(column), sql.Identifier(column)) for column in self.identity
        )
        return sql.SQL(
            "SELECT {row} FROM (SELECT *, row_number() OVER (PARTITION BY {identity} ORDER BY {row}) AS meso_nth"
            " FROM {incoming}) AS i WHERE meso_nth > 1 OR EXISTS (SELECT FROM {into} AS t WHERE {same}) ORDER BY {row}"
        ).format(row=sql.Identifier(ROW), identity=identity, incoming=incoming, into=self._into, same=same)

    @staticmethod
    def _copy_into(
        connection: psycopg.Connection[Any], into: sql.Identifier, columns: sql.Composable, stream: bytes
    ) -> None:
        statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(into, columns)
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(stream)

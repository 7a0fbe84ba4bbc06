"""Shadow tables: rows of a replay beside a live table, how the two differ, and the one merged into the other.

A shadow has the columns and the identity of its live table and, of rows of one identity, keeps the first, as that does.
Merging is one transaction: rows that are new come in, rows that differ take the shadow's values, all others stay.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from psycopg import sql

from mesoscale import naming
from mesoscale.bindings import PostgreSQL
from mesoscale.contract import ddl
from mesoscale.contract.types import Contract
from mesoscale.plan.types import Table
from mesoscale_streams.sinks import copy_binary, database
from mesoscale_streams.sinks.table import TableWriter

SHOWN = 10  # rows of each kind that are told one by one


@dataclass(frozen=True, slots=True)
class Difference:
    """Rows by identity; `only_in_live` is None where nothing says which rows of the live table belong to the range.

    `examples` are rows as objects: of `different` the identity with, for each column that differs, [live, shadow].
    """

    same: int
    only_in_live: int | None
    only_in_shadow: int
    different: int
    examples: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


class Shadow:
    """One shadow of one live table, in a connection of its own."""

    def __init__(self, binding: PostgreSQL, table: Table, contract: Contract) -> None:
        """Make it, empty.

        Raises:
            psycopg.Error: the server does not answer, or refuses.
        """
        self._table = table
        self._contract = contract
        self.name = naming.shadow_table(table.name, secrets.token_hex(3))
        self.identity = ddl.identity(contract, table.partitions.column if table.partitions else None)
        self._live = sql.Identifier(table.schema_name, table.name)
        self._shadow = sql.Identifier(table.schema_name, self.name)
        self._writer = TableWriter(table.model_copy(update={"name": self.name, "partitions": None}), contract)
        self._writer.identity = self.identity
        self._connection = database.connect(binding, f"meso {table.schema_name} replay")
        with self._connection.transaction():
            self._run("CREATE TABLE {shadow} (LIKE {live} INCLUDING DEFAULTS)")
            if self.identity:
                self._run("ALTER TABLE {shadow} ADD PRIMARY KEY ({identity})")

    def write(self, frame: pl.DataFrame) -> int:
        """Bring rows into it.

        Returns:
            How many were left out since their identity was there already.
        """
        with self._connection.transaction():
            return len(self._writer.copy(self._connection, frame, copy_binary.encode(frame)))

    def rows(self) -> int:
        return int(self._run("SELECT count(*) FROM {shadow}")[0][0])

    def difference(self, whole: bool) -> Difference:
        """How the two differ; `whole`: all that the live table has comes from the range."""
        return self._by_identity(whole) if self.identity else self._by_content(whole)

    def merge(self) -> int:
        """Make the live table equal to the shadow where the shadow has a row.

        Returns:
            The rows that came in or changed.
        """
        self._make_partitions()
        others = self._others()
        what = "DO UPDATE SET {set} WHERE ({theirs}) IS DISTINCT FROM ({news})" if others else "DO NOTHING"
        statement = sql.SQL(
            "INSERT INTO {live} AS l ({columns}) SELECT {columns} FROM {shadow} ON CONFLICT ({identity}) " + what
        ).format(
            live=self._live,
            shadow=self._shadow,
            columns=_names([column.name for column in self._contract.columns]),
            identity=_names(self.identity),
            set=sql.SQL(", ").join(sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(one)) for one in others),
            theirs=_names(others, "l"),
            news=_names(others, "excluded"),
        )
        with self._connection.transaction():
            return self._connection.execute(statement).rowcount

    def drop(self) -> None:
        self._run("DROP TABLE {shadow}")

    def close(self) -> None:
        self._connection.close()

    def _by_identity(self, whole: bool) -> Difference:
        both = "FROM {live} AS l JOIN {shadow} AS s ON {same} WHERE "
        differs = both + "({theirs}) IS DISTINCT FROM ({ours})" if self._others() else both + "false"
        only_live = "FROM {live} AS l WHERE NOT EXISTS (SELECT FROM {shadow} AS s WHERE {same}) AND "
        only_shadow = "FROM {shadow} AS s WHERE NOT EXISTS (SELECT FROM {live} AS l WHERE {same})"
        window = self._window(whole)
        matched, different = self._count(both + "true"), self._count(differs)
        return Difference(
            same=matched - different,
            only_in_live=None if window is None else self._count(only_live + window),
            only_in_shadow=self._count(only_shadow),
            different=different,
            examples={
                "onlyInLive": [] if window is None else self._examples("l", only_live + window),
                "onlyInShadow": self._examples("s", only_shadow),
                "different": [self._told(*pair) for pair in self._pairs(differs)],
            },
        )

    def _by_content(self, whole: bool) -> Difference:
        """Without an identity rows are the same where all of their columns are."""
        window = self._window(whole)
        live = "SELECT {columns} FROM {live} AS l WHERE " + (window or "false")
        shadow = "SELECT {columns} FROM {shadow} AS s"
        only_live, only_shadow = f"FROM ({live} EXCEPT ALL {shadow}) AS l", f"FROM ({shadow} EXCEPT ALL {live}) AS s"
        missing = self._count(only_shadow)
        return Difference(
            same=self.rows() - missing,
            only_in_live=None if window is None else self._count(only_live),
            only_in_shadow=missing,
            different=0,
            examples={
                "onlyInLive": [] if window is None else self._examples("l", only_live),
                "onlyInShadow": self._examples("s", only_shadow),
                "different": [],
            },
        )

    def _window(self, whole: bool) -> str | None:
        """Which rows of the live table belong to the range: those between its first and last event time."""
        if whole:
            return "true"
        if self._contract.event_time is None:
            return None
        return "l.{time} BETWEEN (SELECT min({time}) FROM {shadow}) AND (SELECT max({time}) FROM {shadow})"

    def _others(self) -> list[str]:
        return [column.name for column in self._contract.columns if column.name not in self.identity]

    def _count(self, tail: str) -> int:
        return int(self._run("SELECT count(*) " + tail)[0][0])

    def _examples(self, alias: str, tail: str) -> list[dict[str, Any]]:
        return [row for (row,) in self._run(f"SELECT to_jsonb({alias}) {tail} LIMIT {SHOWN}")]

    def _pairs(self, tail: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        return [(live, shadow) for live, shadow in self._run(f"SELECT to_jsonb(l), to_jsonb(s) {tail} LIMIT {SHOWN}")]

    def _told(self, live: dict[str, Any], shadow: dict[str, Any]) -> dict[str, Any]:
        changed = {name: [live[name], shadow[name]] for name in self._others() if live[name] != shadow[name]}
        return {name: live[name] for name in self.identity} | changed

    def _make_partitions(self) -> None:
        by = self._table.partitions
        if by is None:
            return
        statement = sql.SQL("SELECT DISTINCT date_trunc('day', {}::timestamptz, 'UTC') FROM {}")
        days = self._connection.execute(statement.format(sql.Identifier(by.column), self._shadow)).fetchall()
        frame = pl.DataFrame({by.column: [day for (day,) in days]}, schema={by.column: pl.Datetime("us", "UTC")})
        TableWriter(self._table, self._contract).make_partitions(self._connection, frame)

    def _run(self, statement: str) -> Sequence[tuple[Any, ...]]:
        """A statement with `{live}`, `{shadow}` and the columns of both in its place."""
        others = self._others()
        done = self._connection.execute(
            sql.SQL(statement).format(
                live=self._live,
                shadow=self._shadow,
                columns=_names([column.name for column in self._contract.columns]),
                identity=_names(self.identity),
                same=sql.SQL(" AND ").join(sql.SQL("l.{0} = s.{0}").format(sql.Identifier(n)) for n in self.identity),
                theirs=_names(others, "l"),
                ours=_names(others, "s"),
                time=sql.Identifier(self._contract.event_time or ""),
            )
        )
        return done.fetchall() if done.description else ()


def drop_all(binding: PostgreSQL, table: Table) -> list[str]:
    """Drop every shadow of a table and tell their names.

    Raises:
        psycopg.Error: the server does not answer, or refuses.
    """
    begin = naming.shadow_table(table.name, "")
    with database.connect(binding, f"meso {table.schema_name} replay") as connection:
        found = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = %s AND starts_with(tablename, %s) ORDER BY 1",
            (table.schema_name, begin),
        ).fetchall()
        for (name,) in found:
            connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(table.schema_name, name)))
    return [name for (name,) in found]


def positions(binding: PostgreSQL, table: Table) -> dict[int, int]:
    """Partition → up to where the live sink of a table has read.

    Raises:
        psycopg.Error: the server does not answer, or refuses.
    """
    with database.connect(binding, f"meso {table.schema_name} replay") as connection:
        statement = sql.SQL("SELECT partition, next_offset FROM {} WHERE node = %s").format(
            sql.Identifier(table.schema_name, naming.POSITIONS_TABLE)
        )
        return {int(partition): int(at) for partition, at in connection.execute(statement, (table.sink,)).fetchall()}


def _names(names: Sequence[str], alias: str = "") -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(alias, name) if alias else sql.Identifier(name) for name in names)

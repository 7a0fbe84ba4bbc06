"""Tables as PostgreSQL has them: made again and again, cut by time, found by index, and each identity once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import psycopg
import pytest

from mesoscale import bindings
from mesoscale.contract import ddl
from mesoscale.contract.catalogue import OBSERVATION
from mesoscale.contract.types import Column, Contract
from mesoscale.plan import tables as planned
from mesoscale.plan.types import Table, TablePartitions
from mesoscale_local.services.postgres import connect
from mesoscale_streams.records.schema import polars_schema
from mesoscale_streams.sinks import copy_binary
from mesoscale_streams.sinks.migration import migrate
from mesoscale_streams.sinks.table import TableWriter
from mesoscale_streams.sinks.table_shape import Wanted

START = datetime(2024, 2, 27, tzinfo=UTC)


def table(schema: str, contract: Contract = OBSERVATION) -> Table:
    return Table(
        sink="obs",
        schema_name=schema,
        name="obs",
        contract=contract.name,
        partitions=TablePartitions(column="observed_at", every="1d"),
        statements=(
            *ddl.create_table(contract, schema, "obs", ("observed_at", "1d"), [("station", "observed_at")]),
            *our_own(schema),
        ),
    )


def our_own(schema: str) -> tuple[str, str]:
    return planned.positions_table(schema), planned.history_table(schema)


def make(postgres: bindings.PostgreSQL, one: Table, contract: Contract = OBSERVATION) -> None:
    indexes = (ddl.index_name(one.name, ("station", "observed_at")),)
    migrate(postgres, [Wanted(one, contract, indexes)], adopt=False, patience=30)


def frame(hours: range, station: str = "JFK", contract: Contract = OBSERVATION) -> pl.DataFrame:
    rows = [{"station": station, "observed_at": START + timedelta(hours=hour), "temperature": 1.5} for hour in hours]
    return pl.DataFrame(rows, schema=polars_schema(contract))


def write(connection: psycopg.Connection[Any], writer: TableWriter, rows: pl.DataFrame) -> list[int]:
    writer.make_partitions(connection, rows)
    with connection.transaction():
        return list(writer.copy(connection, rows, copy_binary.encode(rows)))


@pytest.fixture
def database(postgres: bindings.PostgreSQL) -> Iterator[psycopg.Connection[Any]]:
    with connect(postgres) as connection:
        connection.autocommit = True
        yield connection


def count(connection: psycopg.Connection[Any], schema: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {schema}.obs".encode()).fetchone()
    assert row is not None
    return int(row[0])


def test_making_a_table_again_changes_nothing(postgres: bindings.PostgreSQL, database: psycopg.Connection[Any]) -> None:
    make(postgres, table("again"))
    write(database, TableWriter(table("again"), OBSERVATION), frame(range(30)))
    make(postgres, table("again"))
    assert count(database, "again") == 30


def test_a_later_version_brings_an_older_table_up_to_date_and_keeps_its_rows(
    postgres: bindings.PostgreSQL, database: psycopg.Connection[Any]
) -> None:
    later = OBSERVATION.model_copy(
        update={"version": 2, "columns": (*OBSERVATION.columns, Column(name="snow", type="float64", nullable=True))}
    )
    make(postgres, table("older"))
    write(database, TableWriter(table("older"), OBSERVATION), frame(range(5)))
    for _ in range(2):
        make(postgres, table("older", later), later)
    write(database, TableWriter(table("older", later), later), frame(range(5, 9), contract=later))
    assert count(database, "older") == 9
    assert database.execute("SELECT DISTINCT snow FROM older.obs").fetchall() == [(None,)]


def pair(name: str, columns: tuple[str, ...]) -> Wanted:
    contract = Contract(name="pair", columns=tuple(Column(name=column, type="string") for column in columns))
    statements = (*ddl.create_table(contract, "alike", name, indexes=[columns]), *our_own("alike"))
    table = Table(sink=name, schema_name="alike", name=name, contract="pair", partitions=None, statements=statements)
    return Wanted(table, contract, (ddl.index_name(name, columns),))


TWO = [pair("a", ("b_c",)), pair("a_b", ("c",))]
INDEXES = "SELECT tablename, indexname FROM pg_indexes WHERE tablename IN ('a', 'a_b') ORDER BY 1, 2"


def test_tables_whose_indexes_were_of_one_name_get_one_each_and_what_is_there_is_kept(
    postgres: bindings.PostgreSQL, database: psycopg.Connection[Any]
) -> None:
    migrate(postgres, TWO, adopt=False, patience=30)
    database.execute('DROP INDEX alike."a$b_c$idx"; ALTER INDEX alike."a_b$c$idx" RENAME TO a_b_c_idx')
    database.execute("CREATE INDEX by_hand ON alike.a (b_c)")
    [(before,)] = database.execute("SELECT 'alike.a_b_c_idx'::regclass::oid").fetchall()
    for _ in range(2):
        migrate(postgres, TWO, adopt=False, patience=30)
    assert database.execute(INDEXES).fetchall() == [("a", "a$b_c$idx"), ("a", "by_hand"), ("a_b", "a_b$c$idx")]
    assert database.execute("SELECT 'alike.\"a_b$c$idx\"'::regclass::oid").fetchall() == [(before,)]


def test_rows_meet_their_partition_and_the_next_three_are_there(
    postgres: bindings.PostgreSQL, database: psycopg.Connection[Any]
) -> None:
    make(postgres, table("cut"))
    write(database, TableWriter(table("cut"), OBSERVATION), frame(range(72)))
    made = database.execute(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = 'cut.obs'::regclass ORDER BY 1"
    ).fetchall()
    days = ("02_27", "02_28", "02_29", "03_01", "03_02", "03_03")
    assert [name for (name,) in made] == [f"obs_p2024_{day}" for day in days]
    assert database.execute("SELECT count(*) FROM cut.obs_p2024_02_29").fetchall() == [(24,)]


def test_a_question_about_a_station_and_a_day_uses_the_index_of_one_partition(
    postgres: bindings.PostgreSQL, database: psycopg.Connection[Any]
) -> None:
    make(postgres, table("asked"))
    writer = TableWriter(table("asked"), OBSERVATION)
    for number in range(60):
        write(database, writer, frame(range(480), f"S{number:02}"))
    database.execute("ANALYZE asked.obs")
    lines = database.execute(
        "EXPLAIN SELECT * FROM asked.obs WHERE station = 'S07'"
        " AND observed_at >= '2024-03-01T00:00Z' AND observed_at < '2024-03-02T00:00Z'"
    ).fetchall()
    plan = "\n".join(line for (line,) in lines)
    assert "Index" in plan
    assert "obs_p2024_03_01" in plan
    assert "obs_p2024_03_02" not in plan, "other partitions are left out"


def test_an_identity_that_is_there_already_is_left_out_and_told(
    postgres: bindings.PostgreSQL, database: psycopg.Connection[Any]
) -> None:
    make(postgres, table("twice"))
    writer = TableWriter(table("twice"), OBSERVATION)
    assert write(database, writer, frame(range(10))) == []
    again = pl.concat([frame(range(8, 12)), frame(range(11, 13))])
    assert write(database, writer, again) == [0, 1, 4]
    assert count(database, "twice") == 13


def test_numbers_texts_and_times_arrive_as_they_were(
    postgres: bindings.PostgreSQL, database: psycopg.Connection[Any]
) -> None:
    make(postgres, table("kept"))
    moment = datetime(2024, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC)
    row = {"station": "Ö|'\"\\", "observed_at": moment, "temperature": -0.1, "pressure": None}
    write(database, TableWriter(table("kept"), OBSERVATION), pl.DataFrame([row], schema=polars_schema(OBSERVATION)))
    found = database.execute("SELECT station, observed_at, temperature, pressure FROM kept.obs").fetchall()
    assert found == [("Ö|'\"\\", moment, -0.1, None)]

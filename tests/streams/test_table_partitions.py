"""Rows find their table partition, and the next ones are there before they are needed."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from mesoscale.plan.types import Table, TablePartitions
from mesoscale_streams.sinks import table_partitions
from mesoscale_streams.sinks.table_partitions import Period


def frame(*times: datetime) -> pl.DataFrame:
    return pl.DataFrame({"at": times}, schema={"at": pl.Datetime("us", "UTC")})


@pytest.mark.parametrize(
    ("every", "starts"),
    [
        ("1d", [date(2023, 12, 31), date(2024, 1, 1), date(2024, 2, 29)]),
        ("1mo", [date(2023, 12, 1), date(2024, 1, 1), date(2024, 2, 1)]),
        ("1y", [date(2023, 1, 1), date(2024, 1, 1)]),
    ],
)
def test_the_periods_of_rows(every: str, starts: list[date]) -> None:
    rows = frame(
        datetime(2024, 2, 29, 12, tzinfo=UTC),
        datetime(2023, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2024, 1, 1, tzinfo=UTC),
    )
    assert [period.start for period in table_partitions.periods(rows, "at", every)] == starts


@pytest.mark.parametrize(
    ("every", "last", "after"),
    [
        ("1d", date(2024, 2, 28), [date(2024, 2, 29), date(2024, 3, 1)]),
        ("1mo", date(2024, 11, 1), [date(2024, 12, 1), date(2025, 1, 1)]),
        ("1y", date(2024, 1, 1), [date(2025, 1, 1), date(2026, 1, 1)]),
    ],
)
def test_the_periods_ahead_join_without_a_gap(every: str, last: date, after: list[date]) -> None:
    here = Period(last, table_partitions.following(last, every))
    ahead = list(table_partitions.ahead(here, every, 2))
    assert [period.start for period in ahead] == after
    assert ahead[0].start == here.end
    assert ahead[0].end == ahead[1].start


def test_the_statement_names_the_partition_by_its_period() -> None:
    table = Table(
        sink="obs",
        schema_name="nyc",
        name="obs",
        contract="observation",
        partitions=TablePartitions(column="at", every="1mo"),
        statements=(),
    )
    assert table_partitions.create(table, Period(date(2013, 1, 1), date(2013, 2, 1))) == (
        'CREATE TABLE IF NOT EXISTS "nyc"."obs_p2013_01" PARTITION OF "nyc"."obs" '
        "FOR VALUES FROM ('2013-01-01 00:00:00+00') TO ('2013-02-01 00:00:00+00')"
    )

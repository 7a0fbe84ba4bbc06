"""Which table partitions rows need, and the statements that make them. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from mesoscale import naming
from mesoscale.plan.types import Table

AHEAD = 3  # partitions made after the newest that rows need, so that the next ones are there when midnight comes

_NAME = {"1d": "%Y-%m-%d", "1mo": "%Y-%m", "1y": "%Y"}


@dataclass(frozen=True, slots=True)
class Period:
    """One partition's time: from `start` (inclusive) to `end` (exclusive), at midnight UTC."""

    start: date
    end: date


def periods(frame: pl.DataFrame, column: str, every: str) -> list[Period]:
    """The periods that the rows of `frame` fall into, in order."""
    starts = frame.select(pl.col(column).dt.truncate(every).dt.date().unique().sort()).to_series().to_list()
    return [Period(start, following(start, every)) for start in starts]


def ahead(last: Period, every: str, number: int = AHEAD) -> Iterator[Period]:
    """The `number` periods after `last`."""
    start = last.end
    for _ in range(number):
        end = following(start, every)
        yield Period(start, end)
        start = end


def following(start: date, every: str) -> date:
    """The start of the next period.

    Raises:
        ValueError: `every` is none of 1d, 1mo, 1y.
    """
    if every == "1d":
        return start + timedelta(days=1)
    if every == "1mo":
        return date(start.year + start.month // 12, start.month % 12 + 1, 1)
    if every == "1y":
        return date(start.year + 1, 1, 1)
    raise ValueError(f'"{every}" is none of 1d, 1mo, 1y')


def create(table: Table, period: Period) -> str:
    """The statement that makes one partition."""
    assert table.partitions is not None
    name = naming.table_partition(table.name, period.start.strftime(_NAME[table.partitions.every]))
    return (
        f'CREATE TABLE IF NOT EXISTS "{table.schema_name}"."{name}" '
        f'PARTITION OF "{table.schema_name}"."{table.name}" '
        f"FOR VALUES FROM ('{period.start} 00:00:00+00') TO ('{period.end} 00:00:00+00')"
    )

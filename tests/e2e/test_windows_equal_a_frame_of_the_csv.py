"""examples/windows.yaml, run as a user runs it: its tables equal what Polars makes of the CSV, loops of payments.

The expected side reads `weather.csv` with conversions of its own and groups it at once; it knows nothing of batches,
state or watermarks, but for which days and spells must be final: those that the last record of their partition is past.
"""

import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import plain_stages as plain
import polars as pl
import pytest
from fix_finished import Finished
from plain_stages import Record

from mesoscale.model.source import Synthetic
from mesoscale_streams.sources.synthetic import Payments

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(600)  # the first test waits for the run

EXAMPLE = ROOT / "examples" / "windows.yaml"
PARTITIONS = 6


@pytest.fixture(scope="module")
def ran(finished: Callable[[Path], Finished]) -> Finished:
    return finished(EXAMPLE)


@pytest.fixture(scope="module")
def weather(good_weather: pl.DataFrame) -> pl.DataFrame:
    return good_weather.select(
        station="origin",
        partition=pl.col("origin").map_elements(partition, return_dtype=pl.Int64),
        at="at",
        celsius=(pl.col("temp") - 32) / 1.8,
        millimetres=pl.col("precip").cast(pl.Float64) * 25.4,
        wind=pl.col("wind_speed") * 0.44704,
        pressure=pl.col("pressure").cast(pl.Float64),
    )


@pytest.fixture(scope="module")
def made() -> pl.DataFrame:
    """The example's payments in the order of arrival; `at` is in microseconds."""
    section = Synthetic(per_second=500, count=10_000, seed=7, accounts=50, start="2024-03-01T00:00:00Z")
    values = [value for batch in Payments(section, datetime.now(UTC)).batches(None, 1000) for value in batch.values]
    return pl.read_ndjson(b"\n".join(values), infer_schema_length=None).with_columns(
        at=pl.col("occurred_at").str.to_datetime(time_unit="us", time_zone="UTC").dt.epoch("us")
    )


def partition(station: str) -> int:
    return zlib.crc32(station.encode()) % PARTITIONS


def ends(frame: pl.DataFrame) -> pl.DataFrame:
    """The last time in each partition, beside each of its records."""
    return frame.with_columns(last=pl.col("at").max().over("partition"))


def rows(ran: Finished, columns: str, table: str, order: str) -> list[tuple[Any, ...]]:
    return ran.database.execute(f"SELECT {columns} FROM windows.{table} ORDER BY {order}").fetchall()


def test_days_equal_those_of_a_frame(ran: Finished, weather: pl.DataFrame) -> None:
    day = pl.col("at").dt.truncate("1d")
    expected = (
        ends(weather)
        .filter(day + timedelta(days=1) <= pl.col("last"))
        .sort("at")
        .group_by("station", day.alias("start"))
        .agg(
            pl.len(),
            pl.col("celsius").min().alias("coldest"),
            pl.col("celsius").max().alias("warmest"),
            pl.col("celsius").mean().alias("mean"),
            pl.col("millimetres").sum().alias("rain"),
            pl.col("pressure").drop_nulls().last().alias("pressure"),
        )
        .sort("station", "start")
    )
    columns = "station, window_start, observations, coldest, warmest, mean_temperature, rain, last_pressure"
    found = rows(ran, columns, "day_table", "station, window_start")
    assert len(found) == expected.height > 1080
    assert ran.report["nodes"]["days"] == {
        "read": 26_114,
        "accepted": 26_114,
        "rejected": 0,
        "late": 0,
        "produced": len(found),
    }
    for row, wanted in zip(found, expected.rows(), strict=True):
        assert row[:3] == wanted[:3]
        assert row[3:] == pytest.approx(wanted[3:], abs=1e-6)


def test_spells_of_rain_equal_those_of_a_frame(ran: Finished, weather: pl.DataFrame) -> None:
    begins = (pl.col("at").diff() > timedelta(hours=3)).fill_null(True)
    expected = (
        ends(weather.filter(pl.col("millimetres") > 0))
        .sort("station", "at")
        .with_columns(spell=begins.cum_sum().over("station"))
        .group_by("station", "spell", maintain_order=True)
        .agg(
            pl.col("at").min().alias("start"),
            pl.col("at").max().alias("end"),
            pl.len(),
            pl.col("millimetres").sum(),
            pl.col("wind").max(),
            pl.col("last").first(),
        )
        .filter(pl.col("end") + timedelta(hours=3) < pl.col("last"))
        .drop("spell", "last")
    )
    columns = "station, session_start, session_end, hours, rain, strongest_wind"
    found = rows(ran, columns, "spell_table", "station, session_start")
    assert len(found) == expected.height > 300
    for row, wanted in zip(found, expected.rows(), strict=True):
        assert row[:4] == wanted[:4]
        assert row[4:] == pytest.approx(wanted[4:], abs=1e-5)


def test_each_payment_knows_what_its_account_did_before(ran: Finished, made: pl.DataFrame) -> None:
    second = 1_000_000
    telling: dict[str, tuple[int, str, str | None]] = {
        "payments_1s": (second, "count", None),
        "spent_10s": (10 * second, "sum", "number"),
        "largest_10s": (10 * second, "max", "number"),
    }
    expected = {}
    for (account,), theirs in made.group_by("account", maintain_order=True):
        records = [Record(str(account), at, amount) for at, amount in theirs.select("at", "amount").rows()]
        told, late = plain.rolling(records, telling, lateness=0, disorder=2 * second)
        assert late == []
        for identity, row in zip(theirs["transaction_id"], told, strict=True):
            expected[identity] = tuple(row[name] for name in telling)
    found = rows(ran, f"transaction_id, {', '.join(telling)}", "recent_payments", "transaction_id")
    assert {identity: tuple(features) for identity, *features in found} == expected
    assert max(payments for payments, _, _ in expected.values()) > 10


def test_the_ledger_closes_over_stages_that_remember(ran: Finished, made: pl.DataFrame) -> None:
    assert ran.report["ledger"] == "closed"
    pace = ran.report["nodes"]["pace"]
    assert (pace["read"], pace["accepted"], pace["late"]) == (10_000, 10_000, 0)
    # Each window that a payment is in was told at least once, and at most once with each payment.
    windows = {(row[0], row[1] // 1_000_000 - back) for row in made.select("account", "at").rows() for back in range(5)}
    assert len(windows) <= pace["produced"] <= 5 * 10_000

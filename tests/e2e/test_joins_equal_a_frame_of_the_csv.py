"""examples/joins.yaml, run as a user runs it: its tables equal what Polars joins of the CSV at once."""

import zlib
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from fix_finished import Finished

pytestmark = pytest.mark.timeout(600)  # the first test waits for the run

EXAMPLE = Path(__file__).parents[2] / "examples" / "joins.yaml"
PARTITIONS = 6
NAMES = {"EWR": "Newark Liberty Intl", "JFK": "John F Kennedy Intl", "LGA": "La Guardia"}


@pytest.fixture(scope="module")
def ran(finished: Callable[[Path], Finished]) -> Finished:
    return finished(EXAMPLE)


@pytest.fixture(scope="module")
def weather(good_weather: pl.DataFrame) -> pl.DataFrame:
    return good_weather.select(
        station="origin",
        at="at",
        rain=pl.col("precip") > 0,
        wind=pl.col("wind_speed") * 0.44704 >= 8,
    )


def rows(ran: Finished, columns: str, table: str) -> list[tuple[Any, ...]]:
    return ran.database.execute(f"SELECT {columns} FROM joins.{table}").fetchall()


def test_rain_meets_wind_as_in_a_frame(ran: Finished, weather: pl.DataFrame) -> None:
    rain, wind = weather.filter("rain"), weather.filter("wind").select("station", other="at")
    near = (pl.col("other") - pl.col("at")).is_between(timedelta(hours=-2), timedelta(hours=1))
    pairs = rain.join(wind, on="station").filter(near).select("station", "at", "other")
    met = set(pairs.select("station", "at").rows())
    # Whoever met none goes on alone once the last hour of rain and the last of wind in the partition are past it.
    last: dict[int, Any] = {}
    for station in NAMES:
        ends = [
            frame.filter(pl.col("station") == station)["at"].max() for frame in (rain, wind.rename({"other": "at"}))
        ]
        last.setdefault(partition(station), []).append(ends)
    past = {number: min(map(max, zip(*ends, strict=True))) for number, ends in last.items()}  # type: ignore[type-var]
    alone = [
        (station, at, None)
        for station, at in rain.select("station", "at").rows()
        if (station, at) not in met and at + timedelta(hours=1) < past[partition(station)]
    ]
    found = Counter(rows(ran, "station, observed_at, windy_observed_at", "storm_table"))
    assert found == Counter([*pairs.rows(), *alone])
    assert (pairs.height > 1000, len(alone) > 500) == (True, True)


def partition(station: str) -> int:
    return zlib.crc32(station.encode()) % PARTITIONS


def test_each_observation_knows_its_station_from_when_that_was_there(ran: Finished, weather: pl.DataFrame) -> None:
    found = rows(ran, "station, stations_name", "placed_table")
    assert len(found) == weather.height == 26_114
    known = [(station, name) for station, name in found if name is not None]
    assert {name == NAMES[station] for station, name in known} == {True}
    assert len(known) > 25_000  # the first records of both topics race


def test_the_ledger_closes_over_stages_of_two_topics(ran: Finished) -> None:
    assert ran.report["ledger"] == "closed"
    assert ran.report["nodes"]["placed"]["read"] == 26_114 + 3

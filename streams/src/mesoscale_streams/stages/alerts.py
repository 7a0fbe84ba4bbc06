"""The built-in step `alerts`: of scored records those that are flagged go on."""

import polars as pl


def alerts(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows whose column `alert` is true."""
    return frame.filter(pl.col("alert"))

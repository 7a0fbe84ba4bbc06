"""What is remembered of an account: its last payments in rings, and what all of them add up to.

Every column has a fixed width, one row an account, so any columnar table can keep it. Everything that adds up is a
whole number: sums of those do not depend on how a stream is cut into batches, sums of floats do.
"""

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

RING = 64  # payments of an account that are remembered one by one
LOG_STEPS = 4096  # logarithms of amounts are kept in steps of 1 / LOG_STEPS
VERSION = 1  # of the columns and of what they mean

COLUMNS = pl.Schema(
    {
        "seen": pl.Int64(),  # payments so far
        "log_sum": pl.Int64(),  # of the amounts' logarithms, in steps
        "log_squares": pl.Int64(),
        "last_at": pl.Int64(),  # µs since 1970, of the payment that arrived last
        "last_amount": pl.Int64(),
        "last_latitude": pl.Float64(),
        "last_longitude": pl.Float64(),
        "session_at": pl.Int64(),  # when the payment session began, µs since 1970
        "session_count": pl.Int64(),
        # Rings: payment number n, counted from 0, is at n % RING. 0 is in a place that no payment has taken yet.
        "times": pl.Array(pl.UInt32(), RING),  # s since 1970
        "amounts": pl.Array(pl.Int32(), RING),
        "merchants": pl.Array(pl.UInt16(), RING),  # short hashes
        "devices": pl.Array(pl.UInt16(), RING),
        "countries": pl.Array(pl.UInt16(), RING),
    }
)
RINGS = tuple(name for name, dtype in COLUMNS.items() if isinstance(dtype, pl.Array))
SINGLES = tuple(name for name in COLUMNS if name not in RINGS)

Memory = dict[str, NDArray[Any]]
"""COLUMNS as numpy arrays of one length; rings have two dimensions."""

_DTYPES: dict[str, Any] = {
    "times": np.uint32,
    "amounts": np.int32,
    "merchants": np.uint16,
    "devices": np.uint16,
    "countries": np.uint16,
    "last_latitude": np.float64,
    "last_longitude": np.float64,
}


def empty(accounts: int) -> Memory:
    """What is known of so many accounts that have never paid."""
    return {
        name: np.zeros((accounts, RING) if name in RINGS else accounts, _DTYPES.get(name, np.int64)) for name in COLUMNS
    }


def of(frame: pl.DataFrame) -> Memory:
    """From a frame with COLUMNS; a row of nulls is an account that has never paid.

    The arrays may share the frame's memory and are not to be written to.
    """
    memory: Memory = {}
    for name, dtype in COLUMNS.items():
        column = frame[name]
        if column.null_count():
            filling = pl.lit([0] * RING, dtype) if name in RINGS else pl.lit(0, dtype)
            column = frame.select(pl.col(name).fill_null(filling)).to_series()
        memory[name] = column.to_numpy()
    return memory


def frame(memory: Memory) -> pl.DataFrame:
    """As a frame with COLUMNS."""
    return pl.DataFrame([pl.Series(name, memory[name], dtype) for name, dtype in COLUMNS.items()])

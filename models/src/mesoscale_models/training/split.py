"""A history cut by time: the first part to learn from, the middle to calibrate, the end to judge."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

TRAIN, CALIBRATE = 0.6, 0.8  # of the history's payments are before these two moments

# How long a history has to be for a feature to mean in it what it will mean in a stream that goes on for weeks. In half
# an hour the hour of the day only tells where a place is.
DAY = 86_400.0
LEAST = {
    "hour": 2 * DAY,
    "count_24h": 2 * DAY,
    "sum_24h": 2 * DAY,
    "count_1h": 7200.0,
    "sum_1h": 7200.0,
    "session_count": 7200.0,
    "session_seconds": 7200.0,
}  # seconds


@dataclass(frozen=True, slots=True)
class Split:
    """Which payments are in which part; a payment is in one."""

    train: NDArray[np.bool_]
    calibrate: NDArray[np.bool_]
    test: NDArray[np.bool_]
    moments: tuple[str, str]  # when the second part begins, and the third
    seconds: float  # that the whole history covers

    @property
    def too_short_for(self) -> list[str]:
        """Features that this history is too short to teach."""
        return [name for name, least in LEAST.items() if self.seconds < least]


def by_time(occurred_at: pl.Series) -> Split:
    """By event time: nothing in a part is older than anything in the part before it."""
    at = occurred_at.dt.epoch("us").to_numpy()
    first, second = np.quantile(at, [TRAIN, CALIBRATE], method="higher")
    moments = pl.Series([first, second]).cast(pl.Datetime("us", "UTC")).dt.to_string("iso:strict").to_list()
    span = float(at.max() - at.min()) / 1e6
    return Split(at < first, (at >= first) & (at < second), at >= second, (moments[0], moments[1]), span)

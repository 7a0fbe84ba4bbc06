"""When records are due: event times as seconds since opening, and batches of what is due together."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

TICK = 0.1  # seconds; records due within one travel together, so the first of them is at most this late


def offsets(event_seconds: NDArray[np.float64], speed: float) -> NDArray[np.float64]:
    """Event times (seconds, any zero) as seconds after the first of them at `speed` event seconds per second.

    A record never goes out before the one in front of it, so an event time that steps back is due with its
    predecessor.
    """
    if event_seconds.size == 0:
        return event_seconds
    due: NDArray[np.float64] = np.maximum.accumulate((event_seconds - event_seconds[0]) / speed)
    return due


def cuts(due: NDArray[np.float64], max_records: int) -> Iterator[tuple[int, int]]:
    """(start, end) of batches: records of one tick together, at most `max_records` each.

    `due` must not fall (see `offsets`).
    """
    ticks = np.floor(due / TICK)
    edges = np.flatnonzero(np.diff(ticks)) + 1
    bounds = [0, *edges.tolist(), due.size]
    for first, last in pairwise(bounds):
        for start in range(first, last, max_records):
            yield start, min(start + max_records, last)

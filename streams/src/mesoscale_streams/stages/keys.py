"""Numbers in place of keys, and in place of keys with times, so that one sort or search does for all keys at once."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from mesoscale_streams.stages.stateful import PARTITION
from mesoscale_streams.stages.watermarks import Ints, Partitions

_NUMBER = ".key"
_ROOM = 1 << 62


def numbered(
    frames: Sequence[pl.DataFrame], by: Sequence[str], partitions: Sequence[Partitions]
) -> tuple[pl.DataFrame, list[Ints]]:
    """The keys in all frames, with their partition, in the order of their first record; and for each frame the numbers
    of its records' keys, which are rows of the former."""
    parts = [frame.select(*by, pl.Series(PARTITION, theirs)) for frame, theirs in zip(frames, partitions, strict=True)]
    whole = pl.concat(parts)
    keys = whole.unique(maintain_order=True)
    counted = keys.with_columns(pl.Series(_NUMBER, np.arange(keys.height)))
    numbers = whole.join(counted, on=[*by, PARTITION], how="left", maintain_order="left")[_NUMBER].to_numpy()
    return keys, np.split(numbers, np.cumsum([frame.height for frame in frames])[:-1])


def placed(*marks: tuple[Ints, Ints]) -> list[Ints]:
    """Pairs of key and time as one number each, which stand to each other as the pairs do: first by key, then by time.

    Args:
        marks: arrays of keys (numbers from 0), and of times beside them.
    """
    full = [(keys, times) for keys, times in marks if len(keys)]
    low = min((int(times.min()) for _, times in full), default=0)
    width = max((int(times.max()) for _, times in full), default=0) - low + 1
    if (1 + max((int(keys.max()) for keys, _ in full), default=0)) * width < _ROOM:
        return [keys * width + (times - low) for keys, times in marks]
    ranks = np.unique(np.concatenate([times for _, times in marks]))  # times so far apart that only their order fits
    return [keys * len(ranks) + np.searchsorted(ranks, times) for keys, times in marks]

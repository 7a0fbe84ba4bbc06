"""Numbers in place of keys: what is the same in all columns of a key, in one partition, has the same number."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from mesoscale_streams.stages.stateful import PARTITION
from mesoscale_streams.stages.watermarks import Ints, Partitions

_NUMBER = ".key"


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

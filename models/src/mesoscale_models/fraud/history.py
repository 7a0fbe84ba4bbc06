"""Features of a stream from its beginning: memory of every account that has been met, batch after batch."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mesoscale_models.fraud import features, memory

CHUNK = 16_384  # payments at a time: each has copies of its account's rings, 900 bytes


class Accounts:
    """What is remembered of each account, in this process only."""

    def __init__(self) -> None:
        self._known = pl.DataFrame(schema={"account": pl.String, "row": pl.Int64})
        self._memory = memory.empty(0)

    def extract(self, frame: pl.DataFrame) -> NDArray[np.float32]:
        """Features of the next payments; they are remembered."""
        batch = frame.select("account").unique(maintain_order=True).join(self._known, on="account", how="left")
        fresh = batch.filter(pl.col("row").is_null()).select("account")
        self._grow(fresh)
        batch = batch.select("account").join(self._known, on="account", how="left", maintain_order="left")
        rows = batch["row"].to_numpy()
        places = frame.select("account").join(batch.with_row_index("place"), on="account", maintain_order="left")
        before = {name: column[rows] for name, column in self._memory.items()}
        found, after = features.extract(frame, places["place"].to_numpy().astype(np.intp), before)
        for name, column in after.items():
            self._memory[name][rows] = column
        return found

    def _grow(self, fresh: pl.DataFrame) -> None:
        """Room for accounts that are met for the first time; doubled, so that little is copied."""
        first, wanted = self._known.height, self._known.height + fresh.height
        rows = pl.Series("row", np.arange(first, wanted))
        self._known = pl.concat([self._known, fresh.with_columns(rows)])
        room = self._memory["seen"].size
        if wanted > room:
            more = memory.empty(max(wanted, 2 * room) - room)
            self._memory = {name: np.concatenate([self._memory[name], more[name]]) for name in self._memory}


def extract(frame: pl.DataFrame, chunk: int = CHUNK) -> NDArray[np.float32]:
    """Features of a whole history, in the order of arrival, from accounts of which nothing is known."""
    accounts = Accounts()
    parts = [accounts.extract(frame.slice(start, chunk)) for start in range(0, frame.height, chunk)]
    return np.concatenate(parts) if parts else np.zeros((0, len(features.NAMES)), np.float32)

"""A stage's state alone: what a record costs where 10,000 to 10,000,000 keys are known; and what it costs to restore.

    python -m loadtest.bench.state [KEYS ...]        → one line for each number of keys

Each record finds its key by text, reads two numbers, writes them, and asks for what has changed, in batches of 10,000
over 6 partitions, as a stage does. Microseconds of processor.
"""

import sys
import time

import numpy as np
import polars as pl

from loadtest.bench.traffic import BATCH
from mesoscale_streams.state.spec import StateSpec
from mesoscale_streams.state.table import StateTable

KEYS = (10_000, 100_000, 1_000_000, 10_000_000)
PARTITIONS = 6
BATCHES = 50
SPEC = StateSpec(("account",), pl.Schema({"account": pl.String(), "payments": pl.Int64(), "spent": pl.Float64()}))


def batch(chosen: np.ndarray) -> tuple[np.ndarray, pl.DataFrame]:
    """Partitions and keys of these accounts."""
    return (chosen % PARTITIONS).astype(np.int32), pl.DataFrame({"account": pl.Series(chosen).cast(pl.String)})


def turn(table: StateTable, partitions: np.ndarray, keys: pl.DataFrame) -> None:
    """What a stage does with a batch."""
    rows = np.unique(table.insert(partitions, keys))
    held = table.read(rows, ["payments", "spent"])
    table.write(rows, held.select(pl.col("payments").fill_null(0) + 1, pl.col("spent").fill_null(0.0) + 0.5))
    table.changes()


def measure(keys: int) -> tuple[float, float, float, StateTable]:
    """Microseconds a record to fill the table and to go on with it, seconds of its slowest batch, and the table."""
    table, order = StateTable(SPEC, seed=1), np.random.default_rng(1).permutation(keys)
    longest, began = 0.0, time.process_time()
    for start in range(0, keys, BATCH):
        one = time.process_time()
        turn(table, *batch(order[start : start + BATCH]))
        longest = max(longest, time.process_time() - one)
    filled = time.process_time() - began
    batches = [batch(np.random.default_rng(number).integers(0, keys, BATCH)) for number in range(BATCHES)]
    began = time.process_time()
    for one_batch in batches:
        turn(table, *one_batch)
    return filled / keys * 1e6, (time.process_time() - began) / (BATCHES * BATCH) * 1e6, longest, table


def main(sizes: list[int]) -> None:
    for keys in sizes:
        filling, going_on, longest, table = measure(keys)
        size = table.nbytes / keys
        print(
            f"{keys:>12,} keys: {going_on:.3f} µs/record, while filling {filling:.3f}; "
            f"slowest batch {longest:.2f} s; {size:.0f} bytes/key",
            flush=True,
        )


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or list(KEYS))

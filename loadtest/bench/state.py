"""A stage's state alone: what a record costs where 10,000 to 10,000,000 keys are known; and what it costs to restore.

    python -m loadtest.bench.state [KEYS ...]        → a table, loadtest/results/state.{json,png}

Each record finds its key by text, reads two numbers and writes them, and what has changed is encoded for the changelog,
in batches of 10,000 over 6 partitions, as a stage does it. Microseconds of processor.
"""

import sys
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import polars as pl
from matplotlib import pyplot

from loadtest.bench.measure import RESULTS, RUNS, Figure, collect_as_our_programs_do, conditions, now, save, show
from loadtest.bench.traffic import BATCH
from mesoscale_streams.state.log import Entry, Log, Restoring, to_write
from mesoscale_streams.state.spec import StateSpec
from mesoscale_streams.state.table import StateTable

mpl.use("Agg")

KEYS = (10_000, 100_000, 1_000_000, 10_000_000)
RESTORED = 1_000_000
PARTITIONS = 6
BATCHES = 50
SPEC = StateSpec(("account",), pl.Schema({"account": pl.String(), "payments": pl.Int64(), "spent": pl.Float64()}))
LAYOUT = SPEC.layout("bench")


def batch(chosen: np.ndarray) -> tuple[np.ndarray, pl.DataFrame]:
    """Partitions and keys of these accounts."""
    return (chosen % PARTITIONS).astype(np.int32), pl.DataFrame({"account": pl.Series(chosen).cast(pl.String)})


def turn(table: StateTable, logs: list[Log], partitions: np.ndarray, keys: pl.DataFrame) -> list[tuple[int, Entry]]:
    """What a stage does with a batch; gives what goes to the changelogs."""
    rows = np.unique(table.insert(partitions, keys))
    held = table.read(rows, ["payments", "spent"])
    table.write(rows, held.select(pl.col("payments").fill_null(0) + 1, pl.col("spent").fill_null(0.0) + 0.5))
    return [(p, entry) for p, entries in to_write(table, dict(enumerate(logs))) for entry in entries]


def new_logs() -> list[Log]:
    return [Log(partition, LAYOUT) for partition in range(PARTITIONS)]


def fill(keys: int) -> tuple[StateTable, list[Log], float, float]:
    """A table of so many keys and its logs, the microseconds that a record took, and seconds of the slowest batch."""
    table, logs, order = StateTable(SPEC, seed=1), new_logs(), np.random.default_rng(1).permutation(keys)
    longest, began = 0.0, now()
    for start in range(0, keys, BATCH):
        one = now()
        turn(table, logs, *batch(order[start : start + BATCH]))
        longest = max(longest, (now() - one).cpu)
    return table, logs, (now() - began).cpu / keys * 1e6, longest


def go_on(table: StateTable, logs: list[Log], keys: int) -> float:
    """Microseconds a record where all keys are known."""
    batches = [batch(np.random.default_rng(number).integers(0, keys, BATCH)) for number in range(BATCHES)]
    began = now()
    for one in batches:
        turn(table, logs, *one)
    return (now() - began).cpu / (BATCHES * BATCH) * 1e6


def logged(keys: int) -> list[tuple[int, Entry]]:
    """All that the changelogs hold after so many keys were made and a quarter of them changed, nothing compacted."""
    table, logs = StateTable(SPEC, seed=1), new_logs()
    order = np.concatenate([np.arange(keys), np.random.default_rng(2).integers(0, keys, keys // 4)])
    starts = range(0, len(order), BATCH)
    return [entry for start in starts for entry in turn(table, logs, *batch(order[start : start + BATCH]))]


def restore(entries: list[tuple[int, Entry]]) -> float:
    """Seconds of processor to have the table again, when the changelog is in memory."""
    began = now()
    table = StateTable(SPEC)
    readings = [Restoring(table, partition, LAYOUT) for partition in range(PARTITIONS)]
    for partition, (key, value) in entries:
        readings[partition].take(key, value)
    for reading in readings:
        reading.done()
    return (now() - began).cpu


def measure(_: int, sizes: Sequence[int] = KEYS) -> list[Figure]:
    """Cost per record by number of keys, and reading a million keys back."""
    collect_as_our_programs_do()
    figures: list[Figure] = []
    for keys in sizes:
        table, logs, filling, longest = fill(keys)
        detail = {
            "keys": keys,
            "filling, µs/record": round(filling, 3),
            "slowest batch, s": round(longest, 2),
            "memory, bytes/key": round(table.nbytes / keys),
        }
        figures.append(Figure(f"{keys:,} keys", "µs/record", [go_on(table, logs, keys) for _ in range(RUNS)], detail))
    entries = logged(RESTORED)
    size = sum(len(value or b"") for _, (_, value) in entries)
    detail = {"keys": RESTORED, "changelog, MiB": size >> 20, "records": len(entries)}
    figures.append(Figure("restore of 1,000,000 keys", "CPU-s", [restore(entries) for _ in range(RUNS)], detail))
    show(figures)
    draw(figures)
    return figures


def draw(figures: Sequence[Figure]) -> None:
    """loadtest/results/state.png: is it flat?"""
    points = [figure for figure in figures if figure.unit == "µs/record"]
    keys = [figure.detail["keys"] for figure in points]
    plot, axes = pyplot.subplots(figsize=(7, 3.5))
    axes.plot(keys, [figure.value for figure in points], marker="o")
    axes.fill_between(keys, [min(one.runs) for one in points], [max(one.runs) for one in points], alpha=0.2)
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("keys in the table")
    axes.set_ylabel("µs of processor a record")
    axes.set_title("find, read, write and log a record's state", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    plot.tight_layout()
    plot.savefig(RESULTS / "state.png", dpi=110)


def main(sizes: list[int]) -> None:
    """Measure what is named on the command line, or everything, and write loadtest/results/state.json."""
    save("state", measure(0, sizes or KEYS), conditions())


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]])

"""A snapshot gives back what it is of, and is used only where it is whole and of the same changelog."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mesoscale_streams.state import record
from mesoscale_streams.state.log import Entry, Log, Restoring, to_write
from mesoscale_streams.state.snapshot import Snapshots
from mesoscale_streams.state.spec import StateSpec
from mesoscale_streams.state.table import StateTable

SPEC = StateSpec(("k",), pl.Schema({"k": pl.Int64(), "text": pl.String(), "last": pl.Array(pl.Float64(), 2)}))
LAYOUT = SPEC.layout("1")
P = 2


def fill(table: StateTable, first: int, last: int) -> None:
    keys = np.arange(first, last)
    rows = table.insert(np.full(len(keys), P, np.int32), pl.DataFrame({"k": keys}))
    texts = [None if key % 7 == 0 else f"text of {key}" for key in keys.tolist()]
    arrays = pl.Series(np.column_stack([keys, -keys]).astype(float), dtype=pl.Array(pl.Float64, 2))
    table.write(rows, pl.DataFrame({"text": pl.Series(texts, dtype=pl.String), "last": arrays}))


def written(table: StateTable, log: Log) -> list[Entry]:
    return dict(to_write(table, {P: log}))[P]


def content(table: StateTable) -> list[tuple[object, ...]]:
    return table.read(table.rows(P)).sort("k").rows()


def test_a_snapshot_and_the_changelog_after_it_are_the_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "LARGEST", 10_000)
    table, log, snapshots = StateTable(SPEC), Log(P, LAYOUT), Snapshots(tmp_path)
    fill(table, 0, 9000)
    before = written(table, log)
    snapshots.write(table, log, "topic-a", offset=len(before))
    fill(table, 8000, 10_000)
    table.remove(table.rows(P)[::3])
    entries = before + written(table, log)
    again = StateTable(SPEC)
    reading = Restoring(again, P, LAYOUT)
    offset = snapshots.read(reading, "topic-a")
    assert offset == len(before)
    for key, value in entries[offset:]:
        reading.take(key, value)
    gone_on = reading.done()
    assert content(again) == content(table)
    assert (gone_on.number, gone_on.deltas) == (log.number, log.deltas)
    assert [file.name for file in tmp_path.iterdir()] == ["2.snapshot"]


@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "none"])
def test_a_torn_snapshot_is_not_used(tmp_path: Path, damage: str) -> None:
    table, log, snapshots = StateTable(SPEC), Log(P, LAYOUT), Snapshots(tmp_path)
    fill(table, 0, 100)
    written(table, log)
    snapshots.write(table, log, "topic-a", 7)
    file = tmp_path / f"{P}.snapshot"
    whole = file.read_bytes()
    damaged = {"cut": whole[:-40], "changed": whole[:500] + b"?" + whole[501:], "empty": b"", "none": whole}[damage]
    file.write_bytes(damaged)
    again = StateTable(SPEC)
    assert snapshots.read(Restoring(again, P, LAYOUT), "topic-a") == (7 if damage == "none" else None)


def test_a_snapshot_of_another_changelog_or_layout_is_not_used(tmp_path: Path) -> None:
    table, log, snapshots = StateTable(SPEC), Log(P, LAYOUT), Snapshots(tmp_path)
    fill(table, 0, 100)
    written(table, log)
    snapshots.write(table, log, "topic-a", 7)
    assert snapshots.read(Restoring(StateTable(SPEC), P, LAYOUT), "topic-b") is None
    assert snapshots.read(Restoring(StateTable(SPEC), P, SPEC.layout("2")), "topic-a") is None
    snapshots.forget(P)
    assert snapshots.read(Restoring(StateTable(SPEC), P, LAYOUT), "topic-a") is None

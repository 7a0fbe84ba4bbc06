"""What a changelog says is what the table had when it was last committed, wherever the stage died, compacted or not."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesoscale_streams.state import blocks, log, record
from mesoscale_streams.state.blocks import BLOCK
from mesoscale_streams.state.log import Entry, Log, Restoring, to_write
from mesoscale_streams.state.record import OtherLayout
from mesoscale_streams.state.spec import StateSpec
from mesoscale_streams.state.table import StateTable

SPEC = StateSpec(
    ("account",),
    pl.Schema({"account": pl.String(), "n": pl.Int64(), "end": pl.Datetime("us", "UTC"), "name": pl.String()}),
    due="end",
)
LAYOUT = SPEC.layout("1")
P = 3
Content = dict[str, tuple[Any, ...]]


def content(table: StateTable) -> Content:
    return {row[0]: row for row in table.read(table.rows(P)).rows()} if P in table.partitions else {}


def change(table: StateTable, seed: int, most: int) -> None:
    """Some rows are made, some written, some removed, as the seed has it."""
    draw = np.random.default_rng(seed)
    accounts = draw.integers(0, most, draw.integers(1, most))
    keys = pl.DataFrame({"account": pl.Series(accounts).cast(pl.String)})
    rows = np.unique(table.insert(np.full(len(accounts), P, np.int32), keys))
    values = pl.DataFrame(
        {
            "n": draw.integers(0, 100, len(rows)),
            "end": pl.Series(draw.integers(0, 10**9, len(rows))).cast(pl.Datetime("us", "UTC")),
            "name": pl.Series(["x" * int(length) for length in draw.integers(0, 9, len(rows))]),
        }
    )
    table.write(rows, values.select(draw.choice(["n", "end", "name"], 2, replace=False).tolist()))
    if draw.random() < 0.5:
        table.remove(rows[draw.random(len(rows)) < draw.random()])
    if draw.random() < 0.3:
        table.remove(table.due(P, int(draw.integers(0, 10**9))))


def write(table: StateTable, writer: Log) -> list[Entry]:
    return dict(to_write(table, {P: writer})).get(P, [])


def compacted(entries: Sequence[Entry], until: int, tombstones_go: bool) -> list[Entry]:
    """As a broker's cleaner leaves it that came as far as `until`: of each key the last one, in the old order."""
    latest = {key: index for index, (key, _) in enumerate(entries[:until])}
    kept = [
        (key, value)
        for index, (key, value) in enumerate(entries[:until])
        if latest[key] == index and not (value is None and tombstones_go)
    ]
    return [*kept, *entries[until:]]


def restored(entries: Sequence[Entry]) -> tuple[StateTable, Log]:
    table = StateTable(SPEC)
    reading = Restoring(table, P, LAYOUT)
    for key, value in entries:
        reading.take(key, value)
    return table, reading.done()


steps = st.lists(
    st.tuples(
        st.integers(0, 2**32), st.sampled_from([3, 30, 300]), st.sampled_from(["commit"] * 4 + ["crash", "compact"])
    ),
    min_size=1,
    max_size=30,
)


@settings(deadline=None, max_examples=80)
@given(steps, st.booleans(), st.floats(0, 1), st.sampled_from([record.LARGEST, 2_000]))
def test_a_restored_table_is_the_committed_one(
    steps: list[tuple[int, int, str]], tombstones_go: bool, share: float, largest: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record, "LARGEST", largest)
        for module in (blocks, log):  # rounds of many blocks, in few batches
            patch.setattr(module, "BLOCK", 16)
        table, writer = StateTable(SPEC), Log(P, LAYOUT)
        kept: list[Entry] = []
        committed: Content = {}
        for seed, most, fate in steps:
            change(table, seed, most)
            entries = write(table, writer)
            if fate == "crash":  # before the commit: nothing of the batch is there
                table, writer = restored(kept)
            else:
                kept += entries
                committed = content(table)
            if fate == "compact":
                kept = compacted(kept, int(share * len(kept)), tombstones_go)
            assert content(restored(kept)[0]) == committed
        again, _ = restored(compacted(kept, len(kept), tombstones_go))
        keys = pl.DataFrame({"account": list(committed)}, schema={"account": pl.String})
        rows = again.find(np.full(len(committed), P, np.int32), keys)
        assert again.read(rows).rows() == list(committed.values())
        assert sorted(again.due(P, 2**60).tolist()) == sorted(
            again.rows(P)[again.read(again.rows(P))["end"].is_not_null()]
        )
        assert again.changes() == {}


def test_a_changelog_of_many_batches_stays_a_few_times_as_long_as_the_state() -> None:
    table, writer = StateTable(SPEC), Log(P, LAYOUT)
    entries: list[Entry] = []
    for seed in range(300):
        change(table, seed, 3 * BLOCK)
        entries += write(table, writer)
    kept = compacted(entries, len(entries), tombstones_go=True)
    state = sum(len(value) for one in log.whole(table, P) for value in one.encode(LAYOUT))
    written = sum(len(value or b"") for _, value in entries)
    assert sum(len(value or b"") for _, value in kept) < 8 * state
    assert written > 20 * state  # else this was no test
    assert content(restored(kept)[0]) == content(table)


def test_reading_again_from_before_a_known_moment_changes_nothing() -> None:
    table, writer = StateTable(SPEC), Log(P, LAYOUT)
    entries: list[Entry] = []
    for seed in range(20):
        change(table, seed, 500)
        entries += write(table, writer)
    half, _ = restored(entries[:30])
    moment = StateTable(SPEC)
    for one in log.whole(half, P):
        log.lay(moment, P, one)
    reading = Restoring(moment, P, LAYOUT)
    for key, value in entries[20:]:  # ten of them are in `moment` already
        reading.take(key, value)
    reading.done()
    assert content(moment) == content(table)


def test_what_is_missing_between_a_snapshot_and_the_changelog_is_noticed() -> None:
    table, writer = StateTable(SPEC), Log(P, LAYOUT)
    batches = []
    for seed in range(6):
        change(table, seed, 50)
        batches.append(write(table, writer))
    for first, gap in ((1, False), (2, False), (3, False), (4, True), (6, False)):
        reading = Restoring(StateTable(SPEC), P, LAYOUT)
        reading.begin_at({1: 1, 2: 1, 3: 1}, 3)
        for key, value in (entry for batch in batches[first:] for entry in batch):
            reading.take(key, value)
        assert reading.gap == gap
    reading = Restoring(StateTable(SPEC), P, LAYOUT)  # without a snapshot, deltas may be gone
    for key, value in batches[4]:
        reading.take(key, value)
    assert not reading.gap


def test_a_changelog_of_another_layout_is_refused() -> None:
    table, writer = StateTable(SPEC), Log(P, LAYOUT)
    change(table, 1, 5)
    [(key, value), *_] = write(table, writer)
    for layout, found, message in (
        (SPEC.layout("2"), value or b"", f"layout {LAYOUT}, not {SPEC.layout('2')}"),
        (LAYOUT, b"\x09" + (value or b"")[1:], "format 9, not 1"),
    ):
        reading = Restoring(StateTable(SPEC), P, layout)
        reading.take(key, found)
        with pytest.raises(OtherLayout, match=message):
            reading.done()


def test_a_state_that_is_reset_begins_with_nothing_and_is_not_refused_later() -> None:
    table, writer = StateTable(SPEC), Log(P, LAYOUT)
    entries: list[Entry] = []
    for seed in range(5):
        change(table, seed, 500)
        entries += write(table, writer)
    other, newer = StateTable(SPEC), SPEC.layout("2")
    reading = Restoring(other, P, newer, reset=True)
    for key, value in entries:
        reading.take(key, value)
    gone_on = reading.done()
    assert (content(other), gone_on.number) == ({}, 5)
    change(other, 9, 50)
    entries += write(other, gone_on)
    later = StateTable(SPEC)
    reading = Restoring(later, P, newer)
    for key, value in entries:
        reading.take(key, value)
    reading.done()
    assert content(later) == content(other) != {}


def test_no_value_is_larger_than_a_record_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "LARGEST", 4000)
    table, writer = StateTable(SPEC), Log(P, LAYOUT)
    change(table, 2, 20_000)
    entries = write(table, writer)
    assert len(entries) > 20
    assert max(len(value or b"") for _, value in entries) <= 4000
    assert content(restored(entries)[0]) == content(table)

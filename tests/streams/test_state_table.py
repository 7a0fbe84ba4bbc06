"""A state table is a dictionary by partition and key, however it is used, and tells what has changed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesoscale_streams.state.blocks import BLOCK
from mesoscale_streams.state.spec import StateSpec
from mesoscale_streams.state.table import StateTable

COLUMNS = pl.Schema(
    {
        "account": pl.String(),
        "day": pl.Int64(),
        "n": pl.Int64(),
        "mean": pl.Float64(),
        "seen": pl.Datetime("us", "UTC"),
        "name": pl.String(),
        "open": pl.Boolean(),
        "recent": pl.Array(pl.Float64(), 3),
    }
)
SPEC = StateSpec(("account", "day"), COLUMNS, due="seen")
START = datetime(2026, 1, 1, tzinfo=UTC)
Row = dict[str, Any]
Key = tuple[int, str, int]

keys = st.tuples(st.integers(0, 2), st.sampled_from("abcdef"), st.integers(0, 2))
values = st.fixed_dictionaries(
    {
        "n": st.none() | st.integers(-5, 5),
        "mean": st.none() | st.floats(-1, 1),
        "seen": st.none() | st.integers(0, 10_000).map(lambda number: START + timedelta(milliseconds=number)),
        "name": st.none() | st.sampled_from(["", "x", "ä" * 40]),
        "open": st.none() | st.booleans(),
        "recent": st.none() | st.lists(st.floats(0, 1), min_size=3, max_size=3),
    }
)
operations = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.lists(st.tuples(keys, values), max_size=20)),
        st.tuples(st.just("remove"), st.lists(keys, max_size=10)),
        st.tuples(st.just("drop"), st.integers(0, 2)),
        st.tuples(st.just("due"), st.tuples(st.integers(0, 2), st.integers(0, 10_000))),
    ),
    max_size=25,
)


def frame_of(keys: list[Key]) -> tuple[np.ndarray[Any, Any], pl.DataFrame]:
    partitions = np.array([key[0] for key in keys], np.int32)
    schema = {name: COLUMNS[name] for name in SPEC.key}
    return partitions, pl.DataFrame([key[1:] for key in keys], schema=schema, orient="row")


def content(table: StateTable) -> dict[Key, Row]:
    found: dict[Key, Row] = {}
    for partition in table.partitions:
        for row in table.read(table.rows(partition)).to_dicts():
            found[partition, row.pop("account"), row.pop("day")] = row
    return found


class Model:
    """The same in plain Python."""

    def __init__(self, table: StateTable) -> None:
        self.table = table
        self.rows: dict[Key, Row] = {}
        self.told: dict[Key, Row] = {}  # as whoever follows the changes has it
        self.places: dict[tuple[int, int], Key] = {}

    def put(self, pairs: list[tuple[Key, Row]]) -> None:
        self.table.insert(*frame_of([key for key, _ in pairs]))  # with all that stand twice
        distinct = dict(pairs)
        rows = self.table.find(*frame_of(list(distinct)))
        assert len(set(rows.tolist())) == len(distinct)
        names = SPEC.values
        data = [[row[name] for name in names] for row in distinct.values()]
        self.table.write(rows, pl.DataFrame(data, schema={name: COLUMNS[name] for name in names}, orient="row"))
        self.rows |= distinct

    def remove(self, keys: list[Key]) -> None:
        known = [key for key in dict.fromkeys(keys) if key in self.rows]
        self.table.remove(self.table.find(*frame_of(known)))
        for key in known:
            del self.rows[key]

    def drop(self, partition: int) -> None:
        self.table.drop(partition)
        self.rows = {key: row for key, row in self.rows.items() if key[0] != partition}
        self.told = {key: row for key, row in self.told.items() if key[0] != partition}
        self.places = {place: key for place, key in self.places.items() if place[0] != partition}

    def due(self, asked: tuple[int, int]) -> None:
        partition, until = asked[0], START + timedelta(milliseconds=asked[1])
        rows = self.table.due(partition, int(until.timestamp() * 1_000_000))
        told = self.table.read(rows, ["account", "day", "seen"]).rows()
        assert [row[2] for row in told] == sorted(row[2] for row in told)
        wanted = {
            key
            for key, row in self.rows.items()
            if key[0] == partition and row["seen"] is not None and row["seen"] <= until
        }
        assert sorted((partition, *row[:2]) for row in told) == sorted(wanted)
        self.remove([(partition, *row[:2]) for row in told])

    def follow(self) -> None:
        """Apply the changes as told, by place."""
        for partition, changes in self.table.changes().items():
            for rows in (changes.removed, changes.new):
                for place in self.table.blocks.places(rows).tolist():
                    if gone := self.places.pop((partition, place), None):
                        del self.told[gone]
            for rows in (changes.new, changes.updated):
                data = self.table.read(rows).to_dicts()
                for place, row in zip(self.table.blocks.places(rows).tolist(), data, strict=True):
                    key = (partition, row.pop("account"), row.pop("day"))
                    assert self.places.setdefault((partition, place), key) == key
                    self.told[key] = row


@settings(deadline=None, max_examples=60)
@given(operations)
def test_it_is_a_dictionary_and_its_changes_tell_all_of_it(operations: list[tuple[str, Any]]) -> None:
    model = Model(StateTable(SPEC, seed=1))
    for verb, argument in operations:
        getattr(model, verb)(argument)
        assert content(model.table) == model.rows
        assert len(model.table) == len(model.rows) == sum(model.table.sizes().values())
        model.follow()
        assert model.told == model.rows
    assert model.table.changes() == {}


def test_many_keys_that_come_and_go_are_each_found() -> None:
    table = StateTable(StateSpec(("account",), pl.Schema({"account": pl.Int64(), "n": pl.Int64()})), seed=7)
    made = np.random.default_rng(1)
    sums: dict[tuple[int, int], int] = {}
    for _ in range(60):
        partitions, accounts = made.integers(0, 3, 3000, np.int32), made.integers(0, 9000, 3000)
        rows = table.insert(partitions, pl.DataFrame({"account": accounts}))
        once = np.unique(rows)
        table.set_numbers("n", once, table.numbers("n", once) + np.bincount(rows, minlength=once[-1] + 1)[once])
        for key in zip(partitions.tolist(), accounts.tolist(), strict=True):
            sums[key] = sums.get(key, 0) + 1
        gone = once[made.random(len(once)) < 0.4]
        for partition, rows_of_it in table.blocks.by_partition(gone).items():
            for account in table.numbers("account", rows_of_it).tolist():
                del sums[partition, account]
        table.remove(gone)
    found = {
        (partition, account): number
        for partition in table.partitions
        for account, number in table.read(table.rows(partition)).rows()
    }
    assert found == sums
    assert table.blocks.rows < 6 * max(len(sums), BLOCK)  # rows are used again


def test_a_key_that_is_not_there_is_minus_one_and_reads_as_null() -> None:
    table = StateTable(SPEC)
    rows = table.find(*frame_of([(0, "a", 1)]))
    assert rows.tolist() == [-1]
    assert set(table.read(rows).row(0)) == {None}


def test_rows_that_are_not_due_stay_even_if_their_time_moves() -> None:
    table = StateTable(StateSpec(("k",), pl.Schema({"k": pl.Int64(), "end": pl.Int64()}), due="end"))
    here = np.zeros(3, np.int32)
    rows = table.insert(here, pl.DataFrame({"k": [1, 2, 3]}))
    table.set_numbers("end", rows, np.array([100, 200, 300]))
    table.set_numbers("end", rows[:1], np.array([250]))
    assert table.due(0, 99).tolist() == []
    assert table.due(0, 200).tolist() == [rows[1]]
    assert table.due(0, 299).tolist() == [rows[0]]
    assert table.due(0, 299).tolist() == []
    assert table.due(0, 10**15).tolist() == [rows[2]]


def test_a_partition_that_was_laid_and_not_settled_can_be_dropped() -> None:
    table = StateTable(SPEC)
    table.insert(*frame_of([(0, "a", 1)]))
    table.lay(1, np.arange(5), pl.DataFrame({"account": list("abcde"), "day": [1] * 5}))
    table.drop(1)
    assert table.partitions == {0}
    table.lay(1, np.arange(2), pl.DataFrame({"account": ["x", "y"], "day": [1, 1]}))
    table.settle(1)
    assert content(table).keys() == {(0, "a", 1), (1, "x", 1), (1, "y", 1)}


def test_a_spec_without_its_key_or_with_a_list_is_refused() -> None:
    with pytest.raises(ValueError, match="no column missing"):
        StateSpec(("missing",), pl.Schema({"n": pl.Int64()}))
    with pytest.raises(ValueError, match="state column n is a List"):
        StateTable(StateSpec(("k",), pl.Schema({"k": pl.Int64(), "n": pl.List(pl.Int64())})))


def test_another_shape_or_version_has_another_layout() -> None:
    spec = StateSpec(("k",), pl.Schema({"k": pl.Int64(), "n": pl.Int64()}))
    other = StateSpec(("k",), pl.Schema({"k": pl.Int64(), "n": pl.Float64()}))
    assert len({spec.layout("1"), spec.layout("2"), other.layout("1")}) == 3

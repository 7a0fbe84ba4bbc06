"""Windows, sessions and rolling aggregates equal a plain reference, however records are cut, mixed and ordered."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import plain_stages as plain
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_stages import Record

from mesoscale_streams.stages.aggregates import Aggregate, Aggregates
from mesoscale_streams.stages.rolling import Rolling
from mesoscale_streams.stages.sessions import Sessions
from mesoscale_streams.stages.stateful import Stateful
from mesoscale_streams.stages.watermarks import Watermarks
from mesoscale_streams.stages.windows import Windows
from mesoscale_streams.state.table import StateTable

SECOND = 1_000_000  # the references count in seconds, the stages in microseconds
KEY = pl.Schema({"key": pl.String()})
INSTANT = pl.Datetime("us", "UTC")
COLUMNS = pl.Schema({"key": pl.String(), "at": INSTANT, "number": pl.Float64(), "text": pl.String()})
TELLING: plain.Telling = {
    "records": ("count", None),
    "numbers": ("count", "number"),
    "total": ("sum", "number"),
    "least": ("min", "number"),
    "most": ("max", "number"),
    "middle": ("mean", "number"),
    "opening": ("first", "text"),
    "closing": ("last", "text"),
    "lowest": ("min", "text"),
}
# Any order of arrival gives the same, but for ties of first and last.
ORDERLESS = {name: told for name, told in TELLING.items() if told[0] not in ("first", "last")}


def aggregates(telling: plain.Telling, number: pl.DataType | None = None) -> Aggregates:
    types: dict[str | None, pl.DataType] = {"number": number or pl.Float64(), "text": pl.String(), None: pl.Int64()}
    each = [Aggregate(name, function, column, types[column]) for name, (function, column) in telling.items()]  # type: ignore[arg-type]
    return Aggregates(each, "at")


def windows(size: int, every: int, lateness: int, telling: plain.Telling = TELLING, emit: Any = "final") -> Windows:
    return Windows(KEY, aggregates(telling), size * SECOND, every * SECOND, lateness * SECOND, emit)


def sessions(gap: int, lateness: int, telling: plain.Telling = TELLING, emit: Any = "final") -> Sessions:
    return Sessions(KEY, aggregates(telling), gap * SECOND, lateness * SECOND, emit)


Arrival = tuple[int, Record]  # partition and record


class Run:
    """An operator that is given arrivals batch by batch, and what came of it, by partition."""

    def __init__(self, operator: Stateful, disorder: int) -> None:
        self.operator, self.table = operator, StateTable(operator.spec)
        self.marks = Watermarks(disorder * SECOND, idle_after=60)
        self.told: dict[int, list[dict[str, Any]]] = {}
        self.late: dict[int, list[Record]] = {}

    def give(self, arrivals: Sequence[Arrival]) -> None:
        partitions = np.array([partition for partition, _ in arrivals], np.int32)
        rows = [{**vars(record), "at": record.time * SECOND} for _, record in arrivals]
        frame = pl.DataFrame(rows, schema={**COLUMNS, "at": pl.Int64()}).cast({"at": INSTANT})
        moments = self.marks.observe(partitions, frame["at"].to_physical().to_numpy(), now=0)
        partition_of = {record.key: partition for partition, record in arrivals} | self.partition_of
        self.partition_of = partition_of
        outcome = self.operator(frame, partitions, moments, self.table)
        for row in outcome.frame.to_dicts():
            self.told.setdefault(partition_of[row["key"]], []).append(row)
        for index in outcome.late:
            self.late.setdefault(arrivals[index][0], []).append(arrivals[index][1])

    partition_of: dict[str, int] = {}


def run(make: Callable[[], Stateful], arrivals: Sequence[Arrival], cuts: Sequence[int], disorder: int) -> Run:
    one = Run(make(), disorder)
    edges = [0, *sorted({cut % (len(arrivals) + 1) for cut in cuts}), len(arrivals)]
    for start, end in itertools.pairwise(edges):
        one.give(arrivals[start:end])
    return one


def of(arrivals: Sequence[Arrival], partition: int) -> list[Record]:
    return [record for number, record in arrivals if number == partition]


def seconds(rows: list[dict[str, Any]], start: str, end: str) -> list[dict[str, Any]]:
    """What an operator told, as the references tell it."""
    return [
        {
            "key": row["key"],
            "start": int(row[start].timestamp()),
            "end": int(row[end].timestamp()),
            **{name: value for name, value in row.items() if name not in ("key", start, end)},
        }
        for row in rows
    ]


NUMBERS = st.one_of(
    st.none(),
    st.integers(-50, 50).map(lambda number: number / 10),
    st.floats(-1e6, 1e6).filter(lambda number: number == 0 or abs(number) > 1e-9),
)


@st.composite
def arrivals(draw: st.DrawFn, longest: int = 40) -> list[Arrival]:
    """Records of a few keys, whose times wander; a key is always of one partition."""
    records, now = [], draw(st.integers(-30, 100))
    for _ in range(draw(st.integers(0, longest))):
        now += draw(st.sampled_from([0, 0, 0, 1, 1, 2, 5, 20]))
        key = draw(st.sampled_from("abcd"))
        record = Record(key, now - draw(st.sampled_from([0, 0, 0, 1, 3, 9, 30])), draw(NUMBERS), draw(TEXTS))
        records.append((ord(key) % 2, record))
    return records


TEXTS = st.one_of(st.none(), st.sampled_from(["p", "q", "r", "s"]))
CUTS = st.lists(st.integers(0, 100), max_size=6)
QUICK = settings(max_examples=150, deadline=None)


@given(arrivals(), CUTS, st.sampled_from([(10, 10), (10, 5), (10, 4), (7, 3)]), st.integers(0, 6), st.integers(0, 6))
@QUICK
def test_windows_equal_the_reference_for_any_cut(
    given: list[Arrival], cuts: list[int], shape: tuple[int, int], lateness: int, disorder: int
) -> None:
    one = run(lambda: windows(*shape, lateness), given, cuts, disorder)
    for partition in (0, 1):
        final, _, late = plain.windows(of(given, partition), TELLING, *shape, lateness, disorder)
        assert seconds(one.told.get(partition, []), "window_start", "window_end") == approximately(final)
        assert one.late.get(partition, []) == late


@given(arrivals(), CUTS, st.integers(0, 12), st.integers(0, 6), st.integers(0, 6))
@QUICK
def test_sessions_equal_the_reference_for_any_cut(
    given: list[Arrival], cuts: list[int], gap: int, lateness: int, disorder: int
) -> None:
    one = run(lambda: sessions(gap, lateness), given, cuts, disorder)
    for partition in (0, 1):
        final, _, late = plain.sessions(of(given, partition), TELLING, gap, lateness, disorder)
        assert seconds(one.told.get(partition, []), "session_start", "session_end") == approximately(final)
        assert one.late.get(partition, []) == late


def approximately(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sums of the reference are rounded once and so are ours, but for the last bit of some."""
    return [
        {
            name: pytest.approx(value, rel=1e-15, abs=1e-24) if isinstance(value, float) else value
            for name, value in row.items()
        }
        for row in rows
    ]


MAKERS: dict[str, Callable[[], Stateful]] = {
    "tumbling": lambda: windows(10, 10, 2),
    "hopping": lambda: windows(10, 4, 2),
    "sessions": lambda: sessions(7, 2),
    "rolling": lambda: rolling(SPANS, 2),
}
SPANS: dict[str, tuple[int, str, str | None]] = {
    "records_3": (3, "count", None),
    "total_10": (10, "sum", "number"),
    "numbers_10": (10, "count", "number"),
    "least_10": (10, "min", "number"),
    "most_3": (3, "max", "number"),
    "middle_25": (25, "mean", "number"),
}


def rolling(telling: dict[str, tuple[int, str, str | None]], lateness: int) -> Rolling:
    features = [
        (span * SECOND, aggregates({name: (function, column)})) for name, (span, function, column) in telling.items()
    ]
    return Rolling(KEY, pl.Schema({"number": pl.Float64()}), features, lateness * SECOND)


@given(arrivals(60), CUTS, st.integers(0, 6), st.integers(0, 6))
@QUICK
def test_rolling_aggregates_equal_the_reference_for_any_cut(
    given: list[Arrival], cuts: list[int], lateness: int, disorder: int
) -> None:
    one = run(lambda: rolling(SPANS, lateness), given, cuts, disorder)
    for partition in (0, 1):
        told, late = plain.rolling(of(given, partition), SPANS, lateness, disorder)
        found = [
            {"key": row["key"], "time": int(row["at"].timestamp()), **{name: row[name] for name in SPANS}}
            for row in one.told.get(partition, [])
        ]
        assert found == approximately(told)
        assert one.late.get(partition, []) == late


@pytest.mark.parametrize("maker", MAKERS)
@given(given=arrivals(), cuts=CUTS, order=st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_how_partitions_are_mixed_changes_not_a_bit(
    maker: str, given: list[Arrival], cuts: list[int], order: Any
) -> None:
    queues = [[arrival for arrival in given if arrival[0] == partition] for partition in (0, 1)]
    mixed: list[Arrival] = []
    while any(queues):
        mixed.append(order.choice([queue for queue in queues if queue]).pop(0))
    once, again = run(MAKERS[maker], given, [], 3), run(MAKERS[maker], mixed, cuts, 3)
    assert (once.told, once.late) == (again.told, again.late)


@pytest.mark.parametrize("maker", ["tumbling", "hopping", "sessions"])
@given(given=arrivals(), cuts=CUTS, order=st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_any_order_of_arrival_within_the_disorder_gives_the_same(
    maker: str, given: list[Arrival], cuts: list[int], order: Any
) -> None:
    """Each record is put off by up to the disorder that is allowed; the end of time makes all of it final."""
    disorder = 5
    make = {
        "tumbling": lambda: windows(10, 10, 0, ORDERLESS),
        "hopping": lambda: windows(10, 4, 0, ORDERLESS),
        "sessions": lambda: sessions(7, 0, ORDERLESS),
    }[maker]
    in_order = sorted(given, key=lambda arrival: arrival[1].time)
    put_off = sorted(given, key=lambda arrival: arrival[1].time + order.uniform(0, disorder))
    end = [(partition, Record("ac"[0] if partition else "b", 10_000, None)) for partition in (0, 1)]
    first, second = run(make, [*in_order, *end], [], disorder), run(make, [*put_off, *end], cuts, disorder)
    assert first.late == second.late == {}
    assert first.told == second.told


@pytest.mark.parametrize("maker", ["tumbling", "hopping", "sessions"])
@given(given=arrivals(), cuts=CUTS)
@settings(max_examples=60, deadline=None)
def test_the_last_update_of_each_window_is_what_it_is_in_the_end(
    maker: str, given: list[Arrival], cuts: list[int]
) -> None:
    make = {
        "tumbling": lambda: windows(10, 10, 2, emit="updates"),
        "hopping": lambda: windows(10, 4, 2, emit="updates"),
        "sessions": lambda: sessions(7, 2, emit="updates"),
    }[maker]
    start, end = ("session_start", "session_end") if maker == "sessions" else ("window_start", "window_end")
    one = run(make, given, cuts, 3)
    for partition in (0, 1):
        last = {(row["key"], row["start"]): row for row in seconds(one.told.get(partition, []), start, end)}
        records = of(given, partition)
        if maker == "sessions":
            final, open_, _ = plain.sessions(records, TELLING, 7, 2, 3)
        else:
            final, open_, _ = plain.windows(records, TELLING, 10, 10 if maker == "tumbling" else 4, 2, 3)
        for row in approximately([*final, *open_]):
            assert last[row["key"], row["start"]] == row


@pytest.mark.parametrize("maker", MAKERS)
@given(given=arrivals(), cuts=CUTS)
@settings(max_examples=20, deadline=None)
def test_a_replay_gives_the_same_again(maker: str, given: list[Arrival], cuts: list[int]) -> None:
    first, second = run(MAKERS[maker], given, cuts, 3), run(MAKERS[maker], given, cuts, 3)
    assert (first.told, first.late) == (second.told, second.late)


@pytest.mark.parametrize("maker", MAKERS)
def test_state_is_empty_once_all_of_it_is_final(maker: str) -> None:
    given = [(ord(key) % 2, Record(key, time, 1.5)) for time in range(200) for key in "abcd"]
    one = run(MAKERS[maker], given, list(range(0, 800, 37)), 0)
    assert 0 < len(one.table) < 120
    for partition, key in ((0, "b"), (1, "a")):
        one.give([(partition, Record(key, 10_000, 1.5))])
    assert len(one.table) <= 6  # what the last two records left, in up to three windows each


@pytest.mark.parametrize("maker", MAKERS)
def test_a_number_too_large_for_a_sum_is_refused_and_counts_nowhere(maker: str) -> None:
    operator = MAKERS[maker]()
    table, marks = StateTable(operator.spec), Watermarks(0, 60)
    frame = pl.DataFrame(
        {"key": ["a"] * 3, "at": [1, 2, 100_000_000], "number": [1.0, -1e18, 2.0], "text": None}, schema=COLUMNS
    )
    moments = marks.observe(np.zeros(3, np.int32), frame["at"].to_physical().to_numpy(), 0)
    outcome = operator(frame, np.zeros(3, np.int32), moments, table)
    [failure] = outcome.failures
    assert (failure.row, str(failure.reason)) == (1, "OutOfRange")
    assert failure.detail == "number -1e+18 is too large to be in a sum: at most 281474976710656 either way"
    assert list(outcome.late) == []


def test_a_session_that_came_before_an_open_one_is_final_in_its_own_time() -> None:
    given = [(1, Record("a", 100, 1.0)), (1, Record("a", 60, 2.0)), (1, Record("c", 120, 3.0))]
    one = run(lambda: sessions(5, 0, ORDERLESS), given, [1, 2], disorder=50)
    assert [(row["key"], row["total"]) for row in one.told[1]] == [("a", 2.0)]

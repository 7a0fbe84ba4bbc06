"""Pairs equal a plain reference however topics are mixed and cut; a record finds the latest row that came before."""

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import plain_stages as plain
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_stages import Record

from mesoscale_streams.stages.enrich import Enrich
from mesoscale_streams.stages.join import Join
from mesoscale_streams.stages.two_inputs import Arrived, TwoInputs
from mesoscale_streams.stages.watermarks import Watermarks
from mesoscale_streams.state.table import StateTable

SECOND = 1_000_000
INSTANT = pl.Datetime("us", "UTC")
KEY = pl.Schema({"key": pl.String()})
COLUMNS = pl.Schema({"key": pl.String(), "at": INSTANT, "number": pl.Float64()})
OURS, BESIDE = 0, 1
Arrival = tuple[int, Record]  # topic and record; the partition follows from the key


def partition(record: Record) -> int:
    return ord(record.key) % 2


class Run:
    """A stage of two inputs that is given arrivals batch by batch."""

    def __init__(self, operator: TwoInputs, disorder: int) -> None:
        self.operator, self.table = operator, StateTable(operator.spec)
        self.marks = [Watermarks(disorder * SECOND, 60), Watermarks(disorder * SECOND, 60)]
        for marks in self.marks:
            marks.assign({0: -(1 << 62), 1: -(1 << 62)}, 0)
        self.told: list[dict[str, Any]] = []
        self.late: list[list[Record]] = [[], []]

    def give(self, arrivals: Sequence[Arrival]) -> None:
        sides = [self._side(arrivals, topic) for topic in (OURS, BESIDE)]
        joined = self.operator(*sides, self.table)
        self.told += joined.frame.to_dicts()
        for topic, late in ((OURS, joined.late), (BESIDE, joined.late_beside)):
            self.late[topic] += [arrivals[sides[topic].arrivals[row]][1] for row in late]

    def _side(self, arrivals: Sequence[Arrival], topic: int) -> Arrived:
        places = [place for place, (of, _) in enumerate(arrivals) if of == topic]
        rows = [{**vars(arrivals[place][1]), "at": arrivals[place][1].time * SECOND} for place in places]
        frame = pl.DataFrame(rows, schema={**COLUMNS, "at": pl.Int64()}).cast({"at": INSTANT})
        partitions = np.array([partition(arrivals[place][1]) for place in places], np.int32)
        moments = self.marks[topic].observe(partitions, frame["at"].to_physical().to_numpy(), 0)
        whole = type(moments)(moments.times, moments.watermarks, dict(self.marks[topic].marks))
        return Arrived(frame, partitions, np.array(places, np.int64), whole)


def run(make: Callable[[], TwoInputs], arrivals: Sequence[Arrival], cuts: Sequence[int], disorder: int) -> Run:
    one = Run(make(), disorder)
    edges = [0, *sorted({cut % (len(arrivals) + 1) for cut in cuts}), len(arrivals)]
    for start, end in itertools.pairwise(edges):
        one.give(arrivals[start:end])
    return one


def join(before: int, after: int, lateness: int, how: Any) -> Join:
    names = {"at": "other_at", "number": "other_number"}
    beside = pl.Schema({"at": INSTANT, "number": pl.Float64()})
    return Join(KEY, COLUMNS, beside, names, before * SECOND, after * SECOND, lateness * SECOND, how)


@st.composite
def arrivals(draw: st.DrawFn) -> list[Arrival]:
    """Records of two topics, each with a number of its own, so that no two are alike."""
    records, now = [], 0
    for number in range(draw(st.integers(0, 40))):
        now += draw(st.sampled_from([0, 0, 1, 1, 2, 6]))
        time = now - draw(st.sampled_from([0, 0, 0, 1, 4, 15]))
        records.append(
            (draw(st.sampled_from([OURS, BESIDE])), Record(draw(st.sampled_from("abc")), time, float(number)))
        )
    return records


def pair(ours: Record, other: Record | None) -> tuple[Any, ...]:
    return (ours.key, ours.number, other.number if other else None)


@pytest.mark.parametrize("how", ["inner", "left"])
@given(
    given=arrivals(),
    cuts=st.lists(st.integers(0, 60), max_size=6),
    interval=st.tuples(st.integers(0, 5), st.integers(0, 5)),
    lateness=st.integers(0, 4),
    disorder=st.integers(0, 4),
    order=st.randoms(use_true_random=False),
)
@settings(max_examples=120, deadline=None)
def test_pairs_equal_the_reference_however_topics_are_mixed_and_cut(
    how: str,
    given: list[Arrival],
    cuts: list[int],
    interval: tuple[int, int],
    lateness: int,
    disorder: int,
    order: Any,
) -> None:
    queues = [[arrival for arrival in given if arrival[0] == topic] for topic in (OURS, BESIDE)]
    mixed: list[Arrival] = []
    while any(queues):
        mixed.append(order.choice([queue for queue in queues if queue]).pop(0))
    end = [(topic, Record(key, 10_000, -1.0)) for topic in (OURS, BESIDE) for key in "ab"]
    one = run(lambda: join(*interval, lateness, how), [*mixed, *end], cuts, disorder)
    wanted: Counter[tuple[Any, ...]] = Counter()
    for number in (0, 1):
        ours, beside = (
            [record for of, record in [*given, *end] if of == topic and partition(record) == number]
            for topic in (OURS, BESIDE)
        )
        pairs, alone, late, late_beside = plain.joined(ours, beside, *interval, lateness, disorder)
        wanted.update(pair(first, other) for first, other in pairs)
        if how == "left":
            on_time = [record for record in ours if not any(record is other for other in late)]
            wanted.update(pair(on_time[index], None) for index in alone)
        assert [record for record in one.late[OURS] if partition(record) == number] == late
        assert [record for record in one.late[BESIDE] if partition(record) == number] == late_beside
    assert Counter((row["key"], row["number"], row["other_number"]) for row in one.told) == wanted


@pytest.mark.parametrize("how", ["inner", "left"])
def test_nobody_is_remembered_who_can_meet_nobody(how: str) -> None:
    given = [(number % 2, Record("abc"[number % 3], number, float(number))) for number in range(300)]
    one = run(lambda: join(5, 5, 0, how), given, list(range(0, 300, 17)), 0)
    assert 0 < len(one.table) < 40


@pytest.mark.parametrize("how", ["inner", "left"])
@given(given=arrivals(), cuts=st.lists(st.integers(0, 60), max_size=6))
@settings(max_examples=100, deadline=None)
def test_a_record_finds_the_latest_row_that_came_before_it(how: Any, given: list[Arrival], cuts: list[int]) -> None:
    looked_up, names = pl.Schema({"number": pl.Float64()}), {"number": "found"}
    one = run(lambda: Enrich(KEY, looked_up, names, how), given, cuts, 0)
    latest: dict[str, float | int | None] = {}
    wanted = []
    for topic, record in given:
        if topic == BESIDE:
            latest[record.key] = record.number
        elif how == "left" or record.key in latest:
            wanted.append((record.key, record.number, latest.get(record.key)))
    assert [(row["key"], row["number"], row["found"]) for row in one.told] == wanted


@pytest.mark.parametrize("how", ["inner", "left"])
def test_a_partner_at_the_very_end_of_the_interval_is_waited_for(how: str) -> None:
    given = [(OURS, Record("a", 0, 1.0)), (BESIDE, Record("c", 5, 2.0)), (OURS, Record("c", 5, 3.0))]
    one = run(lambda: join(0, 5, 0, how), [*given, (BESIDE, Record("a", 5, 4.0))], [1, 2, 3], 0)
    assert [(row["number"], row["other_number"]) for row in one.told if row["key"] == "a"] == [(1.0, 4.0)]

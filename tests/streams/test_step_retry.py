"""A step that wants records again gets them again: which, after which wait, and how often."""

import polars as pl
import pytest

from mesoscale.contract.types import Column, Contract
from mesoscale.model.stage import Retries
from mesoscale_streams import Retry
from mesoscale_streams.records.checks import Checks
from mesoscale_streams.stages import step
from mesoscale_streams.stages.step import ROUNDS, Again
from mesoscale_streams.stages.waits import Waits

CHECKS = Checks(Contract(name="numbers", columns=(Column(name="number", type="int64"),)))


def frame(*numbers: int) -> pl.DataFrame:
    return pl.DataFrame({"number": numbers}, schema={"number": pl.Int64})


def test_named_rows_are_set_aside_and_the_others_are_done() -> None:
    def fussy(rows: pl.DataFrame) -> pl.DataFrame:
        named = [row for row, number in enumerate(rows["number"]) if number % 3 == 0]
        if named:
            raise Retry("later", rows=named, after=7)
        return rows

    result = step.run(fussy, frame(0, 1, 2, 3, 4), CHECKS)
    assert result.frame["number"].to_list() == [1, 2, 4]
    assert list(result.again) == [Again(0, "later", 7), Again(3, "later", 7)]
    assert result.failures == []


def test_without_names_all_of_the_frame_comes_again() -> None:
    def away(rows: pl.DataFrame) -> pl.DataFrame:
        raise Retry("the bank is away")

    result = step.run(away, frame(*range(500)), CHECKS)
    assert [again.row for again in result.again] == list(range(500))
    assert result.frame.height == 0


def test_failures_and_rows_for_later_are_told_apart() -> None:
    def both(rows: pl.DataFrame) -> pl.DataFrame:
        if rows["number"].is_in([5]).any():
            raise ValueError("never")
        if rows["number"].is_in([2]).any():
            raise Retry("later", rows=[rows["number"].to_list().index(2)])
        return rows

    result = step.run(both, frame(*range(8)), CHECKS)
    assert result.frame["number"].to_list() == [0, 1, 3, 4, 6, 7]
    assert [again.row for again in result.again] == [2]
    assert result.failures == [(5, "ValueError: never")]


def test_a_step_that_names_one_row_after_the_other_is_asked_so_many_times_and_no_more() -> None:
    calls = 0

    def one_by_one(rows: pl.DataFrame) -> pl.DataFrame:
        nonlocal calls
        calls += 1
        raise Retry("later", rows=[0])

    result = step.run(one_by_one, frame(*range(1_000)), CHECKS)
    assert sorted(again.row for again in result.again) == list(range(1_000))
    assert calls == ROUNDS + 1


@pytest.mark.parametrize("rows", [[], [99], [-1]])
def test_rows_that_are_none_of_the_frame_name_nothing(rows: list[int]) -> None:
    def odd(given: pl.DataFrame) -> pl.DataFrame:
        raise Retry("later", rows=rows)

    assert len(step.run(odd, frame(1, 2), CHECKS).again) == 2


@pytest.mark.parametrize(
    ("attempt", "asked", "seconds"),
    [
        (1, None, 10),
        (2, None, 20),
        (3, None, 40),
        (4, None, None),
        (1, 0.5, 0.5),
        (4, 0.5, None),
        (1, -3, 0),
        (1, 1e9, 86_400),
    ],
)
def test_waits_grow_and_end(attempt: int, asked: float | None, seconds: float | None) -> None:
    assert Waits.of(Retries(attempts=3, delay="10s", factor=2)).before(attempt, asked) == seconds

"""A user's step: found beside the document, held to its contract, and only what it cannot do is refused."""

from pathlib import Path

import polars as pl
import pytest

from mesoscale.contract.types import Column, Contract
from mesoscale.errors import PlanRefused
from mesoscale.model.stage import Stage
from mesoscale_streams.records.checks import Checks
from mesoscale_streams.stages import step
from mesoscale_streams.stages.step import StepBroken

CONTRACT = Contract(
    name="numbers",
    columns=(
        Column(name="number", type="int64", min=0),
        Column(name="half", type="float64", nullable=True),
    ),
)
CHECKS = Checks(CONTRACT)


def halve(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(half=pl.col("number") / 2, surplus=pl.lit("is dropped"))


def frame(*numbers: int) -> pl.DataFrame:
    return pl.DataFrame({"number": numbers}, schema={"number": pl.Int64})


def test_the_result_has_the_contracts_columns_in_order_and_no_others() -> None:
    result = step.run(halve, frame(1, 2), CHECKS)
    assert result.frame.columns == ["number", "half"]
    assert result.frame.rows() == [(1, 0.5), (2, 1.0)]
    assert result.failures == []


def test_a_step_may_give_more_or_fewer_rows_than_it_got() -> None:
    twice = step.run(lambda rows: pl.concat([halve(rows), halve(rows)]), frame(1, 2), CHECKS)
    none = step.run(lambda rows: halve(rows).head(0), frame(1, 2), CHECKS)
    assert (twice.frame.height, none.frame.height) == (4, 0)


@pytest.mark.parametrize("bad", [[0], [4], [1, 2], [0, 2, 4]])
def test_records_that_a_step_cannot_do_are_found_and_the_rest_goes_on(bad: list[int]) -> None:
    def picky(rows: pl.DataFrame) -> pl.DataFrame:
        if rows["number"].is_in(bad).any():
            raise ArithmeticError("not this one")
        return halve(rows)

    result = step.run(picky, frame(0, 1, 2, 3, 4), CHECKS)
    assert [row for row, _ in result.failures] == bad
    assert {detail for _, detail in result.failures} == {"ArithmeticError: not this one"}
    assert result.frame["number"].to_list() == [number for number in range(5) if number not in bad]


def test_rows_that_break_the_outgoing_contract_are_the_steps_failures() -> None:
    result = step.run(lambda rows: halve(rows).with_columns(number=-pl.col("number")), frame(0, 7), CHECKS)
    assert result.failures == [(1, "ValueError: the step's frame breaks numbers@1: number: -7 is below the minimum 0")]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda rows: rows, "has no column half, which numbers@1 wants"),
        (lambda rows: rows.to_dict(), "gave a dict, not a polars DataFrame"),
        (lambda rows: halve(rows).with_columns(half=pl.lit("a lot")), "conversion from `str` to `f64` failed"),
    ],
)
def test_a_result_of_the_wrong_shape_is_told(wrong: step.Step, told: str) -> None:
    [(_, detail)] = step.run(wrong, frame(1), CHECKS).failures
    assert told in detail


def test_a_step_that_does_none_of_many_records_is_broken_and_nothing_is_refused() -> None:
    def broken(rows: pl.DataFrame) -> pl.DataFrame:
        raise KeyError("no such column")

    with pytest.raises(StepBroken, match="failed for each of 100 records; the first: KeyError"):
        step.run(broken, frame(*range(100)), CHECKS)
    assert len(step.run(broken, frame(*range(99)), CHECKS).failures) == 99


def test_a_step_is_found_beside_the_document(tmp_path: Path) -> None:
    (tmp_path / "own_steps_here.py").write_text("def double(frame):\n    return frame\n")
    found = step.find(Stage.model_validate({"name": "s", "from": "a", "step": "own_steps_here:double"}), tmp_path)
    assert found.__name__ == "double"


@pytest.mark.parametrize(
    ("text", "name", "told"),
    [
        (None, "steps_missing:double", "module steps_missing cannot be imported: ModuleNotFoundError"),
        ("x = ", "steps_unreadable:double", "cannot be imported: SyntaxError"),
        ("def double(frame): ...", "steps_other:duoble", 'did you mean "double"?'),
    ],
)
def test_a_step_that_cannot_be_found_is_refused_with_the_way_out(
    tmp_path: Path, text: str | None, name: str, told: str
) -> None:
    if text is not None:
        (tmp_path / f"{name.partition(':')[0]}.py").write_text(text)
    with pytest.raises(PlanRefused, match='stage "s"') as refused:
        step.find(Stage.model_validate({"name": "s", "from": "a", "step": name}), tmp_path)
    assert told in str(refused.value)

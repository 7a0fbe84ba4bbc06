"""A user's step that remembers: as documented, however it is cut, and told apart where it fails."""

import inspect
import re
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mesoscale import document
from mesoscale.contract.types import Column, Contract
from mesoscale.errors import Reason
from mesoscale_streams.records.checks import Checks
from mesoscale_streams.stages.stateful_step import StatefulStep, shape
from mesoscale_streams.stages.step import StepBroken
from mesoscale_streams.stages.watermarks import Moments
from mesoscale_streams.state.table import StateTable
from mesoscale_streams.testing import check_cuts, run_step

ROOT = Path(__file__).parents[2]
DOC = (ROOT / "docs" / "stateful-steps.md").read_text()
CONTRACT = Contract(name="out", columns=(Column(name="k", type="string"), Column(name="n", type="int64")))
SPEC = shape(["k"], pl.Schema({"k": pl.String()}), {"n": "int64"})
Frames = tuple[pl.DataFrame, pl.DataFrame]


def test_the_documented_step_and_its_test_run() -> None:
    code = "\n".join(re.findall(r"```python\n(.*?)```", DOC, re.DOTALL))
    exec(compile(code, "stateful-steps.md", "exec"), {})
    assert "check_cuts(" in code


def test_the_documented_step_is_that_of_the_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    monkeypatch.delitem(sys.modules, "steps", raising=False)
    import steps  # type: ignore[import-not-found]

    assert inspect.getsource(steps.temperature_changes) in DOC
    monkeypatch.delitem(sys.modules, "steps")
    [section] = re.findall(r"```yaml\n(.*?)```", DOC, re.DOTALL)
    text = (ROOT / "examples" / "changes.yaml").read_text()
    assert section in text
    document.parse(text, "changes.yaml")


def count(frame: pl.DataFrame, state: pl.DataFrame) -> Frames:
    """How often each key was seen; 13 is more than it can bear, and a key that said bye is forgotten."""
    if (frame["v"] == 13).any():
        raise ArithmeticError("thirteen")
    told = frame.join(state, on="k", how="left", maintain_order="left").select(
        "k", "v", n=pl.col("n").fill_null(0) + pl.int_range(1, pl.len() + 1).over("k")
    )
    last = told.group_by("k", maintain_order=True).last()
    return told.select("k", "n"), last.select("k", n=pl.when(pl.col("v") != -1).then("n"))


def operate(frame: pl.DataFrame, partitions: list[int], table: StateTable, step: object = count) -> object:
    moments = Moments(np.zeros(frame.height, np.int64), np.zeros(frame.height, np.int64), {})
    operator = StatefulStep(step, SPEC, Checks(CONTRACT))  # type: ignore[arg-type]
    return operator(frame, np.array(partitions, np.int32), moments, table)


def test_records_that_it_cannot_do_stand_alone_and_the_others_are_counted_in_order() -> None:
    table = StateTable(SPEC)
    frame = pl.DataFrame({"k": ["a", "b", "a", "a", "b"], "v": [1, 2, 13, 3, 4]})
    outcome = operate(frame, [0] * 5, table)
    assert outcome.frame.rows() == [("a", 1), ("b", 1), ("a", 2), ("b", 2)]  # type: ignore[attr-defined]
    [failure] = outcome.failures  # type: ignore[attr-defined]
    assert (failure.row, failure.reason, failure.detail) == (2, Reason.STEP_FAILED, "ArithmeticError: thirteen")
    assert table.read(table.rows(0)).sort("k").rows() == [("a", 2), ("b", 2)]


def test_a_key_whose_state_is_null_is_forgotten() -> None:
    ran = run_step(
        count,
        [pl.DataFrame({"k": ["a", "b"], "v": [1, 1]}), pl.DataFrame({"k": ["a"], "v": [-1]})],
        ["k"],
        {"n": "int64"},
    )
    assert ran.frame.rows() == [("a", 1), ("b", 1), ("a", 2)]
    assert ran.state.rows() == [("b", 1)]


def test_the_same_key_in_two_partitions_has_two_rows() -> None:
    table = StateTable(SPEC)
    operate(pl.DataFrame({"k": ["a", "a", "a", "b"], "v": [1, 1, 1, 1]}), [0, 4, 4, 4], table)
    assert table.read(table.rows(0)).rows() == [("a", 1)]
    assert table.read(table.rows(4)).sort("k").rows() == [("a", 2), ("b", 1)]


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (lambda frame, state: frame, "did not give two frames"),
        (lambda frame, state: (frame, None), "the step's state is a NoneType"),
        (lambda frame, state: (frame.select("k", n=1), state.select("k")), "the step's state has no column n"),
        (lambda frame, state: (frame.select("k", n=1), state.head(0)), "the state of 2 keys and gave other ones"),
        (lambda frame, state: (frame.select("k", n=1), state.with_columns(k=pl.lit("z"))), "gave other ones back"),
        (lambda frame, state: (frame.select("k", n=1), state.with_columns(n=pl.lit("x"))), "conversion"),
    ],
)
def test_a_step_that_breaks_its_promise_is_told_so_and_leaves_no_trace(step: object, message: str) -> None:
    table = StateTable(SPEC)
    outcome = operate(pl.DataFrame({"k": ["a", "b"], "v": [1, 1]}), [0, 0], table, step)
    assert len(outcome.failures) == 2  # type: ignore[attr-defined]
    assert len(table) == 0
    with pytest.raises(Exception, match=message):
        run_step(step, [pl.DataFrame({"k": ["a", "b"], "v": [1, 1]})], ["k"], {"n": "int64"})  # type: ignore[arg-type]
    with pytest.raises(StepBroken, match="for each of 100 records"):
        operate(pl.DataFrame({"k": ["a"] * 100, "v": [1] * 100}), [0] * 100, table, step)


def test_a_step_whose_results_depend_on_how_records_are_cut_is_found_out() -> None:
    def careless(frame: pl.DataFrame, state: pl.DataFrame) -> Frames:
        told = frame.join(state, on="k", how="left", maintain_order="left").with_columns(n=pl.col("n").fill_null(0) + 1)
        return told.select("k", "n"), told.group_by("k", maintain_order=True).last().select("k", "n")

    frame = pl.DataFrame({"k": ["a", "b", "a"], "v": [1, 1, 1]})
    check_cuts(count, frame, ["k"], {"n": "int64"})
    with pytest.raises(AssertionError, match="differ when batches have 1 records"):
        check_cuts(careless, frame, ["k"], {"n": "int64"})

"""A feature that knows the label or the future is caught before anything is learnt from it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from mesoscale.errors import PlanRefused
from mesoscale_models.fraud import history
from mesoscale_models.fraud.features import NAMES
from mesoscale_models.training import fraud, leaks
from mesoscale_models.training.leaks import LABEL

Planted = Callable[[pl.DataFrame], NDArray[np.float32]]


def column(frame: pl.DataFrame, expression: pl.Expr) -> NDArray[np.float32]:
    values: NDArray[np.float32] = frame.select(expression.cast(pl.Float32)).to_series().to_numpy()
    return values


def planted(expression: pl.Expr) -> Planted:
    """The real features, and one more that should not be there."""

    def extract(frame: pl.DataFrame) -> NDArray[np.float32]:
        return np.column_stack([history.extract(frame), column(frame, expression)])

    return extract


FRAUD = pl.col(LABEL).is_not_null()
PLANTS = {
    "the label itself": (FRAUD, "the label"),
    "the label in a hundredth of a cent": (pl.col("amount") + FRAUD.cast(pl.Float64) * 1e-2, "the label"),
    "fraud of the account so far": (FRAUD.cast(pl.Int32).cum_sum().over("account"), "the label"),
    "fraud of the account at any time": (FRAUD.any().over("account"), "the label"),
    "the next payment": (pl.col("amount").shift(-1).over("account"), "payments that come later"),
    "the mean of all payments": (pl.col("amount").mean().over("account"), "payments that come later"),
    "how many payments there will be": (pl.len().over("account"), "payments that come later"),
}


@pytest.fixture(scope="module")
def sample(payments_to_learn_from: pl.DataFrame) -> pl.DataFrame:
    return payments_to_learn_from.head(8000)


def test_the_features_leak_nothing(sample: pl.DataFrame) -> None:
    assert leaks.find(sample, history.extract, NAMES) == []


@pytest.mark.parametrize("plant", PLANTS)
def test_a_planted_leak_is_caught_and_named(sample: pl.DataFrame, plant: str) -> None:
    expression, knows = PLANTS[plant]
    found = leaks.find(sample, planted(expression), (*NAMES, plant))
    assert {leak.feature for leak in found} == {plant}
    assert knows in {leak.knows for leak in found}


def test_a_column_that_came_with_the_history_and_is_as_good_as_the_label_is_caught(sample: pl.DataFrame) -> None:
    """No code shows it: whoever made the history wrote the outcome into another column."""
    with_outcome = sample.with_columns(chargeback=FRAUD.cast(pl.Float64) + pl.col("amount") * 1e-12)
    found = leaks.find(with_outcome, planted(pl.col("chargeback")), (*NAMES, "chargeback"))
    assert [leak.feature for leak in found] == ["chargeback"]
    assert "too much" in str(found[0])


def test_nothing_is_trained_on_a_leak(
    payments_to_learn_from: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def extract(frame: pl.DataFrame, chunk: int = 0) -> NDArray[np.float32]:
        del chunk
        found = real(frame)
        found[:, 0] = column(frame, FRAUD)
        return found

    real = history.extract
    monkeypatch.setattr(history, "extract", extract)
    with pytest.raises(PlanRefused, match=f"a feature leaks: {NAMES[0]} knows the label"):
        fraud.train(payments_to_learn_from, tmp_path, fraud.Settings(), lambda _: None)

"""The stage `fraud` scores as the training judged, whatever the batches, and keeps the contract fraud-score."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from fix_models import Trained

from mesoscale.contract import catalogue
from mesoscale.errors import PlanRefused
from mesoscale.plan import remembered
from mesoscale_models.fraud import features, history, memory
from mesoscale_models.fraud.scoring import Scorer
from mesoscale_streams.records.checks import Checks
from mesoscale_streams.records.schema import polars_schema
from mesoscale_streams.stages import fraud, step
from mesoscale_streams.stages.alerts import alerts
from mesoscale_streams.stages.stateful import Stateful
from mesoscale_streams.stages.watermarks import Moments
from mesoscale_streams.state.table import StateTable

MANY = 12_000
NO_TIME = np.zeros(0, np.int64)
STILL = Moments(NO_TIME, NO_TIME, {})


@pytest.fixture(scope="module")
def payments(trained: Trained) -> pl.DataFrame:
    """As a stage reads them: all columns of the contract, in order of arrival."""
    rest = {"currency": pl.lit("EUR")}
    frame = trained.payments.head(MANY).with_columns(**rest)
    return frame.select(pl.col(name).cast(dtype) for name, dtype in polars_schema(catalogue.TRANSACTION).items())


@pytest.fixture(scope="module")
def scorer(trained: Trained) -> Scorer:
    return fraud.load(trained.home / "models", "scores")


def scored(operator: Stateful, frame: pl.DataFrame, size: int, partitions: int = 1) -> pl.DataFrame:
    table = StateTable(operator.spec)
    number = (frame["account"].str.extract(r"(\d+)").cast(pl.Int64) % partitions).to_numpy().astype(np.int32)
    parts = []
    for first in range(0, frame.height, size):
        batch = frame.slice(first, size)
        parts.append(operator(batch, number[first : first + size], STILL, table).frame)
    return pl.concat(parts)


def test_the_stage_scores_as_the_training_did(payments: pl.DataFrame, scorer: Scorer) -> None:
    expected = scorer.score(history.extract(payments))
    operator = fraud.Fraud(scorer, catalogue.FRAUD_SCORE)
    for size in (MANY, 5000, 777):
        found = scored(operator, payments, size)
        assert found["score"].cast(pl.Float32).to_list() == expected.probability.tolist()
        assert found["alert"].to_list() == expected.alert.tolist()
        assert found["reasons"].to_list() == expected.reasons
    assert found["model"].unique().to_list() == [scorer.version]
    assert found["alert"].sum() > 10


def test_partitions_are_scored_apart_and_alike(payments: pl.DataFrame, scorer: Scorer) -> None:
    operator = fraud.Fraud(scorer, catalogue.FRAUD_SCORE)
    assert scored(operator, payments, 1000, 6).equals(scored(operator, payments, 1000, 1))


def test_scored_payments_keep_the_contract(payments: pl.DataFrame, scorer: Scorer) -> None:
    operator = fraud.Fraud(scorer, catalogue.FRAUD_SCORE)
    found = scored(operator, payments, 1000)
    assert step.conform(found, Checks(catalogue.FRAUD_SCORE)).height == MANY
    nothing = operator(payments.clear(), np.zeros(0, np.int32), STILL, StateTable(operator.spec)).frame
    assert nothing.schema == polars_schema(catalogue.FRAUD_SCORE)


def test_alerts_are_the_flagged_ones(payments: pl.DataFrame, scorer: Scorer) -> None:
    found = scored(fraud.Fraud(scorer, catalogue.FRAUD_SCORE), payments, 1000)
    flagged = alerts(found)
    assert flagged.height == found["alert"].sum()
    assert flagged.filter(pl.col("reasons") == "").height <= 0.02 * flagged.height


def test_the_core_knows_the_form_of_what_is_remembered() -> None:
    """A stage whose memory has another form is refused by the plan, which the core makes."""
    assert remembered.FRAUD_MEMORY == memory.VERSION


def test_the_core_demands_the_columns_that_features_read() -> None:
    from mesoscale.graph import fit

    columns = catalogue.TRANSACTION.columns
    demanded = {one.name for one in columns if not one.nullable and one.name not in fit.UNREAD}
    assert demanded == set(features.READS)


def test_without_a_model_the_stage_says_how_to_train_one(tmp_path: Path) -> None:
    with pytest.raises(PlanRefused, match=r'stage "scores" scores with the promoted(?s:.*)meso train fraud'):
        fraud.load(tmp_path, "scores")
    with pytest.raises(PlanRefused, match="told of no folder of models"):
        fraud.load(None, "scores")

"""The built-in step `fraud`: what is remembered of each account, features of its payments, and the model's score.

Features, memory and score are the models' room's; here they meet the columnar state of a stage. It scores whatever
comes, at whatever time: a payment sees those of its account that arrived before it.
"""

from pathlib import Path

import numpy as np
import polars as pl

from mesoscale.contract.types import Contract
from mesoscale.errors import PlanRefused, Problem, Reason
from mesoscale_models import artefact
from mesoscale_models.fraud import features, memory
from mesoscale_models.fraud.scoring import Scorer
from mesoscale_streams.records.schema import polars_schema
from mesoscale_streams.stages.stateful import Outcome
from mesoscale_streams.stages.watermarks import Moments, Partitions
from mesoscale_streams.state.spec import StateSpec
from mesoscale_streams.state.table import StateTable

MODEL = "fraud"
TRAIN = "train one: meso train fraud DOCUMENT; models/README.md says how a cluster gets it"
SPEC = StateSpec(("account",), pl.Schema({"account": pl.String(), **memory.COLUMNS}))


class Fraud:
    """Scores payments with one version of the model."""

    def __init__(self, scorer: Scorer, outgoing: Contract) -> None:
        """Args:
        scorer: the version.
        outgoing: the contract of what comes out.
        """
        self._scorer = scorer
        self._nothing = pl.DataFrame(schema=polars_schema(outgoing))
        self.spec = SPEC

    def __call__(self, frame: pl.DataFrame, partitions: Partitions, moments: Moments, table: StateTable) -> Outcome:
        """As `Stateful` says."""
        if frame.is_empty():
            return Outcome(self._nothing)
        rows, place = np.unique(table.insert(partitions, frame.select("account")), return_inverse=True)
        before = {name: table.numbers(name, rows) for name in memory.COLUMNS}
        found, after = features.extract(frame, place, before)
        for name, values in after.items():
            table.set_numbers(name, rows, values)
        scores = self._scorer.score(found)
        return Outcome(
            frame.with_columns(
                score=pl.Series(scores.probability.astype(np.float64)),
                alert=pl.Series(scores.alert),
                reasons=pl.Series(scores.reasons, dtype=pl.String),
                model=pl.lit(self._scorer.version),
            )
        )


def load(models: Path | None, stage: str) -> Scorer:
    """The promoted version of the model.

    Args:
        models: the folder of all models, if this program was told of one.
        stage: who asks.

    Raises:
        PlanRefused: there is none, or it was trained on other features than are computed here.
    """
    version = artefact.champion(models / MODEL) if models else None
    if version is None:
        where = f"{models / MODEL} has none" if models else "this program was told of no folder of models (--models)"
        message = f'stage "{stage}" scores with the promoted version of model {MODEL}, and {where}'
        raise PlanRefused(Problem(Reason.NOT_FOUND, message, hint=TRAIN))
    return Scorer(version)

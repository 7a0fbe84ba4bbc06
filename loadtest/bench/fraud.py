"""The fraud stage's own work, without Kafka: features and the model over batches of BATCH payments, one core.

The first figures are those of `mesoscale_models`, what is remembered in plain arrays. `whole step` is the stage's
operator over its state table, and with it the decoding, checks and encoding that a stage does; the changelog and
Kafka's client come on top.
"""

import os

os.environ.setdefault("POLARS_MAX_THREADS", "1")  # as the programs of a pipeline have it

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from loadtest.bench.measure import RUNS, Figure, collect_as_our_programs_do, now
from mesoscale.contract import catalogue
from mesoscale.model.source import Synthetic
from mesoscale_models.fraud import history
from mesoscale_models.fraud.scoring import Scorer
from mesoscale_models.training import fraud, payments
from mesoscale_streams.records import encode
from mesoscale_streams.records.checks import Checks
from mesoscale_streams.records.decode import Decoder
from mesoscale_streams.sources import history as made
from mesoscale_streams.stages import fraud as stage
from mesoscale_streams.stages.step import conform
from mesoscale_streams.stages.watermarks import Moments
from mesoscale_streams.state.table import StateTable

BATCH = 5_000
BATCHES = 20
PARTITIONS = 6
PER_SECOND = 50.0  # of event time
LEARNT_FROM = 300_000  # payments
SEED = 7

_STILL = Moments(np.zeros(0, np.int64), np.zeros(0, np.int64), {})


def measure(_: int) -> list[Figure]:
    """Each part RUNS times over BATCHES batches that follow as many payments."""
    with tempfile.TemporaryDirectory() as folder:
        values, scorer = _prepare(Path(folder))
    decoder = Decoder(catalogue.TRANSACTION)
    frames = [decoder.decode(batch).frame for batch in values]
    collect_as_our_programs_do()
    costs: dict[str, list[float]] = {}
    for run in range(RUNS + 1):
        spent = _models(frames, scorer) | _stage(values, frames, scorer)
        if run:  # the first one warms caches up
            for what, seconds in spent.items():
                costs.setdefault(what, []).append(BATCH * BATCHES / seconds)
    detail = {"batch": BATCH, "batches": BATCHES, "payments before": BATCH * BATCHES, "accounts": 10_000}
    return [Figure(what, "records/CPU-s", runs, detail) for what, runs in costs.items()]


def _models(frames: Sequence[pl.DataFrame], scorer: Scorer) -> dict[str, float]:
    accounts, found = history.Accounts(), []
    for frame in frames[:BATCHES]:
        accounts.extract(frame)
    features = _cpu(lambda: found.extend(accounts.extract(frame) for frame in frames[BATCHES:]))
    model = _cpu(lambda: [scorer.score(one) for one in found])
    return {"features": features, "model and reasons": model, "features and model": features + model}


def _stage(values: Sequence[list[bytes]], frames: Sequence[pl.DataFrame], scorer: Scorer) -> dict[str, float]:
    operator, outgoing = stage.Fraud(scorer, catalogue.FRAUD_SCORE), catalogue.FRAUD_SCORE
    decoder, checks, table = Decoder(catalogue.TRANSACTION), Checks(outgoing), StateTable(operator.spec)
    partitions = [(frame["account"].hash() % PARTITIONS).to_numpy().astype(np.int32) for frame in frames]

    def step(number: int, frame: pl.DataFrame) -> pl.DataFrame:
        produced = operator(frame, partitions[number], _STILL, table).frame
        table.changes()
        return produced

    def whole(number: int) -> None:
        produced = conform(step(number, decoder.decode(values[number]).frame), checks)
        encode.encode(produced)
        encode.keys(produced, outgoing)

    half = BATCHES // 2
    for number in range(BATCHES):
        step(number, frames[number])
    alone = _cpu(lambda: [step(number, frames[number]) for number in range(BATCHES, BATCHES + half)])
    with_records = _cpu(lambda: [whole(number) for number in range(BATCHES + half, 2 * BATCHES)])
    return {"step over its state": 2 * alone, "whole step, records to records": 2 * with_records}


def _cpu(work: Callable[[], Any]) -> float:
    began = now()
    work()
    return (now() - began).cpu


def _prepare(folder: Path) -> tuple[list[list[bytes]], Scorer]:
    """Batches of records, and a model trained on other payments."""
    taught = payments.make(LEARNT_FROM, SEED + 1, ["--per-second", str(PER_SECOND)])
    card = fraud.train(taught, folder, fraud.Settings(seed=SEED), lambda _: None)
    made.write(Synthetic(per_second=PER_SECOND), SEED, 2 * BATCH * BATCHES, folder / "payments.arrow")
    frame = pl.read_ipc(folder / "payments.arrow")
    frame = frame.with_columns(pl.col("occurred_at").dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"))
    batches = [frame.slice(first, BATCH) for first in range(0, frame.height, BATCH)]
    values = [batch.write_ndjson().encode().splitlines() for batch in batches]
    return values, Scorer(folder / "models" / "fraud" / card["version"])

"""The fraud stage's own work, without Kafka: features and the model over batches of BATCH payments, one core.

What is remembered lies in numpy arrays here, so the figures are those of `mesoscale_models`; a stage adds decoding, its
state table, encoding and the commit.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from loadtest.bench.measure import RUNS, Figure, collect_as_our_programs_do, now
from mesoscale.model.source import Synthetic
from mesoscale_models.fraud import history
from mesoscale_models.fraud.scoring import Scorer
from mesoscale_models.training import fraud, payments
from mesoscale_streams.sources import history as made

BATCH = 5_000
BATCHES = 20
PER_SECOND = 50.0  # of event time
LEARNT_FROM = 300_000  # payments
SEED = 7


def measure(_: int) -> list[Figure]:
    """Features, model, and both, RUNS times over BATCHES batches that follow a history of as many payments."""
    with tempfile.TemporaryDirectory() as folder:
        before, after, scorer = _prepare(Path(folder))
    collect_as_our_programs_do()
    costs: dict[str, list[float]] = {"features": [], "model and reasons": [], "features and model": []}
    for run in range(RUNS + 1):
        accounts = history.Accounts()
        for batch in before:
            accounts.extract(batch)
        found: list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]] = []
        spent = {
            "features": _cpu(lambda: found.extend(accounts.extract(batch) for batch in after)),  # noqa: B023
            "model and reasons": _cpu(lambda: [scorer.score(features) for features in found]),  # noqa: B023
        }
        spent["features and model"] = sum(spent.values())
        if run:  # the first one warms caches up
            for what, seconds in spent.items():
                costs[what].append(BATCH * BATCHES / seconds)
    detail = {"batch": BATCH, "batches": BATCHES, "payments before": BATCH * BATCHES, "accounts": 10_000}
    return [Figure(what, "records/CPU-s", runs, detail) for what, runs in costs.items()]


def _cpu(work: Callable[[], object]) -> float:
    began = now()
    work()
    return (now() - began).cpu


def _prepare(folder: Path) -> tuple[list[pl.DataFrame], list[pl.DataFrame], Scorer]:
    """Batches to remember, batches to score, and a model trained on other payments."""
    section = Synthetic(per_second=PER_SECOND)
    taught = payments.make(LEARNT_FROM, SEED + 1, ["--per-second", str(PER_SECOND)])
    card = fraud.train(taught, folder, fraud.Settings(seed=SEED), lambda _: None)
    made.write(section, SEED, 2 * BATCH * BATCHES, folder / "payments.arrow")
    frame = payments.read(folder / "payments.arrow").rechunk()
    batches = [frame.slice(first, BATCH) for first in range(0, frame.height, BATCH)]
    return batches[:BATCHES], batches[BATCHES:], Scorer(folder / "models" / "fraud" / card["version"])

"""Training the fraud model: history → features → split → fit → calibrate → threshold → figures → a version on disk."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mesoscale.errors import MesoscaleError, PlanRefused, Problem, Reason
from mesoscale_models import artefact, measures
from mesoscale_models.fraud import features, history, memory, rules
from mesoscale_models.fraud.scoring import Scorer
from mesoscale_models.training import boosting, evaluate, leaks, onnx_trees, split

MODEL = "fraud"
LEAST_FRAUD = 50  # payments in each part, below which nothing that is said of a model means much
SAMPLE = 20_000  # payments that are searched for leaks
PARITY = 1e-4  # greatest difference between the trainer's own probability and the exported graph's

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Settings:
    """What a training is told. `miss` and `alarm` are what a missed fraud and a false alarm cost, in one currency."""

    seed: int = 1
    miss: float = 50.0
    alarm: float = 2.0
    promote: str = "better"  # or always, never


def train(payments: pl.DataFrame, home: Path, settings: Settings, say: Say) -> dict[str, Any]:
    """Train on a history in the order of arrival, keep the version under `home`, and return its card.

    Raises:
        PlanRefused: a feature leaks, or there is too little fraud to learn from.
    """
    _refuse_leaks(payments.head(SAMPLE))
    found = history.extract(payments)
    fraud = payments[leaks.LABEL].is_not_null().to_numpy()
    parts = split.by_time(payments["occurred_at"])
    _refuse_too_little(fraud, parts)
    say(f"learning from {int(parts.train.sum()):,} payments, {int(fraud[parts.train].sum()):,} of them fraud")
    model = boosting.fit(_taught(found[parts.train], parts), fraud[parts.train], settings.seed)
    margins = boosting.margin(model, found[parts.calibrate])
    slope, intercept = boosting.calibrate(margins, fraud[parts.calibrate])
    graph = onnx_trees.export(model, len(features.NAMES), slope, intercept)
    card = _card(found, fraud, parts, settings)
    card |= {"calibration": {"slope": slope, "intercept": intercept}, "threshold": evaluate.NEVER}
    versions = artefact.folder(home, MODEL)
    scored = _scored(versions, graph, card, found)
    _refuse_other_answers(scored[parts.calibrate], boosting.probability(margins, slope, intercept))
    _judge(card, scored, found, payments[leaks.LABEL], parts, settings)
    artefact.write(versions, card["version"], graph, card)
    card["promoted"] = _promote(versions, card, found, fraud, parts, settings)
    return card


def _taught(found: NDArray[np.float32], parts: split.Split) -> NDArray[np.float32]:
    """The features without those that this history is too short for: no tree asks for what is always the same."""
    hidden = [features.NAMES.index(name) for name in parts.too_short_for]
    found = found.copy()
    found[:, hidden] = 0
    return found


def _card(
    found: NDArray[np.float32], fraud: NDArray[np.bool_], parts: split.Split, settings: Settings
) -> dict[str, Any]:
    """What is known before anything is judged. The version is a hash of all that goes into a training."""
    digest = hashlib.sha256(np.ascontiguousarray(found).tobytes())
    digest.update(fraud.tobytes())
    made_by: dict[str, Any] = {
        "features": {"version": features.VERSION, "names": list(features.NAMES)},
        "memory": memory.VERSION,
        "data": {
            "sha256": digest.hexdigest(),
            "payments": int(fraud.size),
            "fraud": int(fraud.sum()),
            "seconds": parts.seconds,
            "calibrate_from": parts.moments[0],
            "test_from": parts.moments[1],
            "too_short_for": parts.too_short_for,
        },
        "settings": {**asdict(settings), "trees": boosting.SETTINGS, "honest_per_fraud": boosting.HONEST_PER_FRAUD},
        "made_with": {name: package_version(name) for name in ("scikit-learn", "onnx", "numpy")},
    }
    del made_by["settings"]["promote"]  # says what becomes of a version, not what is in it
    version = hashlib.sha256(json.dumps(made_by, sort_keys=True).encode()).hexdigest()[:12]
    ordinary = np.nanmedian(found[parts.train & ~fraud], axis=0)
    typical = [None if np.isnan(value) else float(value) for value in ordinary]
    return {"model": MODEL, "version": version, **made_by, "typical": typical}


def _scored(versions: Path, graph: bytes, card: dict[str, Any], found: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities as they will be served: by the exported graph, loaded from a folder like any version."""
    trial = artefact.write(versions / ".trial", card["version"], graph, card)
    try:
        return Scorer(trial).score(found).probability
    finally:
        artefact.remove(versions / ".trial")


def _judge(
    card: dict[str, Any],
    scored: NDArray[np.float32],
    found: NDArray[np.float32],
    pattern: pl.Series,
    parts: split.Split,
    settings: Settings,
) -> None:
    """Thresholds from the middle part, figures from the last one, for the model and for the rules."""
    fraud = pattern.is_not_null().to_numpy()
    points = rules.score(found)
    middle, test = parts.calibrate, parts.test
    costs = (settings.miss, settings.alarm)
    card["threshold"] = limit = evaluate.threshold(scored[middle], fraud[middle], *costs)
    by_rules = evaluate.threshold(points[middle], fraud[middle], *costs) if fraud[middle].any() else evaluate.NEVER
    card["metrics"] = {
        "payments": int(test.sum()),
        "fraud": int(fraud[test].sum()),
        "model": evaluate.judge(scored[test], fraud[test], limit, *costs),
        "rules": evaluate.judge(points[test], fraud[test], by_rules, *costs),
        "recall_by_pattern": evaluate.by_pattern(scored[test] >= limit, pattern.filter(test)),
        "brier": measures.brier(scored[test], fraud[test]),
        "mean_probability": float(scored[test].mean()),
        "best_single_feature": evaluate.best_single(found[test], fraud[test], features.NAMES),
    }


def _promote(
    versions: Path,
    card: dict[str, Any],
    found: NDArray[np.float32],
    fraud: NDArray[np.bool_],
    parts: split.Split,
    settings: Settings,
) -> bool:
    """Make it the champion unless told not to, or the champion of today does better on the same payments."""
    if settings.promote == "never":
        return False
    reigning = artefact.champion(versions)
    if settings.promote == "better" and reigning is not None and reigning.name != card["version"]:
        try:
            rival = Scorer(reigning).score(found[parts.test]).probability
        except MesoscaleError:  # of other features, or torn: it serves nobody any more
            rival = np.zeros(int(parts.test.sum()), np.float32)
        if measures.pr_auc(rival, fraud[parts.test]) > card["metrics"]["model"]["pr_auc"]:
            return False
    artefact.promote(versions, card["version"])
    return True


def _refuse_leaks(sample: pl.DataFrame) -> None:
    found = leaks.find(sample, history.extract, features.NAMES)
    if found:
        raise PlanRefused(Problem(Reason.INVALID_VALUE, f"a feature leaks: {'; '.join(map(str, found))}"))


def _refuse_too_little(fraud: NDArray[np.bool_], parts: split.Split) -> None:
    least = min(int(fraud[part].sum()) for part in (parts.train, parts.calibrate, parts.test))
    if least < LEAST_FRAUD:
        message = f"the history is too short: one of its three parts holds {least} fraudulent payments of {LEAST_FRAUD}"
        raise PlanRefused(Problem(Reason.INVALID_VALUE, message, hint="ask for more with --records"))


def _refuse_other_answers(exported: NDArray[np.float32], own: NDArray[np.float64]) -> None:
    apart = float(np.abs(exported - own).max(initial=0))
    if apart > PARITY:
        message = f"the exported model answers otherwise than the trained one, by up to {apart:.2g}"
        raise PlanRefused(Problem(Reason.INVALID_VALUE, message))

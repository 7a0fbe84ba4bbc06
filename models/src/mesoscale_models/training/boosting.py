"""Fitting: boosted trees on thinned honest payments, then a calibration of their margins."""

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

# One thread: sums in another order give other trees, and two threads that wait for each other spin on a busy machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

HONEST_PER_FRAUD = 20  # honest payments that are kept for each fraudulent one; weights make up for the rest

SETTINGS: dict[str, Any] = {
    "max_iter": 100,
    "learning_rate": 0.1,
    "max_leaf_nodes": 15,
    "min_samples_leaf": 60,
    "l2_regularization": 1.0,
    "early_stopping": False,
}

Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]


def fit(features: NDArray[np.float32], fraud: Bools, seed: int) -> HistGradientBoostingClassifier:
    """Trees on all fraud and a draw of honest payments.

    Fraud is one payment in hundreds. Honest ones are thinned, which costs little of what can be learnt and saves
    most of the time, and weigh as many as they stand for, so margins stay those of the stream.
    """
    wanted = min(1.0, HONEST_PER_FRAUD * int(fraud.sum()) / max(int((~fraud).sum()), 1))
    kept = fraud | (np.random.default_rng(seed).random(fraud.size) < wanted)
    weights = np.where(fraud[kept], 1.0, 1.0 / wanted)
    model = HistGradientBoostingClassifier(random_state=seed, **SETTINGS)
    return model.fit(features[kept], fraud[kept], sample_weight=weights)


def margin(model: HistGradientBoostingClassifier, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """The sum of the leaves each payment falls into: the logarithm of the odds, before calibration."""
    found: NDArray[np.float64] = model.decision_function(features)
    return found


def calibrate(margins: Floats, fraud: Bools) -> tuple[float, float]:
    """Slope and intercept of Platt's sigmoid: probability = 1 / (1 + exp(-(slope * margin + intercept))).

    Two numbers and not isotonic steps: fraud in the middle split is counted in hundreds, and steps would make equal
    what the trees tell apart.
    """
    fitted = LogisticRegression(C=np.inf, max_iter=1000).fit(margins.reshape(-1, 1), fraud)
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])


def probability(margins: Floats, slope: float, intercept: float) -> NDArray[np.float64]:
    """Calibrated probability of margins."""
    return 1 / (1 + np.exp(-(slope * margins.astype(np.float64) + intercept)))

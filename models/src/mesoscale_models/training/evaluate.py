"""A score judged on payments it has not seen: the same figures for a model and for the plain rules."""

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mesoscale_models import measures

FALSE_ALARMS = 0.01  # of honest payments, at which recall is told
NEVER = 2.0  # a threshold above every probability: nothing is worth flagging

Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]


def threshold(scores: Floats, fraud: Bools, miss: float, alarm: float) -> float:
    """The cheapest threshold on scores, or NEVER."""
    return min(measures.cheapest(scores, fraud, miss, alarm), NEVER)


def judge(scores: Floats, fraud: Bools, limit: float, miss: float, alarm: float) -> dict[str, float]:
    """What scores are worth, with `limit` as the threshold; cost per 1,000 payments."""
    alerts = scores >= limit
    return {
        "pr_auc": measures.pr_auc(scores, fraud),
        "roc_auc": measures.roc_auc(scores, fraud),
        "recall_at_1pct_false_alarms": measures.recall_at(scores, fraud, FALSE_ALARMS),
        "cost": measures.cost(alerts, fraud, miss, alarm),
        "recall": float((alerts & fraud).sum() / max(int(fraud.sum()), 1)),
        "precision": float((alerts & fraud).sum() / max(int(alerts.sum()), 1)),
        "alerts_per_1000": float(1000 * alerts.mean()),
    }


def by_pattern(alerts: Bools, pattern: pl.Series) -> dict[str, float]:
    """The part of each pattern of fraud that is flagged."""
    frame = pl.DataFrame({"pattern": pattern, "alert": alerts}).drop_nulls("pattern")
    told = frame.group_by("pattern").agg(pl.col("alert").mean()).sort("pattern")
    return dict(zip(told["pattern"].to_list(), told["alert"].to_list(), strict=True))


def best_single(features: NDArray[np.float32], fraud: Bools, names: tuple[str, ...]) -> dict[str, Any]:
    """The feature that tells most alone, from either side, and its area under precision over recall."""
    values = np.nan_to_num(features.astype(np.float64), nan=-1.0)
    areas = [
        max(measures.pr_auc(values[:, i], fraud), measures.pr_auc(-values[:, i], fraud)) for i in range(len(names))
    ]
    best = int(np.argmax(areas))
    return {"feature": names[best], "pr_auc": areas[best]}

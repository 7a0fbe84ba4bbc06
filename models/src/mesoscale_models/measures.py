"""How good scores are at telling a few from many; plain numpy, so a test can hold them against another library."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Bools = NDArray[np.bool_]


def pr_auc(scores: Floats, truth: Bools) -> float:
    """Average precision: the area under precision over recall, in steps (no interpolation); ties are taken together."""
    hits, flagged = _by_threshold(scores, truth)
    recall = np.diff(hits, prepend=0) / max(int(truth.sum()), 1)
    return float(np.sum(recall * hits / flagged))


def roc_auc(scores: Floats, truth: Bools) -> float:
    """The chance that one of the few scores above one of the many, ties at half (Mann and Whitney)."""
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    few, many = int(truth.sum()), int((~truth).sum())
    return float((ranks[truth].sum() - few * (few + 1) / 2) / max(few * many, 1))


def recall_at(scores: Floats, truth: Bools, false_alarms: float) -> float:
    """The part of the few that is found by the lowest threshold which flags at most `false_alarms` of the many."""
    hits, flagged = _by_threshold(scores, truth)
    allowed = (flagged - hits) <= false_alarms * int((~truth).sum())
    return float(hits[allowed].max(initial=0) / max(int(truth.sum()), 1))


def cost(alerts: Bools, truth: Bools, miss: float, alarm: float) -> float:
    """What it costs, per 1,000 records: `miss` for each of the few that is not flagged, `alarm` for each wrong flag."""
    wrong = miss * int((truth & ~alerts).sum()) + alarm * int((alerts & ~truth).sum())
    return 1000 * wrong / max(truth.size, 1)


def cheapest(scores: Floats, truth: Bools, miss: float, alarm: float) -> float:
    """The threshold (flag what scores at least so much) of the least cost; infinite where that is to flag nothing."""
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.diff(scores[order]) != 0, True)
    hits = np.cumsum(truth[order])[ends]
    flagged = np.flatnonzero(ends) + 1
    costs = miss * (int(truth.sum()) - hits) + alarm * (flagged - hits)
    if not costs.size or costs.min() >= miss * int(truth.sum()):
        return float("inf")
    return float(scores[order][ends][int(np.argmin(costs))])


def brier(probability: Floats, truth: Bools) -> float:
    """Mean squared distance of probability and truth."""
    return float(np.mean((probability - truth) ** 2))


def _by_threshold(scores: Floats, truth: Bools) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each distinct score from the highest on: how many of the few, and how many at all, score at least so much."""
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.diff(scores[order]) != 0, True)[: order.size]
    return np.cumsum(truth[order])[ends], np.flatnonzero(ends) + 1

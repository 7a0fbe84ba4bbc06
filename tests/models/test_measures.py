"""Our measures are those of another library, and cost is what it says."""

import numpy as np
import pytest
from sklearn import metrics

from mesoscale_models import measures

RANDOM = np.random.default_rng(3)
CASES = {
    "all different": RANDOM.random(2000),
    "many ties": RANDOM.integers(0, 5, 2000).astype(float),
    "all equal": np.zeros(2000),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("informed", [False, True])
def test_areas_are_those_of_another_library(case: str, informed: bool) -> None:
    truth = RANDOM.random(2000) < 0.05
    scores = CASES[case] + (0.3 * truth if informed else 0)
    assert measures.pr_auc(scores, truth) == pytest.approx(metrics.average_precision_score(truth, scores))
    assert measures.roc_auc(scores, truth) == pytest.approx(metrics.roc_auc_score(truth, scores))


def test_recall_counts_what_the_allowed_false_alarms_find() -> None:
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3])
    truth = np.array([True, False, True, False, True, False, False])
    assert measures.recall_at(scores, truth, 0.0) == pytest.approx(1 / 3)
    assert measures.recall_at(scores, truth, 0.25) == pytest.approx(2 / 3)
    assert measures.recall_at(scores, truth, 0.5) == 1
    assert measures.recall_at(np.ones(7), truth, 0.5) == 0, "a tie is taken whole or not at all"


def test_cost_is_told_for_a_thousand_records() -> None:
    truth = np.array([True, True, False, False])
    alerts = np.array([True, False, True, False])
    assert measures.cost(alerts, truth, miss=50, alarm=2) == 1000 * 52 / 4


@pytest.mark.parametrize("miss", [1.0, 10.0, 300.0])
def test_the_cheapest_threshold_is_cheaper_than_all_others(miss: float) -> None:
    truth = RANDOM.random(500) < 0.1
    scores = np.round(RANDOM.random(500) * 0.7 + truth * 0.3, 2)
    best = measures.cheapest(scores, truth, miss, 1.0)
    costs = [measures.cost(scores >= limit, truth, miss, 1.0) for limit in [*np.unique(scores), np.inf]]
    assert measures.cost(scores >= best, truth, miss, 1.0) == min(costs)


def test_flagging_nothing_is_cheapest_where_alarms_cost_more_than_fraud() -> None:
    truth = np.array([True, False])
    assert measures.cheapest(np.array([0.1, 0.9]), truth, miss=1, alarm=100) == np.inf

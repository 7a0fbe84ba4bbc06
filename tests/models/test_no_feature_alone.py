"""What is to be learnt from made-up payments lies in several features together: none alone tells fraud."""

import numpy as np
import pytest

from mesoscale_models import measures
from mesoscale_models.fraud import history
from mesoscale_models.fraud.features import NAMES
from mesoscale_models.training import payments

# Measured: at most 0.05 (device_age) in a dense stream, where accounts pay every minute or two, and at most 0.09
# (count_10m) in a sparse one, where an account pays twice a day. Fraud is 0.004 of the payments.
MOST_PR_AUC = {"dense": 0.1, "sparse": 0.15}
MOST_ROC_AUC = {"dense": 0.9, "sparse": 0.97}
STREAMS = {"dense": ("--per-second", "100"), "sparse": ("--per-second", "2", "--accounts", "50000")}


@pytest.mark.parametrize("stream", STREAMS)
def test_no_feature_alone_tells_fraud(stream: str) -> None:
    made = payments.make(150_000, 1, STREAMS[stream])
    half = made.height // 2  # the first half teaches what is usual
    found = np.nan_to_num(history.extract(made)[half:].astype(np.float64), nan=-1.0)
    truth = made["fraud_pattern"].is_not_null().to_numpy()[half:]
    for column, name in enumerate(NAMES):
        values = found[:, column]
        area = measures.roc_auc(values, truth)
        assert max(area, 1 - area) < MOST_ROC_AUC[stream], name
        assert max(measures.pr_auc(values, truth), measures.pr_auc(-values, truth)) < MOST_PR_AUC[stream], name

"""The plain baseline: what an analyst would write down without a model, as points that add up."""

import numpy as np
from numpy.typing import NDArray

from mesoscale_models.fraud.features import NAMES

_PLACE = {name: column for column, name in enumerate(NAMES)}


def score(features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Points of each payment: 2 for what is hardly ever honest, 1 for what is worth a look."""

    def of(name: str) -> NDArray[np.float32]:
        return np.nan_to_num(features[:, _PLACE[name]], nan=0.0)

    fires = (
        (2, (of("speed") > 900) & (of("distance") > 300)),  # faster than an aeroplane
        (2, (of("new_device") == 1) & (of("amount_ratio") > np.log(3))),  # a new device, and three times as much
        (2, (of("new_country") == 1) & (of("new_device") == 1)),
        (1, of("count_1m") >= 4),
        (1, of("count_10m") >= 8),
        (1, of("small_count_1h") >= 3),  # is the card still good?
        (1, of("amount_z") > 3),
        (1, of("new_device") == 1),
        (1, of("new_country") == 1),
    )
    points: NDArray[np.float64] = np.sum([weight * fired for weight, fired in fires], axis=0, dtype=np.float64)
    return points

"""Why a payment was flagged: what the score would lose if one side of the payment were ordinary."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mesoscale_models.fraud.features import NAMES, WINDOWS

# Features that tell of the same side of a payment; together, as each alone can be replaced by its neighbours.
SIDES: dict[str, tuple[str, ...]] = {
    "velocity": (
        *(f"{what}_{window}" for what in ("count", "sum") for window in WINDOWS),
        "gap", "session_count", "session_seconds",
    ),
    "amount": ("amount_ratio", "amount_z", "amount_to_last", "amount_to_most", "small_count_1h"),
    "device": ("new_device", "device_share", "device_age"),
    "merchant": ("new_merchant", "merchant_share", "merchant_age", "merchant_count_1h", "category"),
    "place": ("new_country", "country_share", "distance", "speed"),
    "hour": ("hour",),
}  # fmt: skip
MOST = 3  # reasons that are told

_COLUMNS = [np.array([NAMES.index(name) for name in names]) for names in SIDES.values()]
_SIDES = np.array(list(SIDES))

Margin = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def tell(
    features: NDArray[np.float32], margins: NDArray[np.float32], typical: NDArray[np.float32], margin: Margin
) -> list[str]:
    """For each payment up to MOST of SIDES, comma-separated, the weightiest first.

    Args:
        features: (n, NAMES) of the flagged payments, with their `margins` (n).
        typical: (NAMES) what is ordinary.
        margin: scores (m, NAMES) → (m).
    """
    if not len(features):
        return []
    altered = np.repeat(features[None], len(_COLUMNS), axis=0)
    for side, columns in enumerate(_COLUMNS):
        altered[side][:, columns] = typical[columns]
    lost = margins - margin(altered.reshape(-1, features.shape[1])).reshape(len(_COLUMNS), -1)
    order = np.argsort(-lost, axis=0, kind="stable")[:MOST].T
    return [",".join(_SIDES[best[lost[best, row] > 0]]) for row, best in enumerate(order)]

"""Does a feature know what it cannot know when a payment is scored: the label, or what comes later?

A feature is a function of the stream; so it is asked about streams that differ only in what it must not know, and has
to answer the same. That finds any leak through the code. What no code shows, a feature that alone is as good as the
label, is found by its rank.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mesoscale_models import measures

LABEL = "fraud_pattern"
TOO_GOOD = 0.995  # area under the ROC curve that no honest feature of payments reaches alone
CUTS = (0.31, 0.5, 0.87)  # parts of a history after which it is cut off

Extract = Callable[[pl.DataFrame], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Leak:
    """A feature and what it knows."""

    feature: str
    knows: str

    def __str__(self) -> str:
        return f"{self.feature} knows {self.knows}"


def find(history: pl.DataFrame, extract: Extract, names: Sequence[str]) -> list[Leak]:
    """The leaks of `extract` over a history in the order of arrival; some thousands of payments are enough."""
    whole = extract(history)
    leaks = [*_of_the_label(history, extract, whole, names), *_of_the_future(history, extract, whole, names)]
    found = {leak.feature for leak in leaks}
    return leaks + [leak for leak in _too_good(history, whole, names) if leak.feature not in found]


def _of_the_label(
    history: pl.DataFrame, extract: Extract, whole: NDArray[np.float32], names: Sequence[str]
) -> list[Leak]:
    patterns = history[LABEL].drop_nulls().unique(maintain_order=True)
    other = patterns[0] if patterns.len() else "velocity"
    label = pl.col(LABEL)
    turned = history.with_columns(pl.when(label.is_null()).then(pl.lit(other)).otherwise(None).alias(LABEL))
    none = history.with_columns(pl.lit(None, pl.String).alias(LABEL))
    differ = _differ(extract(turned), whole) | _differ(extract(none), whole)
    return [Leak(names[column], "the label") for column in np.flatnonzero(differ).tolist()]


def _of_the_future(
    history: pl.DataFrame, extract: Extract, whole: NDArray[np.float32], names: Sequence[str]
) -> list[Leak]:
    differ = np.zeros(len(names), np.bool_)
    for part in CUTS:
        until = int(part * history.height)
        differ |= _differ(extract(history.head(until)), whole[:until])
    return [Leak(names[column], "payments that come later") for column in np.flatnonzero(differ).tolist()]


def _too_good(history: pl.DataFrame, whole: NDArray[np.float32], names: Sequence[str]) -> list[Leak]:
    fraud = history[LABEL].is_not_null().to_numpy()
    if not fraud.any() or fraud.all():
        return []
    values = np.nan_to_num(whole.astype(np.float64), nan=-1.0, posinf=1e300, neginf=-1e300)
    areas = [measures.roc_auc(values[:, column], fraud) for column in range(len(names))]
    return [
        Leak(name, f"too much: alone it tells fraud with an area of {max(area, 1 - area):.3f} under the ROC curve")
        for name, area in zip(names, areas, strict=True)
        if max(area, 1 - area) > TOO_GOOD
    ]


def _differ(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which columns differ anywhere; bit by bit, so NaN equals NaN."""
    different: NDArray[np.bool_] = (one.view(np.uint32) != other.view(np.uint32)).any(axis=0)
    return different

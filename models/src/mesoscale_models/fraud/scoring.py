"""Scoring a batch with a trained version: ONNX Runtime over features, a threshold, reasons for what is flagged."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from mesoscale.errors import PlanRefused, Problem, Reason
from mesoscale_models import artefact
from mesoscale_models.fraud import features, reasons


@dataclass(frozen=True, slots=True)
class Scores:
    """Per payment: probability of fraud, whether it is flagged, and why ("" where it is not)."""

    probability: NDArray[np.float32]
    alert: NDArray[np.bool_]
    reasons: list[str]


class Scorer:
    """One version of the model, loaded; `version` names it."""

    def __init__(self, folder: Path) -> None:
        """Load a version.

        Raises:
            PlanRefused: the folder holds no whole model, or one for other features than this code computes.
        """
        card = artefact.read_card(folder)
        _refuse_strangers(folder, card)
        self.version = str(card["version"])
        self.threshold = np.float32(card["threshold"])
        self._typical = np.array([np.nan if value is None else value for value in card["typical"]], np.float32)
        self._session = _session(folder / artefact.GRAPH)

    def score(self, found: NDArray[np.float32]) -> Scores:
        """Score features, (n, NAMES)."""
        margin, probability = self._run(found)
        alert = probability >= self.threshold
        told = [""] * len(found)
        flagged = np.flatnonzero(alert)
        why = reasons.tell(found[flagged], margin[flagged], self._typical, lambda altered: self._run(altered)[0])
        for row, text in zip(flagged.tolist(), why, strict=True):
            told[row] = text
        return Scores(probability, alert, told)

    def _run(self, found: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        if not len(found):
            return np.zeros(0, np.float32), np.zeros(0, np.float32)
        margin, probability = self._session.run(["margin", "probability"], {"features": found})
        return margin[:, 0], probability[:, 0]


def _session(graph: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # more work is done by more programs, one a core
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph.read_bytes(), options, providers=["CPUExecutionProvider"])


def _refuse_strangers(folder: Path, card: dict[str, Any]) -> None:
    mine = {"version": features.VERSION, "names": list(features.NAMES)}
    theirs = card.get("features")
    if theirs != mine:
        label = theirs.get("version") if isinstance(theirs, dict) else None
        message = (
            f"{folder} was trained on other features (version {label}) than are computed here ({features.VERSION})"
        )
        raise PlanRefused(Problem(Reason.FORBIDDEN_CHANGE, message, hint="train it again: meso train fraud"))

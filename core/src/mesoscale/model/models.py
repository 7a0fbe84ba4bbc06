"""Models: trained artefacts, when they are trained again and what promotes a challenger."""

from typing import Annotated, Literal

from pydantic import Field

from mesoscale.model.base import Cron, Name, Section


class PromoteWhen(Section):
    """A challenger becomes champion when `metric` beats the champion's by more than `beatsCurrentBy`."""

    metric: Literal["pr_auc", "roc_auc", "log_loss", "recall_at_1pct_fpr"] = "pr_auc"
    beats_current_by: Annotated[float, Field(ge=0)] = 0.0


class Model(Section):
    """One model."""

    name: Name
    use: Name
    retrain: Cron | None = None
    promote_when: PromoteWhen = PromoteWhen()

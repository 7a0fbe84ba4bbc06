"""Payments to learn from, and a model that has learnt from them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

PAYMENTS = 150_000
ARGUMENTS = ("--per-second", "20", "--accounts", "4000", "--fraud-rate", "0.01")


@dataclass(frozen=True)
class Trained:
    """A version, and the history it comes from."""

    home: Path
    payments: pl.DataFrame
    card: dict[str, Any]

    @property
    def version(self) -> Path:
        return self.home / "models" / "fraud" / str(self.card["version"])


@pytest.fixture(scope="session")
def payments_to_learn_from() -> pl.DataFrame:
    from mesoscale_models.training import payments

    return payments.make(PAYMENTS, 3, ARGUMENTS)


@pytest.fixture(scope="session")
def trained(payments_to_learn_from: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    from mesoscale_models.training import fraud

    home = tmp_path_factory.mktemp("home")
    card = fraud.train(payments_to_learn_from, home, fraud.Settings(seed=5), lambda _: None)
    return Trained(home, payments_to_learn_from, card)

"""What sources give, as the contract sees it: all payments pass, and of the weather all but the rows we know."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mesoscale.contract.catalogue import SHIPPED
from mesoscale.errors import Reason
from mesoscale.model.source import Source as Section
from mesoscale_streams.records.decode import Decoder
from mesoscale_streams.sources import open_source


def values(contract: str, **kind: Any) -> list[bytes]:
    section = Section.model_validate({"name": "a", "contract": contract, **kind})
    source = open_source(section, Path("/nonexistent"), datetime(2025, 6, 1, tzinfo=UTC))
    return [value for batch in source.batches(None, 10_000) for value in batch.values]


@pytest.mark.parametrize(("fraud_rate", "accounts", "per_second"), [(0.004, 10_000, 100), (0.5, 10, 1e6)])
def test_every_payment_is_accepted(fraud_rate: float, accounts: int, per_second: float) -> None:
    settings = {"count": 50_000, "fraudRate": fraud_rate, "accounts": accounts, "perSecond": per_second}
    decoded = Decoder(SHIPPED["transaction"]).decode(values("transaction", synthetic=settings))
    assert not decoded.rejected
    assert decoded.frame.height == 50_000


def test_every_station_is_accepted() -> None:
    decoded = Decoder(SHIPPED["station"]).decode(values("station", replay={"dataset": "nyc-stations"}))
    assert not decoded.rejected
    assert decoded.frame["station"].to_list() == ["EWR", "JFK", "LGA"]


def test_all_weather_but_one_absurd_wind_is_accepted() -> None:
    records = values("observation", replay={"dataset": "nyc-2013"})
    decoded = Decoder(SHIPPED["observation"]).decode(records)
    (refused,) = decoded.rejected
    record = json.loads(records[refused.index])
    assert refused.reason == Reason.OUT_OF_RANGE
    assert (record["station"], record["observed_at"]) == ("EWR", "2013-02-12T08:00:00Z")
    assert record["wind_speed"] > 468
    assert decoded.frame.height == 26_114

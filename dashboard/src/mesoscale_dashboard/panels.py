"""Panels: what the page shows of the records themselves, in bounded memory; pure, the clock is passed in."""

import math
from collections import deque
from collections.abc import Sequence
from typing import Any, Protocol

from mesoscale_dashboard import sample

Record = dict[str, Any]
Event = tuple[str, Any]

PAYMENTS_PER_SECOND = 20  # shown on the page; more than an eye can follow
PAYMENTS_KEPT = 40
OBSERVATIONS_KEPT = 240  # per station; ten days of hourly observations
ALERTS_KEPT = 12
STATIONS_KEPT = 24
LATEST_KEPT = 8
TEXT_KEPT = 200  # characters of one value


class Panel(Protocol):
    """Records of one edge in, events for the page out."""

    def add(self, records: Sequence[Record], clock: float) -> None:
        """Take in records as they came; `clock` is in seconds and only goes forward."""

    def changed(self) -> Event | None:
        """What is new since the last call, for those who listen already."""

    def opening(self) -> Event | None:
        """Everything, for one who has just come."""


class Weather:
    """Observations: a short history per station, ordered by the time of observation."""

    FIELDS = (
        "temperature",
        "dew_point",
        "relative_humidity",
        "wind_direction",
        "wind_speed",
        "pressure",
        "precipitation",
    )

    def __init__(self, edge: str) -> None:
        self._edge = edge
        self._stations: dict[str, dict[str, Record]] = {}
        self._dirty = False

    def add(self, records: Sequence[Record], clock: float) -> None:
        for record in records:
            station, observed_at = record.get("station"), record.get("observed_at")
            if isinstance(station, str) and isinstance(observed_at, str):
                self._observe(station, observed_at, record)
        self._dirty = self._dirty or bool(records)

    def _observe(self, station: str, observed_at: str, record: Record) -> None:
        if station not in self._stations and len(self._stations) >= STATIONS_KEPT:
            return
        history = self._stations.setdefault(station, {})
        history[observed_at] = {"observed_at": observed_at} | {name: record.get(name) for name in self.FIELDS}
        if len(history) > OBSERVATIONS_KEPT:
            del history[min(history)]

    def changed(self) -> Event | None:
        if not self._dirty:
            return None
        self._dirty = False
        return self.opening()

    def opening(self) -> Event | None:
        if not self._stations:
            return None
        return "weather", {
            "edge": self._edge,
            "stations": {name: self._station(name) for name in sorted(self._stations)},
        }

    def _station(self, name: str) -> dict[str, Any]:
        history = [record for _, record in sorted(self._stations[name].items())]
        return {
            "latest": history[-1],
            "observed_at": [record["observed_at"] for record in history],
            "temperature": [record["temperature"] for record in history],
        }


class Payments:
    """Card payments: a sample as they arrive, labelled ones first, and how their amounts are distributed."""

    FIELDS = (
        "transaction_id",
        "occurred_at",
        "amount",
        "currency",
        "merchant",
        "category",
        "country",
        "account",
        "fraud_pattern",
    )
    BINS = 24  # three to a decade of the minor unit, from 1 to 100,000,000
    BINS_PER_DECADE = 3

    def __init__(self, edge: str) -> None:
        self._edge = edge
        self._budget = sample.Budget(PAYMENTS_PER_SECOND)
        self._shown: deque[Record] = deque(maxlen=PAYMENTS_KEPT)
        self._fresh: deque[Record] = deque(maxlen=PAYMENTS_PER_SECOND)
        self._honest = [0] * self.BINS
        self._labelled = [0] * self.BINS

    def add(self, records: Sequence[Record], clock: float) -> None:
        payments = [record for record in records if isinstance(record.get("amount"), int) and record["amount"] > 0]
        for payment in payments:
            bins = self._labelled if payment.get("fraud_pattern") else self._honest
            bins[min(self.BINS - 1, int(math.log10(payment["amount"]) * self.BINS_PER_DECADE))] += 1
        chosen = sample.pick(
            payments, self._budget.available(clock), lambda payment: bool(payment.get("fraud_pattern"))
        )
        self._budget.take(len(chosen))
        kept = [{name: payment.get(name) for name in self.FIELDS} for payment in chosen]
        self._shown.extend(kept)
        self._fresh.extend(kept)

    def changed(self) -> Event | None:
        if not self._fresh:
            return None
        fresh = list(self._fresh)
        self._fresh.clear()
        return "payments", self._payload(fresh)

    def opening(self) -> Event | None:
        return ("payments", self._payload(list(self._shown))) if self._shown else None

    def _payload(self, payments: list[Record]) -> dict[str, Any]:
        amounts = {"per_decade": self.BINS_PER_DECADE, "honest": self._honest, "labelled": self._labelled}
        return {"edge": self._edge, "payments": payments, "amounts": amounts}


class Scores:
    """Scored payments: the latest alerts, and how the scores of all are distributed."""

    FIELDS = (
        "transaction_id",
        "occurred_at",
        "amount",
        "currency",
        "account",
        "country",
        "score",
        "reasons",
        "model",
        "fraud_pattern",
    )
    BINS = 20  # of one width, from 0 to 1

    def __init__(self, edge: str) -> None:
        self._edge = edge
        self._alerts: deque[Record] = deque(maxlen=ALERTS_KEPT)
        self._passed = [0] * self.BINS
        self._flagged = [0] * self.BINS
        self._dirty = False

    def add(self, records: Sequence[Record], clock: float) -> None:
        scored = [record for record in records if isinstance(record.get("score"), int | float)]
        for record in scored:
            bins = self._flagged if record.get("alert") else self._passed
            bins[max(0, min(self.BINS - 1, int(record["score"] * self.BINS)))] += 1
            if record.get("alert"):
                self._alerts.append({name: _short(record.get(name)) for name in self.FIELDS})
        self._dirty = self._dirty or bool(scored)

    def changed(self) -> Event | None:
        if not self._dirty:
            return None
        self._dirty = False
        return self.opening()

    def opening(self) -> Event | None:
        if not any(self._passed) and not any(self._flagged):
            return None
        counts = {"passed": self._passed, "flagged": self._flagged}
        return "scores", {"edge": self._edge, "alerts": list(self._alerts), "scores": counts}


class Latest:
    """Records of any other contract: the last few, as they are."""

    def __init__(self, edge: str, columns: Sequence[str]) -> None:
        self._edge = edge
        self._columns = list(columns)
        self._records: deque[Record] = deque(maxlen=LATEST_KEPT)
        self._dirty = False

    def add(self, records: Sequence[Record], clock: float) -> None:
        for record in records[-LATEST_KEPT:]:
            self._records.append({name: _short(record.get(name)) for name in self._columns})
        self._dirty = self._dirty or bool(records)

    def changed(self) -> Event | None:
        if not self._dirty:
            return None
        self._dirty = False
        return self.opening()

    def opening(self) -> Event | None:
        if not self._records:
            return None
        return "records", {"edge": self._edge, "columns": self._columns, "records": list(self._records)}


def _short(value: Any) -> Any:
    return value[:TEXT_KEPT] if isinstance(value, str) else value

"""What is: the state that the dashboard tells of a running pipeline, as values."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.request import ProxyHandler, build_opener

_OPENER = build_opener(ProxyHandler({}))  # it is on this machine; no proxy lies in between
PATIENCE = 3.0  # seconds


@dataclass(frozen=True, slots=True)
class Reading:
    """The ledger at one moment. `at` is its time stamp: two readings with the same one are one reading."""

    at: str
    nodes: Mapping[str, Mapping[str, int]]
    edges: tuple[Mapping[str, Any], ...]
    problems: tuple[str, ...]
    drained: bool
    tables: Mapping[str, int]
    rates: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def closed(self) -> bool:
        return not self.problems

    def lag(self, consumer: str) -> int | None:
        """Records that wait for this node, or None for a source."""
        lags = [int(edge["lag"]) for edge in self.edges if edge["consumer"] == consumer]
        return sum(lags) if lags else None

    def in_between(self) -> tuple[str, ...]:
        """A sentence for each edge on which something still lies."""
        return tuple(
            f"{edge['producer']} → {edge['consumer']}: produced {edge['produced']}, consumed {edge['consumed']}"
            for edge in self.edges
            if edge["offset_lag"]
        )

    def as_dict(self) -> dict[str, Any]:
        """As `/api/state` has it; `reading` takes it back."""
        ledger = {
            "nodes": self.nodes,
            "edges": self.edges,
            "problems": self.problems,
            "closed": self.closed,
            "drained": self.drained,
        }
        return {"at": self.at, "ledger": ledger, "tables": self.tables, "rates": self.rates}


def reading(state: Mapping[str, Any]) -> Reading | None:
    """The reading in a state, or None where the dashboard has not made one yet."""
    ledger = state.get("ledger")
    if not ledger:
        return None
    return Reading(
        at=str(state.get("at")),
        nodes=ledger["nodes"],
        edges=tuple(ledger["edges"]),
        problems=tuple(ledger["problems"]),
        drained=bool(ledger["drained"]),
        tables=state.get("tables") or {},
        rates=state.get("rates") or {},
    )


def ask(address: str) -> Reading | None:
    """What the dashboard at `address` tells now; None while it does not answer or has nothing to tell."""
    try:
        with _OPENER.open(f"{address}/api/state", timeout=PATIENCE) as answer:
            return reading(json.load(answer))
    except (OSError, HTTPException, ValueError):  # not up yet, or just being started again
        return None

"""Rates: two readings of the ledger and the time between them as records per second; pure."""

from collections import deque
from dataclasses import dataclass

from mesoscale.ledger import Counts, Ledger

WINDOW = 4.0  # seconds that a rate is averaged over: commits come about once a second and would make it jump
HISTORY = 300  # readings kept for the chart, about one a second


@dataclass(frozen=True, slots=True)
class Rate:
    """Records per second of one node."""

    read_per_s: float = 0.0
    produced_per_s: float = 0.0
    rejected_per_s: float = 0.0

    def as_dict(self) -> dict[str, float]:
        return {name: round(getattr(self, name), 1) for name in ("read_per_s", "produced_per_s", "rejected_per_s")}


@dataclass(frozen=True, slots=True)
class Reading:
    """A ledger and when it was read: by a clock that only goes forward, and in Unix time for display."""

    clock: float
    at: float
    ledger: Ledger


def between(before: Reading, after: Reading) -> dict[str, Rate]:
    """Node name → its rate from one reading to the other; a count that went back began anew: no rate yet."""
    passed = after.clock - before.clock
    if passed <= 0:
        return {name: Rate() for name in after.ledger.nodes}
    return {
        name: _rate(before.ledger.nodes.get(name, Counts()), counts, passed)
        for name, counts in after.ledger.nodes.items()
    }


def _rate(before: Counts, after: Counts, seconds: float) -> Rate:
    if after.read < before.read or after.produced < before.produced:
        return Rate()
    return Rate(
        read_per_s=(after.read - before.read) / seconds,
        produced_per_s=(after.produced - before.produced) / seconds,
        rejected_per_s=(after.rejected - before.rejected) / seconds,
    )


class Rates:
    """The last few readings, and the rates they made."""

    def __init__(self) -> None:
        self._window: deque[Reading] = deque()
        self._past: deque[tuple[float, dict[str, Rate]]] = deque(maxlen=HISTORY)

    def add(self, reading: Reading) -> None:
        """Take in the next reading; the one to compare with is the last from before the window."""
        self._window.append(reading)
        while len(self._window) > 2 and self._window[1].clock <= reading.clock - WINDOW:
            self._window.popleft()
        if len(self._window) > 1:
            self._past.append((reading.at, self.latest()))

    def latest(self) -> dict[str, Rate]:
        """Node name → rate over the window; empty before the first reading."""
        return between(self._window[0], self._window[-1]) if self._window else {}

    def history(self) -> dict[str, object]:
        """What the chart begins with: `at` (Unix seconds) and `nodes` (name → lists of rates)."""
        names = self._past[-1][1] if self._past else {}
        return {
            "at": [round(at, 1) for at, _ in self._past],
            "nodes": {
                name: {
                    field: [round(getattr(rates.get(name, Rate()), field), 1) for _, rates in self._past]
                    for field in ("read_per_s", "produced_per_s")
                }
                for name in names
            },
        }

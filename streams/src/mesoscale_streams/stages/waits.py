"""How long a record waits until its step tries it again. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from mesoscale import units
from mesoscale.model.stage import Retries

LONGEST = 86_400.0  # seconds


@dataclass(frozen=True, slots=True)
class Waits:
    """`attempts` times at most; `delay` seconds before the first, then `factor` times as long each time.

    `spread` gives a number around 1 by which each wait is multiplied.
    """

    attempts: int
    delay: float
    factor: float
    spread: Callable[[], float] = lambda: 1.0

    @classmethod
    def of(cls, section: Retries, spread: Callable[[], float] | None = None) -> "Waits":
        exact = cls(section.attempts, units.seconds(section.delay), section.factor)
        return exact if spread is None else replace(exact, spread=spread)

    def before(self, attempt: int, asked: float | None) -> float | None:
        """Seconds before that attempt (from 1), of which the step may have `asked` for others; None after the last."""
        if attempt > self.attempts:
            return None
        seconds = self.delay * self.factor ** (attempt - 1) * self.spread() if asked is None else asked
        return min(max(seconds, 0.0), LONGEST)

"""How long a record waits until its step tries it again. Pure."""

from dataclasses import dataclass

from mesoscale import units
from mesoscale.model.stage import Retries

LONGEST = 86_400.0  # seconds


@dataclass(frozen=True, slots=True)
class Waits:
    """`attempts` times at most; `delay` seconds before the first, then `factor` times as long each time."""

    attempts: int
    delay: float
    factor: float

    @classmethod
    def of(cls, section: Retries) -> "Waits":
        return cls(section.attempts, units.seconds(section.delay), section.factor)

    def before(self, attempt: int, asked: float | None) -> float | None:
        """Seconds before that attempt (from 1), of which the step may have `asked` for others; None after the last."""
        if attempt > self.attempts:
            return None
        seconds = self.delay * self.factor ** (attempt - 1) if asked is None else asked
        return min(max(seconds, 0.0), LONGEST)

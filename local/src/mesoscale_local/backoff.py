"""How long a crashed program rests before it is started again: pure arithmetic."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential, with jitter so that programs which died together do not come back together. All in seconds."""

    first: float = 0.5
    longest: float = 30.0
    healthy_after: float = 60.0  # a program that lived so long has forgotten its earlier crashes
    jitter: float = 0.25  # the share of the rest that is left to chance

    def rest(self, crashes_in_a_row: int, chance: float) -> float:
        """Seconds to rest after the n-th crash in a row (from 1); `chance` is a number from 0 to 1."""
        full = min(self.longest, self.first * 2.0 ** min(crashes_in_a_row - 1, 32))
        return full * (1 - self.jitter * chance)

    def in_a_row(self, before: int, lived: float) -> int:
        """Crashes in a row, counting the one of a program that `lived` so many seconds."""
        return 1 if lived >= self.healthy_after else before + 1

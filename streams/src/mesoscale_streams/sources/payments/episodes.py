"""The stories among payments: fraud of four patterns, and honest ones that look like them from one side.

Every trait of fraud has an honest double, or else a single threshold would find it: a shopping spree is as
quick as a velocity burst, a proxy server as far away as a stolen card, a new phone as unknown as a thief's.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from mesoscale_streams.sources.payments.draws import Draws, Ints
from mesoscale_streams.sources.payments.slots import Deal, Dealt, every


class Kind(IntEnum):
    """What a payment is part of; the first step of every episode is an ordinary payment of the account."""

    PLAIN = 0  # an ordinary payment
    VELOCITY = 1  # fraud: many payments within minutes
    CARD_TESTING = 2  # fraud: tiny amounts at many merchants, then a big one
    TAKEOVER = 3  # fraud: a new device, mostly abroad, high amounts
    TRAVEL = 4  # fraud: payments too far from the last one to have got there
    SPREE = 5  # honest: many payments within minutes
    PROXY = 6  # honest: seems to be far away
    NEW_DEVICE = 7  # honest: has bought a new phone


LABELS = {
    Kind.VELOCITY: "velocity",
    Kind.CARD_TESTING: "card-testing",
    Kind.TAKEOVER: "takeover",
    Kind.TRAVEL: "travel",
}

# Shortest and longest episode in steps, the ordinary first payment included.
LENGTHS = {
    Kind.VELOCITY: (9, 16),
    Kind.CARD_TESTING: (7, 16),
    Kind.TAKEOVER: (4, 8),
    Kind.TRAVEL: (2, 4),
    Kind.SPREE: (4, 12),
    Kind.PROXY: (2, 4),
    Kind.NEW_DEVICE: (4, 8),
}
_SHORTEST = np.array([1, *(LENGTHS[kind][0] for kind in Kind if kind in LENGTHS)])
_LONGEST = np.array([1, *(LENGTHS[kind][1] for kind in Kind if kind in LENGTHS)])


@dataclass(frozen=True, slots=True)
class Cast:
    """Kinds of episode which share a pace: `gap` seconds between steps, `length` steps at most.

    `of_fraud` is the part of all fraudulent payments that they make, `of_honest` the part of the honest ones.
    """

    name: str
    fraud: tuple[Kind, Kind]
    honest: tuple[Kind, ...]
    gap: float
    length: int
    of_fraud: float
    of_honest: float


QUICK = Cast("quick", (Kind.VELOCITY, Kind.CARD_TESTING), (Kind.SPREE,), 8.0, 16, 0.55, 0.12)
SLOW = Cast("slow", (Kind.TAKEOVER, Kind.TRAVEL), (Kind.PROXY, Kind.NEW_DEVICE), 90.0, 8, 0.45, 0.06)


@dataclass(frozen=True, slots=True)
class Parts:
    """Per payment: its episode's kind, number (within the cast) and number of steps, and its own step."""

    kind: Ints
    episode: Ints
    step: Ints
    steps: Ints

    @property
    def fraud(self) -> NDArray[np.bool_]:
        return (self.kind >= Kind.VELOCITY) & (self.kind <= Kind.TRAVEL) & (self.step > 0)


@dataclass(frozen=True)
class Episodes:
    """All episodes of a stream in which `fraud_rate` of the payments are fraudulent.

    `per_second` payments come from `accounts` accounts; the quick episodes are ten times as quick as an
    account pays on average, at most, so that they stand out in a stream of few accounts too.
    """

    seed: int
    per_second: float
    fraud_rate: float
    accounts: int

    def parts(self, index: Ints) -> Parts:
        """Which part each payment plays."""
        quick, slow = self._deal(QUICK, 0.0), self._deal(SLOW, self._share(QUICK))
        first = quick.deal(index)
        second = slow.deal(first.rest)
        kind = np.where(first.slot, self._kinds(QUICK, first), np.where(second.slot, self._kinds(SLOW, second), 0))
        episode = np.where(first.slot, first.episode, second.episode)
        step = np.where(first.slot, first.step, second.step)
        span = _LONGEST[kind] - _SHORTEST[kind] + 1
        steps = _SHORTEST[kind] + self._draws(kind, episode).below("steps", span)
        return Parts(np.where(step < steps, kind, Kind.PLAIN), episode, step, steps)

    def draws(self, parts: Parts) -> Draws:
        """What the payments of one episode have in common."""
        return self._draws(parts.kind, parts.episode)

    def _draws(self, kind: Ints, episode: Ints) -> Draws:
        return Draws.of(self.seed, "episode", episode * len(Kind) + kind)

    def _deal(self, cast: Cast, taken: float) -> Deal:
        gap = min(cast.gap, self.accounts / self.per_second / 10) if cast is QUICK else cast.gap
        left = 1 - taken  # the second cast is dealt from what the first has left over
        indices = gap * self.per_second * left
        return Deal(cast.name, self.seed, self._share(cast) / left, indices, cast.length)

    def _kinds(self, cast: Cast, dealt: Dealt) -> Ints:
        fraud, number = every(self._fraud_share(cast) / self._share(cast), dealt.episode)
        # The two patterns take turns; which one comes first is drawn for each pair.
        swap = Draws.of(self.seed, cast.name + "-pair", number // 2).below("first", 2)
        pattern = np.array(cast.fraud)[(number + swap) % 2]
        # A journey that began before the stream did has no payment to be too far away from.
        pattern = np.where((pattern == Kind.TRAVEL) & ~dealt.whole, Kind.PLAIN, pattern)
        honest = Draws.of(self.seed, cast.name + "-honest", dealt.episode).below("kind", len(cast.honest))
        return np.where(fraud, pattern, np.array(cast.honest)[honest])

    def _share(self, cast: Cast) -> float:
        """The part of all payments that are slots of this cast."""
        return self._fraud_share(cast) + cast.of_honest * (1 - self.fraud_rate)

    def _fraud_share(self, cast: Cast) -> float:
        """The part of all payments that are slots of its fraudulent episodes; some of them stay unused."""
        used = sum(sum(LENGTHS[kind]) / 2 - 1 for kind in cast.fraud) / (len(cast.fraud) * cast.length)
        return self.fraud_rate * cast.of_fraud / used

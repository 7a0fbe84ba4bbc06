"""Which payments belong together: an exact share of all indices is dealt to episodes, by arithmetic alone.

Time runs along the index. A `Deal` marks `share` of the indices as slots, one at a random place in each
stretch of 1 / share of them, and hands the slots to a number of lanes in turn, so that several episodes run
side by side and the slots of one lane are about `gap` apart. Each lane is cut into episodes of `length`
slots. Nothing is remembered from one index to the next: slot, lane, episode and step follow from the index,
so any payment can be made alone.

Where payments are so rare that one lane alone is slower than `gap`, slots are drawn together instead: a
burst, then a rest.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mesoscale_streams.sources.payments.draws import Draws, Ints

_BITS = 20  # shares are multiples of 2**-20, so whole numbers of 64 bits are exact up to index 2**43


@dataclass(frozen=True, slots=True)
class Dealt:
    """Per index: whether it is a slot, its episode's number and step, and whether the episode is `whole`.

    `rest` numbers the indices that are no slots; at a slot it means nothing. An episode is whole
    when all its steps lie in the stream; some begin before it does.
    """

    slot: NDArray[np.bool_]
    episode: Ints
    step: Ints
    whole: NDArray[np.bool_]
    rest: Ints


@dataclass(frozen=True)
class Deal:
    """See the module. `gap` is in indices."""

    name: str
    seed: int
    share: float
    gap: float
    length: int

    def deal(self, index: Ints) -> Dealt:
        """What each of `index` is."""
        number, slot, before = self._slots(index)
        turn, place = np.divmod(number, self.lanes)
        # The order of lanes changes from turn to turn, or else the gaps within an episode would all be alike.
        lane = (place + self._draws("order", turn).below("shift", self.lanes)) % self.lanes
        # Lanes start at different steps, or else all episodes of the world would begin together.
        phase = self._draws("phase", lane).below("step", self.length) if self.lanes > 1 else 0 * lane
        episode, step = np.divmod(turn + phase, self.length)
        return Dealt(slot, episode * self.lanes + lane, step, turn >= step, index - before)

    @property
    def lanes(self) -> int:
        """How many episodes run side by side."""
        return max(1, round(self.gap * self.share))

    def _slots(self, index: Ints) -> tuple[Ints, NDArray[np.bool_], Ints]:
        """Per index: the slot in whose stretch it is, whether it is that slot, how many are before it."""
        if self.gap * self.share >= 1:
            return self._even(index, _scaled(self.share))
        return self._bursts(index)

    def _even(self, index: Ints, share: int) -> tuple[Ints, NDArray[np.bool_], Ints]:
        number = (index * share) >> _BITS
        start, end = -((-number << _BITS) // share), -((-(number + 1) << _BITS) // share)
        chosen = start + self._draws("slot", number).below("place", end - start)
        return number, chosen == index, number + (chosen < index)

    def _bursts(self, index: Ints) -> tuple[Ints, NDArray[np.bool_], Ints]:
        """`length` slots, about `gap` apart, at a random place in each stretch of length / share indices."""
        dense = max(_scaled(1 / max(self.gap, 1.0)), _scaled(self.share))
        period = max(self.length, round(self.length / self.share))
        width = min(period, -((-self.length << _BITS) // dense))
        burst, offset = np.divmod(index, period)
        offset -= self._draws("burst", burst).below("place", period - width + 1)
        number, slot, before = self._even(np.maximum(offset, 0), dense)
        inside = (offset >= 0) & (number < self.length)
        counted = np.where(offset < 0, 0, np.minimum(before, self.length))
        return (
            burst * self.length + np.minimum(number, self.length - 1),
            slot & inside,
            burst * self.length + counted,
        )

    def _draws(self, what: str, keys: Ints) -> Draws:
        return Draws.of(self.seed, f"{self.name}-{what}", keys)


def every(share: float, number: Ints) -> tuple[NDArray[np.bool_], Ints]:
    """An even choice of `share` of all numbers: whether each is chosen, and how many before it are."""
    scaled = _scaled(share)
    before = (number * scaled) >> _BITS
    return ((number + 1) * scaled) >> _BITS > before, before


def _scaled(share: float) -> int:
    return round(share * (1 << _BITS))

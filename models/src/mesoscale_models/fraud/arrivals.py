"""The payments of a batch by account, each seeing those before it: by arithmetic, without a loop over payments."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mesoscale_models.fraud.memory import RING, RINGS, Memory

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Payments sorted by account and, within an account, in the order they came.

    `order` are their places in the batch, `account` the row of memory of each; `first` marks the first one of its
    account in the batch, which is at `start`; `rank` counts from 0 within the account.
    """

    order: NDArray[np.intp]
    account: NDArray[np.intp]
    first: Bools
    start: NDArray[np.intp]
    rank: Ints

    @classmethod
    def sort(cls, account: NDArray[np.intp]) -> "Arrivals":
        """Of a batch: the row of memory of each payment, in the order of arrival."""
        order = np.argsort(account, kind="stable")
        account = account[order]
        first = np.ones(account.size, np.bool_)
        first[1:] = account[1:] != account[:-1]
        place = np.arange(account.size)
        start = np.maximum.accumulate(np.where(first, place, 0))
        return cls(order, account, first, start, place - start)

    @property
    def last(self) -> NDArray[np.intp]:
        """The place of each account's last payment, by row of memory where every row has one."""
        return np.flatnonzero(np.append(self.first[1:], True))

    def before(self, remembered: NDArray[Any], value: NDArray[Any]) -> NDArray[Any]:
        """What the account's payment before had as `value`; for its first one here, what is `remembered` of it."""
        shifted = np.empty_like(value)
        shifted[1:] = value[:-1]
        shifted[self.first] = remembered[self.account[self.first]]
        return shifted

    def total_before(self, remembered: Ints, value: Ints) -> Ints:
        """The sum of `value` over all payments of the account before each."""
        running = np.cumsum(value) - value
        total: Ints = remembered[self.account] + running - running[self.start]
        return total

    def rings(self, memory: Memory, values: dict[str, NDArray[Any]], seen: Ints) -> Memory:
        """Each payment's own copy of its account's rings, as they are when it arrives: (payments, RING).

        A payment that came earlier in this batch is put where it stands in the ring by then, one step back at a time:
        at most RING rounds, each over the payments that have so many before them.
        """
        rings = {name: memory[name][self.account] for name in RINGS}
        for back in range(1, min(int(self.rank.max(initial=0)), RING) + 1):
            rows = np.flatnonzero(self.rank >= back)
            place = (seen[rows] - back) % RING
            for name, ring in rings.items():
                ring[rows, place] = values[name][rows - back]
        return rings

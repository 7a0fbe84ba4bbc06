"""Hashes of keys → rows: open addressing over numpy arrays, probed for a whole batch at once.

A slot is one word: the upper half is a part of the key's hash, the lower half its row. A batch is probed in rounds: all
keys look at their slot, those that found neither their key nor a free slot go on to their next one (triangular steps,
which reach every slot of a table whose size is a power of two). Rounds are few, and each is smaller than the last. Keys
are equal when 128 bits of hash are.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Rows = NDArray[np.int64]

SMALLEST = 1 << 12  # slots
FULLEST = 0.5  # of the slots, those of removed rows included; beyond it the table is built anew
ROOMY = 0.25  # of the slots, at most, after it was built anew
PIECE = 1 << 16  # rows that are placed at once when it is built anew, so that its temporary memory stays small
_FREE, _REMOVED = np.uint64(0), np.uint64(1)
_FIRST = 2  # added to a row, so that no row looks like a free or a removed slot
_LOW, _HIGH = np.uint64(0xFFFF_FFFF), np.uint64(0xFFFF_FFFF_0000_0000)


class HashIndex:
    """Which row a hash belongs to. Rows are numbers below 2**31 that the caller gives."""

    def __init__(self) -> None:
        self._slots: Words = np.zeros(SMALLEST, np.uint64)
        self._hashes: Words = np.zeros((SMALLEST, 2), np.uint64)  # by row; behind all rows, those that ask for one
        self._rows = 0  # no row is as large
        self._used = 0  # slots that are not free
        self._live = 0

    def __len__(self) -> int:
        return self._live

    @property
    def nbytes(self) -> int:
        return self._slots.nbytes + self._hashes.nbytes

    def find(self, hashes: Words) -> Rows:
        """The row of each hash, -1 where it has none.

        Args:
            hashes: n x 2 words, the 128 bits of each key.
        """
        rows: Rows = np.full(len(hashes), -1, np.int64)
        asking, places, step = np.arange(len(hashes)), self._first_places(hashes), 0
        while len(asking):
            words = self._slots[places]
            found = self._match(words, hashes[asking])
            rows[asking[found]] = _row(words[found])
            asking, places, step = self._onward(~found & (words != _FREE), asking, places, step)
        return rows

    def find_or_add(self, hashes: Words, allocate: Callable[[Rows], Rows]) -> Rows:
        """The row of each hash; one that has none yet, however often it stands in `hashes`, is given one.

        Args:
            hashes: n x 2 words, the 128 bits of each key.
            allocate: called with the ascending indices at which a new hash stands first; gives a row for each.
        """
        number, behind = len(hashes), self._rows
        self._make_room(number)
        self._hold(behind + number)
        # Whoever finds a free slot takes it under a number behind all rows. That all of them may try at once, and the
        # first of equal ones wins, is what saves sorting.
        self._hashes[behind : behind + number] = hashes
        rows: Rows = np.full(number, -1, np.int64)
        taken: Rows = np.zeros(number, np.int64)  # where each one found its row
        asking, places, step = np.arange(number), self._first_places(hashes), 0
        while len(asking):
            wanted = hashes[asking]
            words = self._slots[places]
            free = np.flatnonzero(words == _FREE)[::-1]  # of several that write to a place, the last one stays
            self._slots[places[free]] = _word(wanted[free], asking[free] + behind)
            words[free] = self._slots[places[free]]
            found = self._match(words, wanted)
            rows[asking[found]], taken[asking[found]] = _row(words[found]), places[found]
            asking, places, step = self._onward(~found, asking, places, step)
        self._settle(hashes, rows, taken, behind, allocate)
        return rows

    def _settle(self, hashes: Words, rows: Rows, taken: Rows, behind: int, allocate: Callable[[Rows], Rows]) -> None:
        """Give real rows to those that took a slot under a number behind all rows."""
        new = rows >= behind
        if not new.any():
            return
        first = np.flatnonzero(rows == np.arange(behind, behind + len(rows)))
        real = allocate(first)
        of_index: Rows = np.zeros(len(rows), np.int64)
        of_index[first] = real
        rows[new] = of_index[rows[new] - behind]
        self._note(hashes[first], real)
        self._slots[taken[first]] = _word(hashes[first], real)
        self._used += len(first)

    def add(self, hashes: Words, rows: Rows) -> None:
        """Rows of hashes that are all new and all different."""
        self._make_room(len(rows))
        self._note(hashes, rows)
        self._used += len(rows)
        self._place(rows)

    def remove(self, rows: Rows) -> None:
        """Forget rows, each of which is there."""
        asking, places, step = np.arange(len(rows)), self._first_places(self._hashes[rows]), 0
        while len(asking):
            found = _row(self._slots[places]) == rows[asking]
            self._slots[places[found]] = _REMOVED
            asking, places, step = self._onward(~found, asking, places, step)
        self._live -= len(rows)

    def _note(self, hashes: Words, rows: Rows) -> None:
        if len(rows):
            self._rows = max(self._rows, int(rows.max()) + 1)
            self._hold(self._rows)
            self._hashes[rows] = hashes
            self._live += len(rows)

    def _hold(self, number: int) -> None:
        """Have room for the hashes of so many rows."""
        if number > len(self._hashes):
            grown = np.zeros((max(number, 2 * len(self._hashes)), 2), np.uint64)
            grown[: len(self._hashes)] = self._hashes
            self._hashes = grown

    def _make_room(self, more: int) -> None:
        """Build the table anew if `more` rows would fill it too much; slots of removed rows are freed by that."""
        if self._used + more <= FULLEST * len(self._slots):
            return
        rows = np.sort(_row(self._slots[self._slots > _REMOVED]))
        size = SMALLEST
        while ROOMY * size < len(rows) + more:
            size *= 2
        self._slots = np.zeros(size, np.uint64)
        self._used = len(rows)
        for start in range(0, len(rows), PIECE):
            self._place(rows[start : start + PIECE])

    def _place(self, rows: Rows) -> None:
        """Put rows, whose hashes are all different and noted, into free slots."""
        hashes = self._hashes[rows]
        words = _word(hashes, rows)
        asking, places, step = np.arange(len(rows)), self._first_places(hashes), 0
        while len(asking):
            free = self._slots[places] == _FREE
            self._slots[places[free]] = words[asking[free]]
            lost = self._slots[places] != words[asking]
            asking, places, step = self._onward(lost, asking, places, step)

    def _first_places(self, hashes: Words) -> Rows:
        return (hashes[:, 0] & np.uint64(len(self._slots) - 1)).astype(np.int64)

    def _onward(self, keep: NDArray[np.bool_], asking: Rows, places: Rows, step: int) -> tuple[Rows, Rows, int]:
        """Those that go on, with their next place."""
        step += 1
        return asking[keep], (places[keep] + step) & (len(self._slots) - 1), step

    def _match(self, words: Words, wanted: Words) -> NDArray[np.bool_]:
        """Whether each slot belongs to the hash beside it. Most that differ do so in the word already."""
        alike: NDArray[np.bool_] = ((words ^ wanted[:, 1]) & _HIGH == 0) & (words > _REMOVED)
        rows = _row(words[alike])
        alike[alike] = (self._hashes[rows] == wanted[alike]).all(axis=1)
        return alike


def _word(hashes: Words, rows: NDArray[Any]) -> Words:
    return (hashes[:, 1] & _HIGH) | (rows + _FIRST).astype(np.uint64)


def _row(words: Words) -> Rows:
    return (words & _LOW).astype(np.int64) - _FIRST

"""Event time: how far it has come in each input partition, as of each record; who is behind, and who is far ahead.

The watermark of a partition is the greatest event time seen in it less the disorder that its stage allows. It never
goes back. What a record may do is judged by the records before it in its own partition alone, so it does not matter
how records were cut into batches, or how the batches of partitions came to be mixed.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Ints = np.ndarray[Any, np.dtype[np.int64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]
Partitions = np.ndarray[Any, np.dtype[np.int32]]

NEVER = -(1 << 62)  # microseconds; the watermark of a partition in which nothing was seen yet
SECOND = 1_000_000  # microseconds


@dataclass(frozen=True, slots=True)
class Moments:
    """What event time says about one frame, in microseconds since 1970.

    `times` and `watermarks` have an entry a row: its event time, and the watermark of its partition as of that row.
    `ends` are the watermarks once all rows have been seen, by partition; partitions without a row are in it where
    their watermark moved all the same.
    """

    times: Ints
    watermarks: Ints
    ends: Mapping[int, int]


class Watermarks:
    """The watermarks of the partitions that a process has."""

    def __init__(self, disorder: int, idle_after: float) -> None:
        """Args:
        disorder: microseconds by which a record may follow a later one of its partition.
        idle_after: seconds without a record after which a partition holds nobody up.
        """
        self._disorder = disorder
        self._idle_after = idle_after
        self._marks: dict[int, int] = {}
        self._heard: dict[int, float] = {}

    def assign(self, marks: Mapping[int, int], now: float) -> None:
        """Begin, or begin again, with partitions at these watermarks (`NEVER` where there is none)."""
        self._marks |= marks
        self._heard |= dict.fromkeys(marks, now)

    def revoke(self, partitions: Collection[int]) -> None:
        """These partitions are somebody else's now."""
        for partition in partitions:
            self._marks.pop(partition, None)
            self._heard.pop(partition, None)

    @property
    def marks(self) -> Mapping[int, int]:
        return self._marks

    def observe(self, partitions: Partitions, times: Ints, now: float) -> Moments:
        """See records, in order of arrival within each partition; `now` is any clock's seconds."""
        numbers, inverse = np.unique(partitions, return_inverse=True)
        floors = np.array([self._marks.get(number, NEVER) for number in numbers.tolist()], np.int64)
        order = np.argsort(inverse, kind="stable")
        bounds = np.searchsorted(inverse[order], np.arange(len(numbers) + 1))
        marks = np.empty(len(times), np.int64)
        seen = times - self._disorder
        for index, number in enumerate(numbers.tolist()):
            rows = order[bounds[index] : bounds[index + 1]]
            marks[rows] = np.maximum(np.maximum.accumulate(seen[rows]), floors[index])
            self._marks[number] = int(marks[rows[-1]])
            self._heard[number] = now
        return Moments(times, marks, {number: self._marks[number] for number in numbers.tolist()})

    def rest(self, now: float, at_their_end: Collection[int]) -> dict[int, int]:
        """Move the watermarks of partitions on which nothing came for so long; those that moved are returned.

        They follow the greatest watermark of those that are busy. Where none is, event time goes on as `now` does,
        from the greatest of all. Only partitions whose records have all been read can be idle: others wait for us.
        """
        idle = [number for number in at_their_end if self._resting(number, now)]
        busy = [mark for number, mark in self._marks.items() if number not in idle]
        target = max(busy or self._marks.values(), default=NEVER)
        if not idle or target == NEVER:
            return {}
        if not busy:
            target += int((now - max(self._heard[number] for number in idle) - self._idle_after) * SECOND)
            self._heard |= dict.fromkeys(idle, now - self._idle_after)  # what has passed now does not pass again
        moved = {number: target for number in idle if self._marks[number] < target}
        self._marks |= moved
        return moved

    def _resting(self, partition: int, now: float) -> bool:
        return partition in self._heard and now - self._heard[partition] >= self._idle_after


def far_ahead(times: Ints, stamps: Ints, most: int) -> Flags:
    """Which records say that they happen more than `most` after the stamp that they got on arrival.

    One such record would move the watermark so far that all that follow were late. All in microseconds.
    """
    return times > stamps + most

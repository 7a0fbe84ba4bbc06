"""Sampling: a few of many records, evenly spread, with the ones that matter first; pure."""

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def spread(items: Sequence[T], limit: int) -> list[T]:
    """At most `limit` of `items` at even distances, in their order, the last one among them."""
    if limit <= 0:
        return []
    if len(items) <= limit:
        return list(items)
    return [items[(i + 1) * len(items) // limit - 1] for i in range(limit)]


def pick(items: Sequence[T], limit: int, matters: Callable[[T], bool]) -> list[T]:
    """At most `limit` of `items` in their order: those that matter, then the others, evenly spread."""
    marked = [i for i, item in enumerate(items) if matters(item)]
    kept = spread(marked, limit)
    others = [i for i, item in enumerate(items) if not matters(item)]
    return [items[i] for i in sorted(kept + spread(others, limit - len(kept)))]


class Budget:
    """So many per second, measured in the caller's clock; unused allowance lasts one second and no longer."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._left = per_second
        self._clock: float | None = None

    def available(self, clock: float) -> int:
        """How many may be taken at `clock` (seconds)."""
        passed = 0.0 if self._clock is None else clock - self._clock
        self._clock = clock
        self._left = min(self._per_second, self._left + passed * self._per_second)
        return int(self._left)

    def take(self, count: int) -> None:
        self._left -= count

"""A queue of keys: each waits at most once, is worked on by one at a time, and comes back later after a failure.

The semantics are those of client-go's workqueue (https://pkg.go.dev/k8s.io/client-go/util/workqueue): a key that is
added while somebody works on it is handed out again when that work is done, so no event is lost and no key is worked
on twice at once. Time is the event loop's, so a test may turn the clock.
"""

import asyncio
import random
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class WorkQueue(Generic[Key]):
    """Keys to be worked on. All methods belong to the event loop's thread."""

    def __init__(self, jitter: Callable[[], float] = random.random) -> None:
        self._jitter = jitter
        self._waiting: asyncio.Queue[Key] = asyncio.Queue()
        self._since: dict[Key, float] = {}  # dirty keys: when each was first added, in seconds of the loop's clock
        self._working: set[Key] = set()
        self._later: dict[Key, asyncio.TimerHandle] = {}
        self._failures: dict[Key, int] = {}

    def add(self, key: Key) -> None:
        """Work on the key as soon as possible."""
        self._cancel(key)
        if key in self._since:
            return
        self._since[key] = self._now()
        if key not in self._working:
            self._waiting.put_nowait(key)

    def add_after(self, key: Key, delay: float) -> None:
        """Work on the key in `delay` seconds, or sooner if it is asked for sooner."""
        if delay <= 0:
            self.add(key)
            return
        if key in self._since:
            return
        due = self._now() + delay
        earlier = self._later.get(key)
        if earlier is None or due < earlier.when():
            self._cancel(key)
            self._later[key] = asyncio.get_running_loop().call_at(due, self.add, key)

    def add_failed(self, key: Key, soonest: float, longest: float, at_least: float = 0.0) -> float:
        """Try the key again after a delay that doubles with each failure in a row, and say which.

        Half of the delay is by chance, so that keys which failed together do not come back together.
        """
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay = min(longest, soonest * 2.0 ** min(failures, 32))
        delay = max(delay * (0.5 + 0.5 * self._jitter()), at_least)
        self.add_after(key, delay)
        return delay

    def forget(self, key: Key) -> None:
        """The key's work went well: its next failure counts as the first."""
        self._failures.pop(key, None)

    async def get(self) -> Key:
        """The key that waits longest; `done` must follow."""
        key = await self._waiting.get()
        del self._since[key]
        self._working.add(key)
        return key

    def done(self, key: Key) -> None:
        """Nobody works on the key any more."""
        self._working.discard(key)
        if key in self._since:
            self._waiting.put_nowait(key)

    @property
    def depth(self) -> int:
        """Keys that wait to be worked on."""
        return len(self._since)

    @property
    def age(self) -> float:
        """Seconds since the key that waits longest was added."""
        return self._now() - min(self._since.values()) if self._since else 0.0

    @property
    def idle(self) -> bool:
        """Nothing waits and nobody works; keys that come back later do not count."""
        return not self._since and not self._working

    def _cancel(self, key: Key) -> None:
        if (timer := self._later.pop(key, None)) is not None:
            timer.cancel()

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

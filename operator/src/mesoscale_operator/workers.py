"""Workers: take a key, reconcile it, and see to it that it comes back when it should, and no sooner."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from mesoscale_operator import errors
from mesoscale_operator.documents import Key
from mesoscale_operator.errors import ApiError, Retry
from mesoscale_operator.metrics import Metrics
from mesoscale_operator.workqueue import WorkQueue

logger = logging.getLogger(__name__)

LIMIT = 120.0  # seconds for one reconcile


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a reconcile: what went wrong, and when to look again although nothing happens."""

    problems: tuple[ApiError, ...] = ()
    again_after: float | None = None


Reconcile = Callable[[Key], Awaitable[Result]]


class Workers:
    """Works on a queue, a few keys at once."""

    def __init__(self, queue: WorkQueue[Key], reconcile: Reconcile, metrics: Metrics) -> None:
        self._queue = queue
        self._reconcile = reconcile
        self._metrics = metrics
        self._began: dict[Key, float] = {}  # seconds since the epoch

    async def run(self, number: int) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for i in range(number):
                group.create_task(self._work(), name=f"worker {i}")

    @property
    def in_progress_since(self) -> float:
        """When the longest running reconcile began, in seconds since the epoch; 0 if there is none."""
        return min(self._began.values(), default=0.0)

    async def _work(self) -> None:
        while True:
            key = await self._queue.get()
            self._began[key] = time.time()
            began = time.perf_counter()
            try:
                result = await self._once(key)
            finally:
                del self._began[key]
                self._queue.done(key)
            outcome = self._schedule(key, result)
            self._metrics.reconciles.labels(outcome).observe(time.perf_counter() - began)

    async def _once(self, key: Key) -> Result:
        try:
            async with asyncio.timeout(LIMIT):
                return await self._reconcile(key)
        except errors.ApiError as problem:
            return Result((problem,))
        except TimeoutError:
            return Result((errors.Unavailable(f"not reconciled within {LIMIT:.0f} s"),))
        except Exception as bug:  # one document must not end the work on all others, whatever is in it
            logger.exception("%s: a fault of the operator", key)
            return Result((errors.Invalid(repr(bug)),))

    def _schedule(self, key: Key, result: Result) -> str:
        """Say when the key comes back, and under which word this reconcile is counted."""
        if not result.problems:
            self._queue.forget(key)
            if result.again_after is not None:
                self._queue.add_after(key, result.again_after)
            return "success"
        worst = most_urgent(result.problems)
        after = max(problem.retry_after for problem in result.problems)
        delay = self._queue.add_failed(key, *worst.value, at_least=after)
        logger.info("%s: %s; again in %.1f s", key, "; ".join(map(str, result.problems))[:500], delay)
        if result.again_after is not None:
            self._queue.add_after(key, max(result.again_after, after))
        return worst.name.lower()


def most_urgent(problems: tuple[ApiError, ...]) -> Retry:
    """The retry of the problem that may heal soonest."""
    return min((problem.retry for problem in problems), key=lambda retry: retry.value[0])

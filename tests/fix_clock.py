"""A clock that a test turns: an event loop in which waiting takes no time and the clock jumps to what comes next."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any

import pytest


class _Selector(selectors.DefaultSelector):
    """Does not wait for the time that it is given, but lets it pass."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "everything waits for something that never happens"
        self.now += max(0.0, timeout)
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._clock = _Selector()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now


Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture
def in_virtual_time() -> Run:
    """Run a coroutine to its end on such a loop."""

    def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
        loop = _Loop()
        try:
            return loop.run_until_complete(coroutine)
        finally:
            loop.close()

    return run

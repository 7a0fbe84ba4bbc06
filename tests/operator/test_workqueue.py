"""The queue hands each key to one worker at a time, loses none, and lets failures come back later and later."""

import asyncio
import contextlib

import pytest
from fix_clock import Run

from mesoscale_operator.errors import Retry
from mesoscale_operator.workqueue import WorkQueue


def queue(jitter: float = 1.0) -> WorkQueue[str]:
    return WorkQueue(jitter=lambda: jitter)


async def taken(keys: WorkQueue[str]) -> list[str]:
    """All keys that can be had now."""
    found = []
    with contextlib.suppress(TimeoutError):
        while True:
            found.append(await asyncio.wait_for(keys.get(), 0.01))
    return found


def now() -> float:
    return asyncio.get_running_loop().time()


def test_a_key_that_waits_already_waits_once(in_virtual_time: Run) -> None:
    async def scene() -> None:
        keys = queue()
        for key in ("a", "b", "a", "a"):
            keys.add(key)
        assert keys.depth == 2
        assert await taken(keys) == ["a", "b"]

    in_virtual_time(scene())


def test_a_key_is_worked_on_by_one_at_a_time_and_no_event_is_lost(in_virtual_time: Run) -> None:
    async def scene() -> None:
        keys = queue()
        keys.add("a")
        assert await keys.get() == "a"
        keys.add("a")  # something happens while it is worked on
        assert await taken(keys) == []
        keys.done("a")
        assert await taken(keys) == ["a"]
        keys.done("a")
        assert keys.idle

    in_virtual_time(scene())


def test_a_later_key_comes_at_its_time_and_sooner_if_asked_for_sooner(in_virtual_time: Run) -> None:
    async def scene() -> None:
        keys = queue()
        keys.add_after("a", 30)
        keys.add_after("a", 10)
        keys.add_after("a", 20)
        assert await keys.get() == "a"
        assert now() == pytest.approx(10)
        keys.done("a")
        keys.add_after("b", 50)
        keys.add("b")
        assert await keys.get() == "b"
        assert now() == pytest.approx(10)
        keys.done("b")
        await asyncio.sleep(100)
        assert keys.depth == 0, "what came sooner does not come once more"

    in_virtual_time(scene())


def test_failures_in_a_row_double_the_delay_up_to_the_longest(in_virtual_time: Run) -> None:
    async def scene() -> list[float]:
        keys, delays = queue(), []
        keys.add("a")
        for _ in range(10):
            key = await keys.get()
            began = now()
            keys.add_failed(key, *Retry.TRANSIENT.value)
            keys.done(key)
            await asyncio.wait_for(_until_waiting(keys), 100)
            delays.append(now() - began)
        return delays

    delays = in_virtual_time(scene())
    assert delays == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0], abs=0.03)


async def _until_waiting(keys: WorkQueue[str]) -> None:
    while not keys.depth:
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("retry", list(Retry))
def test_no_failure_makes_a_hot_loop(retry: Retry, in_virtual_time: Run) -> None:
    async def scene() -> int:
        keys, tries = queue(jitter=0.0), 0  # the least that chance can give
        keys.add("a")
        while now() < 600:
            try:
                async with asyncio.timeout_at(600):
                    key = await keys.get()
            except TimeoutError:
                break
            tries += 1
            keys.add_failed(key, *retry.value)
            keys.done(key)
        return tries

    assert in_virtual_time(scene()) <= {Retry.TRANSIENT: 50, Retry.WAITING: 25, Retry.PERMANENT: 7}[retry]


def test_chance_spreads_keys_that_failed_together_over_half_of_the_delay(in_virtual_time: Run) -> None:
    async def scene() -> None:
        assert queue(jitter=0.0).add_failed("a", 10, 60) == pytest.approx(5)
        assert queue(jitter=1.0).add_failed("a", 10, 60) == pytest.approx(10)

    in_virtual_time(scene())


def test_a_delay_that_the_api_server_asks_for_is_kept(in_virtual_time: Run) -> None:
    async def scene() -> None:
        keys = queue()
        keys.add_failed("a", *Retry.TRANSIENT.value, at_least=7)
        assert await keys.get() == "a"
        assert now() == pytest.approx(7)

    in_virtual_time(scene())


def test_success_forgets_earlier_failures(in_virtual_time: Run) -> None:
    async def scene() -> None:
        keys = queue()
        for _ in range(5):
            keys.add_failed("a", 1, 60)
        keys.forget("a")
        assert keys.add_failed("a", 1, 60) == pytest.approx(1)

    in_virtual_time(scene())


def test_an_event_does_not_wait_for_the_end_of_a_back_off(in_virtual_time: Run) -> None:
    async def scene() -> None:
        keys = queue()
        keys.add_failed("a", *Retry.PERMANENT.value)
        keys.add("a")
        assert await keys.get() == "a"
        assert now() == 0

    in_virtual_time(scene())


def test_age_is_that_of_the_longest_wait(in_virtual_time: Run) -> None:
    async def scene() -> None:
        keys = queue()
        keys.add("a")
        await asyncio.sleep(3)
        keys.add("b")
        assert keys.age == pytest.approx(3)
        await keys.get()
        assert keys.age == pytest.approx(0)

    in_virtual_time(scene())

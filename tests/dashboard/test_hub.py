"""One pump serves all who listen; one who is slow loses the oldest, and when nobody listens it rests."""

import asyncio
from typing import Any

import pytest

from mesoscale_dashboard import hub
from mesoscale_dashboard.hub import Hub


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same pump a hundred times faster."""
    monkeypatch.setattr(hub, "EVERY", 0.01)
    monkeypatch.setattr(hub, "LINGER", 0.1)


class Numbers:
    """A state that counts how often it was asked for."""

    def __init__(self) -> None:
        self.asked = 0

    async def __call__(self) -> dict[str, int]:
        self.asked += 1
        return {"asked": self.asked}


def made(state: Numbers) -> Hub:
    return Hub(state, lambda: {"at": []}, None, dict, None)


async def heard(stream: Any, count: int) -> list[bytes]:
    return [await asyncio.wait_for(anext(stream), 5) for _ in range(count)]


def test_the_first_things_said_are_when_to_come_back_the_state_and_the_history() -> None:
    async def listen() -> list[bytes]:
        one = made(Numbers())
        stream = one.listen()
        first = await heard(stream, 3)
        await stream.aclose()
        await one.close()
        return first

    first = asyncio.run(listen())
    assert [event.split(b"\n")[0] for event in first] == [
        b"retry: 2000",
        b"event: state",
        b"event: history",
    ]


def test_many_listeners_cost_one_state_a_round() -> None:
    async def listen() -> tuple[int, list[bytes]]:
        state = Numbers()
        one = made(state)
        streams = [one.listen() for _ in range(20)]
        for stream in streams:
            await heard(stream, 4)
        before = state.asked
        last = [(await heard(stream, 5))[-1] for stream in streams]
        asked = state.asked - before
        for stream in streams:
            await stream.aclose()
        await one.close()
        return asked, last

    asked, last = asyncio.run(listen())
    assert all(event.startswith(b"event: state") for event in last)
    assert asked < 40, "far fewer than the hundred events that were heard"


def test_a_slow_listener_loses_the_oldest_and_memory_stays_bounded() -> None:
    async def listen() -> tuple[list[bytes], int]:
        state = Numbers()
        one = made(state)
        stream = one.listen()
        await heard(stream, 4)
        while state.asked < 4 * hub.WAITING:
            await asyncio.sleep(0.01)
        late = await heard(stream, hub.WAITING)
        await stream.aclose()
        await one.close()
        return late, state.asked

    late, asked = asyncio.run(listen())
    told = [int(event.split(b":")[-1].strip(b"}\n")) for event in late]
    assert told == sorted(set(told))
    assert told[0] > 2 * hub.WAITING
    assert told[-1] >= asked - 2


def test_when_the_last_has_left_the_pump_rests_and_the_next_one_wakes_it() -> None:
    async def listen() -> tuple[int, int, int]:
        state = Numbers()
        one = made(state)
        stream = one.listen()
        await heard(stream, 5)
        await stream.aclose()
        assert one.listeners == 0
        assert not one.resting
        await asyncio.sleep(0.5)
        assert one.resting
        rested = state.asked
        await asyncio.sleep(0.3)
        still = state.asked
        await heard(again := one.listen(), 6)
        woken = state.asked
        await again.aclose()
        await one.close()
        return rested, still, woken

    rested, still, woken = asyncio.run(listen())
    assert rested == still
    assert woken >= still + 3

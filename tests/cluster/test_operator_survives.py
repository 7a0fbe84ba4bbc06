"""An operator that is killed, refused, slowed down or cut off comes to the same objects, and makes no storm of it."""

import asyncio
import time
from typing import Any

import pytest
from fix_mortal import Mortal
from fix_operator import World, document
from fix_proxy import Answer, Call, Delay, Fault, Swallow

from mesoscale.manifests import fields
from mesoscale.manifests.types import Key
from mesoscale.model.pipeline import API_VERSION, KIND

DOCUMENT = Key(API_VERSION, KIND, "nyc")
SET = Key("apps/v1", "StatefulSet", "nyc-rows")
MAP = Key("v1", "ConfigMap", "nyc-document")
COPY = {"name": "copy", "from": "weather", "use": "forward"}


async def shape(world: World) -> dict[Key, Any]:
    """Every child with what is managed of it; its owner's uid is the same within one test."""
    return {key: fields.managed(child) for key, child in (await world.children()).items()}


@pytest.mark.timeout(600)
def test_killed_after_each_change_in_turn_it_comes_to_the_same_objects(lone_world: World) -> None:
    """On an API server that runs nothing and knows every kind: what is killed here is only the operator."""
    world = lone_world

    async def scene() -> None:
        await world.apply(document("straight", deletionPolicy="delete"))
        first = world.start()
        await world.settled("straight")
        first.stop()
        straight = {key for key in await world.children() if key.kind != "Job"}  # whose names are hashes of all else

        await world.apply(document())
        mortal = Mortal(world)
        await mortal.live_until(lambda: _settled(world))
        made = {key for key in await world.children() if key.name.startswith("nyc") and key.kind != "Job"}
        assert mortal.kills > 25
        assert {key._replace(name=key.name.replace("nyc", "straight", 1)) for key in made} == straight

        await world.apply(document(stages=[COPY], deletionPolicy="delete"))
        await mortal.live_until(lambda: _settled(world))
        assert mortal.kills > 40
        killed = await shape(world)
        world.proxy.before, world.proxy.after = (lambda call: None), (lambda call: None)
        before = len(world.proxy.changes)
        world.start()
        await world.settled()
        assert await shape(world) == killed
        assert world.proxy.changes[before:] == [], "nothing was left to do"
        world.operators[-1].kill()

        mortal = Mortal(world)
        await world.delete(DOCUMENT)
        await mortal.live_until(lambda: _gone(world))
        assert mortal.kills > 25
        assert [key for key in await world.children() if key.name.startswith("nyc")] == []

    world.play(scene)


async def _settled(world: World) -> bool:
    found = await world.document() or {"metadata": {}}
    return bool(found.get("status", {}).get("observedGeneration") == found["metadata"].get("generation"))


async def _gone(world: World) -> bool:
    return await world.document() is None


class Spoiler:
    """Spoils each change with a fault, as often as it says for each object, then lets it be."""

    def __init__(self, world: World, fault: Fault, times: int = 2) -> None:
        self._fault, self._times = fault, times
        self._spoiled: dict[str, int] = {}
        world.proxy.before = self._spoil

    def _spoil(self, call: Call) -> Fault | None:
        count = self._spoiled.get(call.path, 0)
        if not call.changes or count >= self._times:
            return None
        self._spoiled[call.path] = count + 1
        return self._fault

    @property
    def count(self) -> int:
        return sum(self._spoiled.values())


STATUS = b'{"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "spoiled", "reason": "Spoiled"}'


@pytest.mark.parametrize(
    "fault",
    [
        Answer(409, body=STATUS),
        Answer(429, {"Retry-After": "1"}, STATUS),
        Answer(429, {}, b"slow down"),
        Answer(500, body=STATUS),
        Answer(503, body=b"<html>no backend</html>"),
        Answer(200, body=b"{half an ans"),
        Swallow(),
        Delay(0.5),
    ],
    ids=["409", "429-after-1s", "429", "500", "503-no-json", "half-an-answer", "answer-lost", "slow"],
)
def test_spoiled_answers_delay_and_change_nothing(world: World, fault: Fault) -> None:
    async def scene() -> None:
        spoiler = Spoiler(world, fault)
        await world.apply(document())
        world.start()
        await world.settled()
        assert spoiler.count > 20
        tries = [call for call in world.proxy.calls if call.changes]
        assert len(tries) <= 6 * len({call.path for call in tries}), "no storm"
        before = len(world.proxy.changes)
        world.proxy.before = lambda call: None
        await asyncio.sleep(3)
        assert len(world.proxy.changes) - before < 5, "and then it rests"
        children = await world.children()
        assert {SET, MAP} <= children.keys()

    world.play(scene)


def test_an_api_server_that_refuses_everything_is_not_stormed(world: World) -> None:
    async def scene() -> None:
        world.proxy.before = lambda call: Answer(500, body=STATUS) if call.changes else None
        await world.apply(document())
        world.start()
        await world.until(lambda: _called(world), 30)
        await asyncio.sleep(10)
        finalizers = [call for call in world.proxy.changes if call.path.endswith("/nyc")]
        assert 3 <= len(finalizers) <= 15  # 0.1, 0.2, 0.4 … seconds apart
        world.proxy.before = lambda call: None
        await world.settled()

    world.play(scene)


async def _called(world: World) -> bool:
    return bool(world.proxy.changes)


def test_the_time_the_api_server_asks_for_is_waited(world: World) -> None:
    async def scene() -> None:
        times: list[float] = []

        def busy(call: Call) -> Fault | None:
            if call.changes:
                times.append(time.monotonic())
                if len(times) == 1:
                    return Answer(429, {"Retry-After": "4"}, STATUS)
            return None

        world.proxy.before = busy
        await world.apply(document())
        world.start()
        await world.settled()
        assert times[1] - times[0] >= 3.9

    world.play(scene)


def test_watches_that_are_cut_too_old_or_lost_miss_nothing(world: World) -> None:
    async def scene() -> None:
        await world.apply(document())
        world.start()
        await world.settled()

        # Cut, and something happens while nobody watches.
        world.proxy.before = lambda call: Answer(503, body=STATUS) if call.watches else None
        world.proxy.cut_watches()
        await asyncio.sleep(1)
        await world.edit(SET, {"spec": {"replicas": 3}})
        world.proxy.before = lambda call: None
        await world.until(lambda: _replicas(world, 0), 30)

        # The version is too old: 410 as an answer, once for each kind; it lists anew.
        gone: set[str] = set()

        def too_old(call: Call) -> Fault | None:
            if call.watches and call.path not in gone:
                gone.add(call.path)
                return Answer(410, body=STATUS.replace(b"Spoiled", b"Expired"))
            return None

        world.proxy.before = too_old
        world.proxy.cut_watches()
        await world.delete(SET)
        await world.until(lambda: _replicas(world, 0), 30)
        assert gone

    world.play(scene)


async def _replicas(world: World, count: int) -> bool:
    found = await world.get(SET)
    return found is not None and found["spec"]["replicas"] == count


def test_a_deaf_operator_says_that_it_is_not_healthy(world: World) -> None:
    async def scene() -> None:
        await world.apply(document())
        operator = world.start()
        await world.settled()
        assert operator.get("/healthz")[0] == 200
        world.proxy.frozen = True

        async def unhealthy() -> bool:
            return operator.get("/healthz") == (503, operator.get("/healthz")[1])

        await world.until(unhealthy, 60, every=1)
        world.proxy.frozen = False
        world.proxy.cut_watches()

        async def healthy() -> bool:
            return operator.get("/healthz")[0] == 200

        await world.until(healthy, 30, every=1)

    world.play(scene)

"""One operator works at a time, and another takes over in time when it dies, goes or is cut off."""

import asyncio
import time

from fix_operator import Process, World, document
from fix_proxy import Answer, Delay

from mesoscale.manifests.types import Key
from mesoscale_operator import leader

SET = Key("apps/v1", "StatefulSet", "nyc-rows")


async def leading(operator: Process) -> bool:
    return operator.metric("meso_operator_leading") == 1


def test_of_two_one_leads_and_the_other_takes_over_when_it_is_killed(world: World) -> None:
    async def scene() -> None:
        await world.apply(document())
        first = world.start("first")
        await world.settled()
        second = world.start("second")
        await world.until(lambda: _ready(second))
        await asyncio.sleep(3)
        assert not await leading(second)
        first.kill()
        began = time.monotonic()
        await world.edit(SET, {"spec": {"replicas": 3}})
        await world.until(lambda: _repaired(world), 20)
        print(f"failover after kill -9: {time.monotonic() - began:.1f} s")  # noqa: T201
        assert time.monotonic() - began < 20
        assert await leading(second)

    world.play(scene)


async def _ready(operator: Process) -> bool:
    return operator.get("/readyz")[0] == 200


async def _repaired(world: World) -> bool:
    found = await world.get(SET)
    return found is not None and found["spec"]["replicas"] == 0


def test_an_operator_that_goes_lets_the_lease_go(world: World) -> None:
    async def scene() -> None:
        await world.apply(document())
        first = world.start("first")
        await world.settled()
        second = world.start("second")
        await world.until(lambda: _ready(second))
        await asyncio.sleep(1)
        assert first.stop() == 0
        began = time.monotonic()
        await world.until(lambda: leading(second), 20)
        assert time.monotonic() - began < 2 * leader.PERIOD + 1

    world.play(scene)


def test_an_operator_that_cannot_renew_its_lease_ends_before_another_may_begin(world: World) -> None:
    async def scene() -> None:
        await world.apply(document())
        operator = world.start("first")
        await world.settled()
        world.proxy.before = lambda call: Answer(500) if "/leases" in call.path and not call.watches else None
        began = time.monotonic()
        await world.until(lambda: _ended(operator), 30)
        assert operator.ended == 1
        assert time.monotonic() - began < leader.DURATION + 3

    world.play(scene)


async def _ended(operator: Process) -> bool:
    return operator.ended is not None


def test_a_leader_keeps_its_lease_however_much_of_its_work_waits_for_the_api_server(world: World) -> None:
    documents, slow = 12, 4.0  # all of it takes half a minute at least

    async def scene() -> None:
        world.proxy.before = lambda call: Delay(slow) if call.changes else None
        operator = world.start()
        await world.until(lambda: leading(operator))
        for number in range(documents):
            await world.apply(document(f"nyc-{number}"))
        await asyncio.sleep(leader.DURATION + leader.GIVE_UP)
        assert operator.ended is None
        assert await leading(operator)
        assert operator.metric("meso_operator_queue_depth") > 0, "nothing waits any more"

    world.play(scene)

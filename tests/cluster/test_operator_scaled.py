"""How many programs a scaled node has is its autoscaler's to say: nothing that we do changes it or puts it back."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fix_mortal import Mortal
from fix_operator import World, document
from fix_proxy import Call, Fault, Swallow

from mesoscale.manifests.types import Key
from mesoscale_operator import replicas
from mesoscale_operator.kube import Resource

SET = Key("apps/v1", "StatefulSet", "nyc-copy")
SETS = Resource("apps/v1", "statefulsets")
QUOTAS = Resource("v1", "resourcequotas")
SCALING = "autoscaling: hpa\n"
FIXED, OTHERWISE_FIXED, FREE = {"min": 3, "max": 3}, {"min": 4, "max": 4}, {"min": 2, "max": 6}


def copying(scale: dict[str, int], **spec: Any) -> dict[str, Any]:
    """A document with a stage of so many programs."""
    return document(stages=[{"name": "copy", "from": "weather", "use": "forward", "scale": scale}], sinks=[], **spec)


class Numbers:
    """Every number of programs that the stage ever had, in their order."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.seen: list[int] = []

    @contextmanager
    def watched(self, since: str) -> Iterator[None]:
        looking = asyncio.create_task(self._look(since))
        yield
        looking.cancel()

    async def _look(self, since: str) -> None:
        async for event in self._world.kube.watch(SETS, self._world.namespace, "", since, SET.name):
            number = event.object["spec"]["replicas"]
            if self.seen[-1:] != [number]:
                self.seen.append(number)

    async def are(self, *expected: int) -> None:
        """The operator rests, and so many there were."""
        await self._world.settled()
        assert self.seen == list(expected)

    async def become(self, *expected: int) -> None:
        async def so() -> bool:
            return self.seen == list(expected)

        await self._world.until(so, 20)
        await self.are(*expected)


async def prepared(world: World) -> str:
    """A namespace in which no pod is made; its version."""
    metadata = {"name": "none", "namespace": world.namespace}
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": {"pods": "0"}}}
    made = await world.kube.apply(QUOTAS, quota, manager="tests")
    return str(made["metadata"]["resourceVersion"])


async def scale(world: World, number: int) -> None:
    """Do as an autoscaler does."""
    await world.kube.merge(SETS, world.namespace, SET.name, {"spec": {"replicas": number}}, "scale", "autoscaler")


def lose_answers(world: World) -> None:
    """Of each kind of call about the stage's programs, the first answer never arrives."""
    lost: set[tuple[str, str]] = set()

    def lose(call: Call) -> Fault | None:
        what = (call.method, call.query)
        if not call.path.endswith(f"/statefulsets/{SET.name}") or what in lost:
            return None
        lost.add(what)
        return Swallow()

    world.proxy.before = lose


@pytest.mark.parametrize("spoiled", [False, True], ids=["undisturbed", "answers lost"])
def test_scaling_that_is_switched_on_and_off_takes_no_program_away_in_between(world: World, spoiled: bool) -> None:
    async def scene() -> None:
        numbers = Numbers(world)
        with numbers.watched(await prepared(world)):
            if spoiled:
                lose_answers(world)
            await world.apply(copying(FIXED))
            operator = world.start(installed=SCALING)
            await numbers.become(3)
            await world.apply(copying(FREE))
            await numbers.are(3)
            found = await world.get(SET)
            assert found is not None
            assert not replicas.held(found)

            await scale(world, 5)
            await numbers.become(3, 5)
            before = len(world.proxy.changes)
            await world.edit(SET, {"metadata": {"labels": {"app.kubernetes.io/part-of": "else"}}})
            await world.apply(copying(FREE, slo={"maxLag": 7}))
            await numbers.are(3, 5)
            assert any(call.path.endswith(f"/{SET.name}") for call in world.proxy.changes[before:]), "it was applied"
            operator.kill()
            world.start(installed=SCALING)
            await numbers.are(3, 5)

            await world.apply(copying(OTHERWISE_FIXED))
            await numbers.become(3, 5, 4)
            await world.edit(SET, {"spec": {"replicas": 1}})
            await numbers.become(3, 5, 4, 1, 4)

    world.play(scene)


def test_a_node_that_scales_begins_with_the_fewest_and_does_so_after_a_pause(world: World) -> None:
    async def scene() -> None:
        numbers = Numbers(world)
        with numbers.watched(await prepared(world)):
            await world.apply(copying(FREE))
            world.start(installed=SCALING)
            await numbers.become(2)
            found = await world.get(SET)
            assert found is not None
            assert not replicas.held(found)
            await world.apply(copying(FREE, pause=["data"]))
            await numbers.become(2, 0)
            await world.apply(copying(FREE))
            await numbers.become(2, 0, 2)

    world.play(scene)


def test_an_operator_killed_while_it_lets_go_of_the_number_changes_nothing_about_it(lone_world: World) -> None:
    async def scene() -> None:
        numbers = Numbers(lone_world)
        mortal = Mortal(lone_world, lambda call: call.path.endswith(f"/statefulsets/{SET.name}"), SCALING)

        async def let_go() -> bool:
            found = await lone_world.get(SET)
            return found is not None and not replicas.held(found)

        with numbers.watched(await prepared(lone_world)):
            await lone_world.apply(copying(FREE))
            await mortal.live_until(let_go)
            assert mortal.kills >= 3, "made, handed over, let go"
            assert numbers.seen == [2]
            before = mortal.kills
            await lone_world.apply(copying(FIXED))
            await mortal.live_until(lambda: held(lone_world))
            await lone_world.apply(copying(FREE))
            await mortal.live_until(let_go)
            assert mortal.kills >= before + 3, "taken, handed over, let go"
            assert numbers.seen == [2, 3]

    lone_world.play(scene)


async def held(world: World) -> bool:
    found = await world.get(SET)
    return found is not None and replicas.held(found)

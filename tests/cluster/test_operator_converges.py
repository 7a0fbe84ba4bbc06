"""What a document asks for comes to be, is kept, and costs nothing once it is."""

import asyncio

from fix_operator import World, document
from fix_proxy import Call

from mesoscale.manifests.types import Key
from mesoscale.model.pipeline import API_VERSION, KIND
from mesoscale_operator import decide, documents
from mesoscale_operator.kube import Object

MAP = Key("v1", "ConfigMap", "nyc-document")
SET = Key("apps/v1", "StatefulSet", "nyc-rows")
ACCOUNT = Key("v1", "ServiceAccount", "nyc-rows")
TOPIC = Key("kafka.strimzi.io/v1", "KafkaTopic", "nyc.weather")
DOCUMENT = Key(API_VERSION, KIND, "nyc")


def test_applied_children_are_there_and_belong_to_the_document(world: World) -> None:
    async def scene() -> None:
        made = await world.apply(document())
        world.start()
        settled = await world.settled()
        children = await world.children()
        assert {MAP, SET, ACCOUNT, TOPIC} <= children.keys()
        told = {(child["kind"], child["name"]) for child in settled["status"]["children"]}
        assert {(key.kind, key.name) for key in children} <= told
        for key, child in children.items():
            owners = [owner["uid"] for owner in child["metadata"].get("ownerReferences", [])]
            expected = [] if decide.holds_data(key) else [made["metadata"]["uid"]]
            assert owners == expected, key  # what is to outlive the document has no owner
        assert (await world.condition("Accepted"))["status"] == "True"

    world.play(scene)


def test_a_restart_over_unchanged_documents_writes_nothing(world: World) -> None:
    async def scene() -> None:
        for i in range(5):
            await world.apply(document(f"p{i}"))
        first = world.start()
        for i in range(5):
            await world.settled(f"p{i}")
        assert first.stop() == 0
        before = len(world.proxy.changes)
        assert before > 50
        second = world.start()
        await world.until(lambda: _reconciled(second.metric("meso_operator_reconcile_duration_seconds_count"), 5))
        await asyncio.sleep(3)
        assert world.proxy.changes[before:] == []

    world.play(scene)


async def _reconciled(count: float, least: int) -> bool:
    return count >= least


def test_one_status_is_written_for_one_change(world: World) -> None:
    """Of a pipeline whose objects nobody else has anything to say about: no database, no table."""

    async def scene() -> None:
        await world.apply(document(sinks=[]))
        world.start()
        await world.settled()
        before = len(world.proxy.changes)
        await world.apply(document(sinks=[], deletionPolicy="orphan"))
        await world.settled()
        assert len(_statuses(world, before)) == 1

    world.play(scene)


def test_each_status_that_is_written_says_something_new_and_each_reconcile_writes_one_at_most(world: World) -> None:
    async def scene() -> None:
        seen: list[Object] = []
        made = await world.apply(document())
        looking = asyncio.create_task(_look(world, made, seen))
        operator = world.start()
        await world.settled()
        await world.apply(document(deletionPolicy="orphan"))
        await world.edit(SET, {"metadata": {"labels": {"app.kubernetes.io/name": "else"}}})
        await world.settled()
        written = _statuses(world, 0)

        async def all_seen() -> bool:
            return len(seen) >= len(written)

        await world.until(all_seen, 10)
        looking.cancel()
        assert len(written) == len(seen) > 1
        assert len(written) <= operator.metric("meso_operator_reconcile_duration_seconds_count")

    world.play(scene)


async def _look(world: World, made: Object, seen: list[Object]) -> None:
    """Take down each status that the document gets."""
    since = made["metadata"]["resourceVersion"]
    async for event in world.kube.watch(documents.RESOURCE, world.namespace, "", since):
        status = event.object.get("status")
        if status and (not seen or status != seen[-1]):
            seen.append(status)


def _statuses(world: World, since: int) -> list[Call]:
    return [call for call in world.proxy.changes[since:] if call.path.endswith("/status")]

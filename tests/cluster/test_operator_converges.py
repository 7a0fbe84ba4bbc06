"""What a document asks for comes to be, is kept, and costs nothing once it is."""

import asyncio

from fix_operator import World, document

from mesoscale.manifests.types import Key
from mesoscale.model.pipeline import API_VERSION, KIND
from mesoscale_operator import decide

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
    async def scene() -> None:
        await world.apply(document())
        world.start()
        await world.settled()
        changed = document(deletionPolicy="orphan")
        before = len(world.proxy.changes)
        await world.apply(changed)
        await world.settled()
        statuses = [call for call in world.proxy.changes[before:] if call.path.endswith("/status")]
        assert len(statuses) == 1

    world.play(scene)

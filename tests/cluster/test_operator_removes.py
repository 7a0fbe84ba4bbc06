"""What is no longer asked for goes, in order and in time; data goes by its policy; nothing hangs on anybody."""

import asyncio
import re
import time
from typing import Any

import pytest
from fix_operator import World, document
from fix_proxy import Answer, Call, Fault

from mesoscale.manifests.types import Key
from mesoscale.model.pipeline import API_VERSION, KIND
from mesoscale_operator import decide

DOCUMENT = Key(API_VERSION, KIND, "nyc")
SET = Key("apps/v1", "StatefulSet", "nyc-rows")
SOURCE = Key("apps/v1", "StatefulSet", "nyc-weather")
TOPIC = Key("kafka.strimzi.io/v1", "KafkaTopic", "nyc.weather")
COPY = {"name": "copy", "from": "weather", "use": "forward"}
COPY_TOPIC = Key("kafka.strimzi.io/v1", "KafkaTopic", "nyc.copy")
COPY_SET = Key("apps/v1", "StatefulSet", "nyc-copy")
REFUSAL = b'{"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "no right", "reason": "Forbidden"}'
FOREIGN = {"metadata": {"finalizers": ["strimzi.io/topic-operator"]}}


@pytest.mark.parametrize("policy", ["retain", "delete", "orphan"])
def test_a_node_taken_out_goes_with_its_objects_and_its_topic_by_policy(world: World, policy: str) -> None:
    async def scene() -> None:
        await world.apply(document(stages=[COPY], deletionPolicy=policy))
        world.start()
        await world.settled()
        assert {COPY_TOPIC, COPY_SET} <= (await world.children()).keys()
        await world.apply(document(stages=[], deletionPolicy=policy))
        settled = await world.settled()
        assert await world.get(SOURCE) is not None
        topic = await world.get(COPY_TOPIC)
        assert (topic is None) == (policy == "delete")
        assert (COPY_TOPIC in await world.children()) == (policy == "retain")
        orphans = [child["name"] for child in settled["status"]["children"] if child["state"] == "Orphaned"]
        assert (COPY_TOPIC.name in orphans) == (policy == "retain")
        # Without garbage collection here, what was deleted in the foreground only says so.
        left = await world.get(COPY_SET)
        assert left is None or "deletionTimestamp" in left["metadata"]

    world.play(scene)


def test_an_object_that_only_bears_our_labels_is_not_deleted(world: World) -> None:
    async def scene() -> None:
        await world.apply(document())
        world.start()
        await world.settled()
        labels = {"app.kubernetes.io/managed-by": "mesoscale", "mesoscale.dev/pipeline": "nyc"}
        strange = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "strange", "labels": labels}}
        await world.apply(strange)
        await world.apply(document(deletionPolicy="orphan"))
        await world.settled()
        assert await world.get(Key("v1", "ConfigMap", "strange")) is not None

    world.play(scene)


@pytest.mark.parametrize("policy", ["retain", "delete", "orphan"])
def test_a_deleted_document_takes_its_children_along_and_data_by_policy(world: World, policy: str) -> None:
    async def scene() -> None:
        await world.apply(document(deletionPolicy=policy))
        world.start()
        await world.settled()
        began = time.monotonic()
        await world.delete(DOCUMENT)
        await world.until(lambda: _gone(world, DOCUMENT), 60)
        assert time.monotonic() - began < 60
        left = {key for key in await world.children() if not decide.holds_data(key)}
        assert left == set()
        topic = await world.get(TOPIC)
        assert (topic is None) == (policy == "delete")
        assert (TOPIC in await world.children()) == (policy == "retain")

    world.play(scene)


async def _deleting(world: World) -> bool:
    found = await world.document()
    return found is None or "deletionTimestamp" in found["metadata"]


async def _nothing_left(world: World) -> bool:
    return await world.document() is None and not await world.children()


async def _gone(world: World, key: Key) -> bool:
    return await world.get(key) is None


def test_topics_whose_operator_is_gone_hold_nothing_up(world: World) -> None:
    async def scene() -> None:
        await world.apply(document(deletionPolicy="delete"))
        world.start()
        await world.settled()
        topics = [key for key in await world.children() if key.kind == "KafkaTopic"]
        for topic in topics:
            await world.edit(topic, FOREIGN)
        began = time.monotonic()
        await world.delete(DOCUMENT)
        ready = await world.until(lambda: _ends(world, ", held by strimzi.io/topic-operator (and "), 45)
        assert (ready["status"], ready["reason"]) == ("False", "Deleting")
        assert ready["message"].startswith("waits for data to end: KafkaTopic nyc.")
        assert re.search(r"until [-0-9]+T[:0-9]+Z at the latest", ready["message"])
        assert ready["nextStep"]
        await world.until(lambda: _gone(world, DOCUMENT), 60)
        assert time.monotonic() - began < 60
        for topic in topics:
            assert await world.get(topic) is None
        assert any(event["reason"] == "Orphaned" for event in await world.events())

    world.play(scene)


async def _ends(world: World, what: str) -> dict[str, Any]:
    """The condition Ready, as soon as it says so."""
    ready = await world.condition("Ready")
    return ready if what in ready.get("message", "") else {}


@pytest.mark.parametrize("right", ["delete", "list"])
def test_an_operator_that_may_not_end_programs_waits_and_says_so(world: World, right: str) -> None:
    """Not until it may again: whoever lets go of the document now loses what is on its way."""

    async def scene() -> None:
        await world.apply(document(deletionPolicy="delete"))
        first = world.start()
        await world.settled()
        method = {"delete": "DELETE", "list": "GET"}[right]

        def refuse(call: Call) -> Fault | None:
            concerned = "/statefulsets" in call.path and call.method == method
            return Answer(403, body=REFUSAL) if concerned else None

        world.proxy.before = refuse
        if right == "list":
            first.kill()
            world.start()
        before = len(world.proxy.changes)
        await world.delete(DOCUMENT)
        ready = await world.until(lambda: _ends(world, "cannot be taken down"), 30)
        assert ready["reason"] == "Forbidden"
        assert "finalizers" in ready["nextStep"]
        await asyncio.sleep(8)
        assert await world.document() is not None
        assert await world.get(SET) is not None
        world.proxy.before = lambda call: None
        await world.until(lambda: _gone(world, DOCUMENT), 75)
        granted = [call for call in world.proxy.changes[before:] if call.method == "DELETE"]
        deleted = ["/".join(call.path.rsplit("/", 2)[1:]) for call in granted]
        names = ("statefulsets/nyc-weather", "statefulsets/nyc-rows", "configmaps/nyc-document")
        order = [len(deleted) - deleted[::-1].index(name) for name in names]
        assert order == sorted(order), "in order, though it was late"
        assert any(event["reason"] == "Forbidden" for event in await world.events())

    world.play(scene)


def test_an_operator_whose_rights_end_with_the_namespace_lets_it_end(world: World) -> None:
    async def scene() -> None:
        await world.apply(document(deletionPolicy="retain"))
        world.start()
        await world.settled()

        def refuse(call: Call) -> Fault | None:
            of_the_cluster = call.path.endswith(("/weatherpipelines/nyc", f"/namespaces/{world.namespace}"))
            return None if of_the_cluster or "/leases" in call.path or call.watches else Answer(403, body=REFUSAL)

        world.proxy.before = refuse
        await world.delete_namespace(world.namespace)
        await world.until(lambda: _deleting(world), 120)
        await world.until(lambda: _gone(world, DOCUMENT), 20)

    world.play(scene)


def test_sources_go_before_sinks_and_the_rest_after_them(world: World) -> None:
    async def scene() -> None:
        await world.apply(document(deletionPolicy="delete", stages=[COPY]))
        world.start()
        await world.settled()
        before = len(world.proxy.changes)
        await world.delete(DOCUMENT)
        await world.until(lambda: _gone(world, DOCUMENT), 60)
        deleted = [call.path.rpartition("/")[2] for call in world.proxy.changes[before:] if call.method == "DELETE"]
        order = [deleted.index(name) for name in ("nyc-weather", "nyc-copy", "nyc-rows", "nyc-document", "nyc.weather")]
        assert order == sorted(order)

    world.play(scene)


def test_a_policy_changed_in_the_last_moment_counts(world: World) -> None:
    async def scene() -> None:
        await world.apply(document(deletionPolicy="delete"))
        first = world.start()
        await world.settled()
        first.kill()
        await world.apply(document(deletionPolicy="retain"))
        await world.delete(DOCUMENT)
        world.start()
        await world.until(lambda: _gone(world, DOCUMENT), 60)
        assert await world.get(TOPIC) is not None

    world.play(scene)


def test_a_document_that_was_never_right_can_be_deleted_at_once(world: World) -> None:
    async def scene() -> None:
        await world.apply(document(models=[{"name": "fraud", "use": "fraud"}]))
        world.start()
        await world.until(lambda: _refused(world), 30)
        await world.delete(DOCUMENT)
        await world.until(lambda: _gone(world, DOCUMENT), 5)

    world.play(scene)


async def _refused(world: World) -> bool:
    return (await world.condition("Accepted")).get("status") == "False"


@pytest.mark.parametrize("policy", ["retain", "delete"])
def test_a_namespace_goes_in_time_though_the_topic_operator_is_gone(world: World, policy: str) -> None:
    async def scene() -> None:
        await world.apply(document(deletionPolicy=policy))
        world.start()
        await world.settled()
        for key in await world.children():
            if key.kind == "KafkaTopic":
                await world.edit(key, FOREIGN)
        await world.delete_namespace(world.namespace)
        # When the namespace controller begins is not ours to say; it begins with everything at once.
        await world.until(lambda: _deleting(world), 120)
        began = time.monotonic()
        await world.until(lambda: _nothing_left(world), 60)
        assert time.monotonic() - began < 60
        await world.until(world.namespace_gone, 120)

    world.play(scene)

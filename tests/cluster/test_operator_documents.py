"""A wrong document stops nothing, a kind that appears is taken up, and what belongs to others is left to them."""

import asyncio

import pytest
from fix_operator import World, document
from fix_proxy import Answer, Call, Fault

from mesoscale.manifests.types import Key
from mesoscale.model.pipeline import API_VERSION, KIND

DOCUMENT = Key(API_VERSION, KIND, "nyc")
SET = Key("apps/v1", "StatefulSet", "nyc-rows")
MAP = Key("v1", "ConfigMap", "nyc-document")
TOPIC = Key("kafka.strimzi.io/v1", "KafkaTopic", "nyc.weather")
WRONG = {"models": [{"name": "fraud", "use": "fraud"}]}  # nothing runs this yet, which only the plan knows
KEPT_OUT = b'{"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "no", "reason": "Forbidden"}'
MISSING = b'{"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "not found", "reason": "NotFound"}'


async def _accepted(world: World, status: str) -> bool:
    return (await world.condition("Accepted")).get("status") == status


async def _replicas(world: World) -> bool:
    found = await world.get(SET)
    return found is not None and found["spec"]["replicas"] == 0


@pytest.mark.parametrize("restart", [False, True])
def test_a_wrong_document_is_refused_and_the_last_good_one_kept_up(world: World, restart: bool) -> None:
    async def scene() -> None:
        await world.apply(document())
        operator = world.start()
        await world.settled()
        before = (await world.children()).keys()
        if restart:
            operator.kill()
        await world.apply(document(**WRONG, sinks=[{"name": "else", "from": "weather", "table": {}}]))
        if restart:
            world.start()
        await world.until(lambda: _accepted(world, "False"))
        condition = await world.condition("Accepted")
        assert condition["reason"] == "NotBuilt"
        assert condition["message"]
        assert condition["nextStep"]
        assert (await world.children()).keys() == before
        await world.edit(SET, {"spec": {"replicas": 9}})
        await world.until(lambda: _replicas(world), 10)
        await world.apply(document())
        await world.until(lambda: _accepted(world, "True"))
        assert (await world.children()).keys() == before

    world.play(scene)


def test_a_change_that_would_break_what_is_stored_is_refused_also_after_a_restart(world: World) -> None:
    def contract(kind: str, version: int) -> dict[str, object]:
        columns = [{"name": "id", "type": "string"}, {"name": "value", "type": kind}]
        return {"name": "reading", "version": version, "key": ["id"], "columns": columns}

    def with_contract(kind: str, version: int) -> dict[str, object]:
        source = {"name": "weather", "contract": "reading", "replay": {"file": "readings.jsonl"}}
        return document(contracts=[contract(kind, version)], sources=[source])

    async def scene() -> None:
        await world.apply(with_contract("float64", 1))
        operator = world.start()
        await world.settled()
        assert await _accepted(world, "True"), await world.document()
        operator.stop()
        await world.apply(with_contract("string", 2))
        world.start()
        await world.until(lambda: _accepted(world, "False"))
        assert (await world.condition("Accepted"))["reason"] == "ForbiddenChange"
        found = await world.get(MAP)
        assert found is not None
        assert "type: float64" in found["data"]["document.yaml"]

    world.play(scene)


def test_a_kind_that_is_not_installed_is_skipped_with_the_way_out_and_taken_up_when_it_appears(world: World) -> None:
    async def scene() -> None:
        missing = True

        def hide(call: Call) -> Fault | None:
            return Answer(404, body=MISSING) if missing and "/kafkatopics" in call.path else None

        world.proxy.before = hide
        await world.apply(document())
        world.start()
        settled = await world.settled()
        [topic] = [child for child in settled["status"]["children"] if child["name"] == TOPIC.name]
        assert topic["state"] == "Skipped"
        assert "Strimzi" in topic["message"]
        assert await world.get(TOPIC) is None
        assert await world.get(SET) is not None
        missing = False
        await world.until(lambda: world.get(TOPIC), 20)

    world.play(scene)


def test_a_kind_that_vanishes_is_skipped_and_nothing_else_suffers(world: World) -> None:
    async def scene() -> None:
        await world.apply(document())
        world.start()
        await world.settled()
        world.proxy.before = lambda call: Answer(404, body=MISSING) if "/kafkatopics" in call.path else None
        world.proxy.cut_watches()

        async def skipped() -> bool:
            found = await world.document() or {}
            children = found.get("status", {}).get("children", [])
            return any(child["state"] == "Skipped" for child in children if child["name"] == TOPIC.name)

        await world.until(skipped)
        await world.edit(SET, {"spec": {"replicas": 9}})
        await world.until(lambda: _replicas(world), 10)

    world.play(scene)


STRANGER = {
    "apiVersion": "kafka.strimzi.io/v1",
    "kind": "KafkaTopic",
    "metadata": {"name": "nyc.weather"},
    "spec": {"partitions": 6, "replicas": 1},
}


def test_what_was_there_before_is_not_taken_over_unless_the_document_says_so(world: World) -> None:
    async def scene() -> None:
        before = await world.apply(STRANGER)
        await world.apply(document())
        world.start()
        settled = await world.settled()
        [topic] = [child for child in settled["status"]["children"] if child["name"] == TOPIC.name]
        assert topic["state"] == "Failed"
        found = await world.get(TOPIC)
        assert found is not None
        assert found["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"], "it was not touched"
        await world.apply(document(adoption="adopt"))
        await world.until(lambda: _adopted(world))
        assert any(event["reason"] == "Adopted" for event in await world.events())

    world.play(scene)


async def _adopted(world: World) -> bool:
    return TOPIC in await world.children()


def test_a_paused_document_is_left_as_it_is(world: World) -> None:
    async def scene() -> None:
        await world.apply(document())
        world.start()
        await world.settled()
        await world.apply(document(pause=["reconcile"]))
        await world.settled()
        assert (await world.condition("Accepted"))["reason"] == "Paused"
        ready = await world.condition("Ready")
        assert "paused, so nothing is applied or put right" in ready["message"]
        before = len(world.proxy.changes)
        await world.edit(SET, {"spec": {"replicas": 4}})
        await world.delete(MAP)
        await asyncio.sleep(5)
        others = [call for call in world.proxy.changes[before:] if not call.path.endswith("/status")]
        assert others == []
        await world.apply(document())
        await world.until(lambda: _replicas(world), 10)
        await world.until(lambda: world.get(MAP), 10)

    world.play(scene)


def test_a_pipeline_in_which_no_records_move_is_not_ready_and_says_what_resumes_it(world: World) -> None:
    async def scene() -> None:
        await world.apply(document(pause=["data"], sinks=[]))
        world.start()
        await world.settled()
        ready = await world.condition("Ready")
        assert ready["status"] == "False"
        assert "paused, so no records move" in ready["message"]
        assert (await world.condition("Accepted"))["reason"] == "Accepted", "a changed document is applied"

    world.play(scene)


def test_a_namespace_in_which_nothing_may_be_seen_takes_nothing_from_another(world: World) -> None:
    async def scene() -> None:
        closed = f"{world.namespace}-closed"

        def keep_out(call: Call) -> Fault | None:
            return Answer(403, body=KEPT_OUT) if f"/namespaces/{closed}/" in call.path else None

        world.proxy.before = keep_out
        await world.apply(document())
        world.start(also=[closed])
        settled = await world.settled()
        assert {SET, MAP, TOPIC} <= (await world.children()).keys()
        assert "Skipped" not in {child["state"] for child in settled["status"]["children"]}

    world.play(scene)

"""What somebody changes behind the document's back is put right within seconds, or told, as the document says."""

import time
from typing import Any

import pytest
from fix_operator import World, document

from mesoscale.manifests import fields
from mesoscale.manifests.types import Key

MAP = Key("v1", "ConfigMap", "nyc-document")
SET = Key("apps/v1", "StatefulSet", "nyc-rows")
TOPIC = Key("kafka.strimzi.io/v1", "KafkaTopic", "nyc.weather")
IN_TIME = 5.0  # seconds

EDITS: list[tuple[Key, dict[str, Any]]] = [
    (MAP, {"data": {"document.yaml": "something else"}}),
    (MAP, {"data": None}),
    (SET, {"spec": {"replicas": 5}}),
    (SET, {"spec": {"template": {"metadata": {"annotations": {"mesoscale.dev/revision": "x"}}}}}),
    (SET, {"metadata": {"ownerReferences": None}}),
    (TOPIC, {"spec": {"partitions": 99}}),
    (TOPIC, {"metadata": {"annotations": {"mesoscale.dev/deletion-policy": "delete"}}}),
]


def plain(body: dict[str, Any] | None) -> dict[str, Any] | None:
    """An object without what each version has of its own."""
    if body is None:
        return None
    own = {"resourceVersion", "managedFields", "generation", "uid", "creationTimestamp"}
    metadata = {name: value for name, value in body["metadata"].items() if name not in own}
    return {name: value for name, value in body.items() if name != "status"} | {"metadata": metadata}


def test_a_changed_field_is_put_right_in_time(world: World) -> None:
    async def scene() -> None:
        await world.apply(document())
        world.start()
        await world.settled()
        for key, edit in EDITS:
            before = plain(await world.get(key))
            assert plain(await world.edit(key, edit)) != before
            began = time.monotonic()
            await world.until(lambda key=key, before=before: _is(world, key, before), IN_TIME)  # type: ignore[misc]
            assert time.monotonic() - began < IN_TIME

    world.play(scene)


async def _is(world: World, key: Key, expected: dict[str, Any] | None) -> bool:
    return plain(await world.get(key)) == expected


def test_labels_of_every_child_are_put_right_also_those_by_which_it_is_found(world: World) -> None:
    async def scene() -> None:
        await world.apply(document())
        world.start()
        await world.settled()
        before = {key: plain(child) for key, child in (await world.children()).items()}
        for key in before:
            labels = {"app.kubernetes.io/part-of": "else", "app.kubernetes.io/managed-by": None}
            await world.edit(key, {"metadata": {"labels": labels}})
        for key, expected in before.items():
            await world.until(lambda key=key, expected=expected: _is(world, key, expected), IN_TIME)  # type: ignore[misc]

    world.play(scene)


def test_every_child_that_is_deleted_is_made_anew(world: World) -> None:
    async def scene() -> None:
        await world.apply(document())
        world.start()
        await world.settled()
        before = await world.children()
        for key in before:
            await world.delete(key)
        for key, old in before.items():
            await world.until(lambda key=key, old=old: _anew(world, key, old), IN_TIME)  # type: ignore[misc]

    world.play(scene)


async def _anew(world: World, key: Key, old: dict[str, Any]) -> bool:
    """Another object with the same fields of ours; what the API server fills in, as an address, may be another."""
    found = await world.get(key)
    return (
        found is not None
        and found["metadata"]["uid"] != old["metadata"]["uid"]
        and fields.managed(found) == fields.managed(old)
    )


@pytest.mark.parametrize("policy", ["report", "revert"])
def test_a_program_that_somebody_deleted_runs_again_whatever_the_policy_and_it_is_told(
    world: World, policy: str
) -> None:
    """What is missing holds no change that somebody may want to keep, and records stop where it was."""

    async def scene() -> None:
        await world.apply(document(driftPolicy=policy))
        world.start()
        await world.settled()
        before = await world.children()
        for key in (SET, MAP):
            await world.delete(key)
        for key in (SET, MAP):
            await world.until(lambda key=key: _anew(world, key, before[key]), IN_TIME)  # type: ignore[misc]
        await world.until(lambda: _told(world, {f"made {key.kind} {key.name} anew" for key in (SET, MAP)}))

    world.play(scene)


async def _told(world: World, notes: set[str]) -> bool:
    said = [event["note"] for event in await world.events() if event["reason"] == "Drift"]
    return all(any(one.startswith(note) for one in said) for note in notes)


def test_what_others_add_is_left_alone(world: World) -> None:
    async def scene() -> None:
        await world.apply(document())
        world.start()
        await world.settled()
        before = len(world.proxy.changes)
        edited = await world.edit(SET, {"metadata": {"annotations": {"somebody/else": "1"}}})
        await world.edit(MAP, {"data": {"more": "of it"}})
        await world.settled()
        assert world.proxy.changes[before:] == []
        found = await world.get(SET)
        assert found is not None
        assert found["metadata"]["resourceVersion"] == edited["metadata"]["resourceVersion"]

    world.play(scene)


def test_drift_is_only_told_where_the_document_says_so_and_a_new_document_still_counts(world: World) -> None:
    async def scene() -> None:
        await world.apply(document(driftPolicy="report"))
        world.start()
        await world.settled()
        await world.edit(SET, {"spec": {"replicas": 5}})

        async def told() -> bool:
            found = await world.document() or {}
            children = found.get("status", {}).get("children", [])
            return any("somebody else" in child["message"] for child in children if child["name"] == SET.name)

        await world.until(told, IN_TIME)
        await world.settled()
        found = await world.get(SET)
        assert found is not None
        assert found["spec"]["replicas"] == 5
        await world.apply(document(driftPolicy="revert"))

        async def reverted() -> bool:
            found = await world.get(SET)
            return found is not None and found["spec"]["replicas"] == 0

        await world.until(reverted, IN_TIME)

    world.play(scene)

"""`meso uninstall` leaves nothing of ours but data, whoever lives or not, and always ends."""

import asyncio
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fix_operator import DEFINITIONS, World, document

from mesoscale.manifests.types import Key
from mesoscale_operator import decide, errors, leader, removal

TOPIC = Key("kafka.strimzi.io/v1", "KafkaTopic", "nyc.weather")
FOREIGN = {"metadata": {"finalizers": ["strimzi.io/topic-operator"]}}
AT_MOST = leader.DURATION + removal.LETTING_GO * 2 + removal.LEFTOVERS + removal.DEFINITION_ENDS + 20  # seconds
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {
        "name": "mesoscale-operator",
        "labels": {"app.kubernetes.io/name": "mesoscale", "app.kubernetes.io/component": "operator"},
    },
    "spec": {
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a", "image": "a"}]}},
    },
}


async def uninstall(cluster: Path, *options: str) -> tuple[int, dict[str, Any], float]:
    """`meso uninstall`: its exit code, what it says, and how long it took."""
    command = [str(Path(sys.executable).parent / "meso"), "uninstall", "--output=json", *options]
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *command, env=os.environ | {"KUBECONFIG": str(cluster)}, stdout=subprocess.PIPE
    )
    told, _ = await asyncio.wait_for(process.communicate(), 250)
    return process.returncode or 0, json.loads(told), time.monotonic() - began


async def defined(world: World) -> bool:
    try:
        await world.kube.get(DEFINITIONS, None, removal.DEFINITION)
    except errors.NotFound:
        return False
    return True


async def operated(world: World, alive: bool = False) -> None:
    """A document that an operator has seen to; of the operator, its Deployment is left, and if `alive` the process."""
    home = f"{world.namespace}-lease"
    body = DEPLOYMENT | {"metadata": DEPLOYMENT["metadata"] | {"namespace": home}}
    await world.kube.apply(removal.DEPLOYMENTS, body, manager="helm")
    await world.apply(document())
    operator = world.start()
    await world.settled()
    if not alive:
        operator.kill()


def test_an_operator_that_works_takes_pipelines_down_first_and_data_stays(
    lone_world: World, lone_api_server: Path
) -> None:
    async def scene() -> None:
        await operated(lone_world, alive=True)
        before = len(lone_world.proxy.changes)
        code, told, seconds = await uninstall(lone_api_server)
        assert (code, told["done"]) == (0, True)
        deleted = [call for call in lone_world.proxy.changes[before:] if call.method == "DELETE"]
        assert deleted, "the operator did it"
        assert seconds < 75 + AT_MOST
        left = await lone_world.children()
        assert left
        assert all(decide.holds_data(key) for key in left)
        assert {one["name"] for one in told["there"]["data"]} == {key.name for key in left}
        assert not await defined(lone_world)
        found = await lone_world.kube.get(removal.DEPLOYMENTS, f"{lone_world.namespace}-lease", "mesoscale-operator")
        assert found["spec"]["replicas"] == 0

    lone_world.play(scene)


def test_with_a_dead_operator_and_foreign_finalizers_nothing_stays_and_nothing_hangs(
    lone_world: World, lone_api_server: Path
) -> None:
    async def scene() -> None:
        await operated(lone_world)
        await lone_world.edit(TOPIC, FOREIGN)
        code, told, seconds = await uninstall(lone_api_server, "--data=delete")
        assert (code, told["done"]) == (0, True), told
        assert seconds < AT_MOST
        assert await lone_world.children() == {}
        assert not await defined(lone_world)
        with pytest.raises(errors.NotFound):
            await lone_world.kube.get(leader.RESOURCE, f"{lone_world.namespace}-lease", "mesoscale-operator")
        again, told, _ = await uninstall(lone_api_server)
        assert (again, told["there"]["documents"], told["there"]["children"]) == (0, [], [])

    lone_world.play(scene)


async def renew(world: World) -> None:
    """Do of an operator's work no more than to renew its Lease."""
    while True:
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        patch = {"spec": {"renewTime": stamp}}
        await world.kube.merge(leader.RESOURCE, f"{world.namespace}-lease", leader.NAME, patch)
        await asyncio.sleep(1)


def test_an_operator_that_only_seems_to_live_is_waited_for_until_the_deadline(
    lone_world: World, lone_api_server: Path
) -> None:
    async def scene() -> None:
        await operated(lone_world)
        renewing = asyncio.create_task(renew(lone_world))
        code, told, seconds = await uninstall(lone_api_server, "--deadline=16")
        renewing.cancel()
        assert (code, told["done"]) == (0, True)
        outcome = {step["what"]: step["done"] for step in told["steps"]}
        assert outcome.pop("the end of pipelines") is False
        assert all(outcome.values())
        assert 16 < seconds < 16 + AT_MOST
        assert not await defined(lone_world)

    lone_world.play(scene)


def test_a_dry_run_says_what_would_become_of_everything_and_changes_nothing(
    lone_world: World, lone_api_server: Path
) -> None:
    async def scene() -> None:
        await operated(lone_world)
        before = {key: child["metadata"]["resourceVersion"] for key, child in (await lone_world.children()).items()}
        code, told, _ = await uninstall(lone_api_server, "--dry-run")
        assert (code, told["dryRun"], told["steps"]) == (0, True, [])
        assert [one["name"] for one in told["there"]["documents"]] == ["nyc"]
        named = {(one["kind"], one["name"]) for part in ("children", "data") for one in told["there"][part]}
        assert named == {(key.kind, key.name) for key in before}
        after = {key: child["metadata"]["resourceVersion"] for key, child in (await lone_world.children()).items()}
        assert after == before
        assert await lone_world.document() is not None

    lone_world.play(scene)


@pytest.mark.parametrize("options", [["--namespace=a"], ["--documents=keep"]])
def test_a_definition_that_others_still_need_is_not_taken_away(options: list[str]) -> None:
    command = [str(Path(sys.executable).parent / "meso"), "uninstall", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "--definition keep" in done.stderr

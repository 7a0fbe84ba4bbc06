"""What it costs to keep a crowd of documents: a change, one by hand, a restart, a rest, the loss of the leader."""

import asyncio
import random
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from loadtest.bench.measure import RUNS, Figure, resident_mib
from loadtest.bench.operator import documents as docs
from loadtest.bench.operator.crowd import Crowd
from loadtest.bench.operator.documents import RESOURCES, Object
from loadtest.bench.operator.programs import Operator
from loadtest.bench.operator.room import MANAGER, until
from loadtest.bench.operator.seen import following
from mesoscale.manifests.types import Key
from mesoscale_operator import documents
from mesoscale_operator.records import HASH

CHANGES = 60  # in each run, unless there are fewer documents
SEED = 5
WATCHED = 12.0  # seconds of rest, each time
PAUSE = 3.0  # seconds after which a restarted operator that was idle must still be
CHANGED = {"app.kubernetes.io/component": "changed"}  # a label of ours, as somebody else writes it
BY_HAND = (
    ("v1", "ConfigMap", "{}-document"),
    ("v1", "Service", "{}-weather"),
    ("networking.k8s.io/v1", "NetworkPolicy", "{}-rows"),
    ("policy/v1", "PodDisruptionBudget", "{}-rows"),
    ("kafka.strimzi.io/v1", "KafkaTopic", "{}.weather"),
)


class Live:
    """The newest version of every object of some kinds."""

    def __init__(self) -> None:
        self._objects: dict[Key, tuple[float, Object]] = {}
        self._changed = asyncio.Event()

    def see(self, key: Key, body: Object) -> None:
        self._objects[key] = (time.monotonic(), {"metadata": body["metadata"]})
        self._changed.set()

    def __getitem__(self, key: Key) -> Object:
        metadata: Object = self._objects[key][1]["metadata"]
        return metadata

    async def become(self, key: Key, holds: Callable[[Object], bool], patience: float = 60.0) -> float:
        """Wait until the metadata of an object is so; the moment when it was seen."""
        async with asyncio.timeout(patience):
            while not (key in self._objects and holds(self[key])):
                self._changed.clear()
                await self._changed.wait()
        return self._objects[key][0]


@asynccontextmanager
async def live(crowd: Crowd, kinds: set[tuple[str, str]]) -> AsyncIterator[Live]:
    """Objects of these kinds, watched meanwhile; all that are there are known."""
    seen = Live()

    async def watch(kind: tuple[str, str]) -> None:
        async for body in following(crowd.room, RESOURCES[kind]):
            seen.see(Key(*kind, body["metadata"]["name"]), body)

    tasks = [asyncio.create_task(watch(kind)) for kind in kinds]
    try:
        yield seen
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def change(crowd: Crowd) -> list[Figure]:
    """One document after the other is changed: from the answer to the change until the last child's update is seen."""
    await crowd.settle()
    async with live(crowd, {key[:2] for key in docs.touched("any", docs.PATTERN)}) as seen:

        async def once(number: int, turn: int) -> float:
            answered, seen_at = await _changed(crowd, seen, number, turn + 2)
            return (seen_at - answered) * 1000

        return await _spread("a changed document", once, crowd)


async def _changed(crowd: Crowd, seen: Live, number: int, speed: int) -> tuple[float, float]:
    """Change a document; when that was answered, and when the last of its children was seen to follow."""
    name = docs.name(number)
    keys = docs.touched(crowd.room.namespace, name)
    before = {key: await _hash(seen, key) for key in keys}
    body = docs.body(crowd.room.namespace, name, speed)
    await crowd.room.kube.apply(documents.RESOURCE, body, manager=MANAGER)
    answered = time.monotonic()

    async def follows(key: Key) -> float:
        return await seen.become(key, lambda one: one["annotations"][HASH] != before[key])

    return answered, max(await asyncio.gather(*map(follows, keys)))


async def _hash(seen: Live, key: Key) -> str:
    await seen.become(key, lambda one: HASH in one.get("annotations", {}))
    return str(seen[key]["annotations"][HASH])


async def drift(crowd: Crowd) -> list[Figure]:
    """A label of a child is changed by hand: from the answer to the change until it is seen to be as it was."""
    await crowd.settle()
    async with live(crowd, {kind[:2] for kind in BY_HAND}) as seen:

        async def once(number: int, turn: int) -> float:
            version, kind, name = BY_HAND[turn % len(BY_HAND)]
            key = Key(version, kind, name.format(docs.name(number)))
            await seen.become(key, lambda one: "labels" in one)
            before = seen[key]["labels"]
            patch = {"metadata": {"labels": CHANGED}}
            answer = await crowd.room.kube.merge(
                RESOURCES[version, kind], crowd.room.namespace, key.name, patch, manager="kubectl-edit"
            )
            answered, changed = time.monotonic(), int(answer["metadata"]["resourceVersion"])
            end = await seen.become(key, lambda one: one["labels"] == before and int(one["resourceVersion"]) > changed)
            return (end - answered) * 1000

        return await _spread("a hand-made change", once, crowd)


async def _spread(what: str, once: Callable[[int, int], Awaitable[float]], crowd: Crowd) -> list[Figure]:
    """Do it to documents by chance; of each run the middle and the slowest but one in a hundred, in milliseconds."""
    chance = random.Random(SEED)
    each = min(CHANGES, crowd.documents)
    took = [await once(chance.randrange(1, crowd.documents + 1), turn) for turn in range(RUNS * each)]
    runs = [took[at : at + each] for at in range(0, len(took), each)]
    detail = {
        "documents": crowd.documents,
        "changes": len(took),
        "of all, p50": round(statistics.median(took), 1),
        "of all, p99": round(statistics.quantiles(took, n=100)[98], 1),
        "of all, slowest": round(max(took), 1),
    }
    return [
        Figure(f"{what}, p50", "ms", [statistics.median(run) for run in runs], detail),
        Figure(f"{what}, p99", "ms", [statistics.quantiles(run, n=100)[98] for run in runs], detail),
    ]


async def restart(crowd: Crowd) -> list[Figure]:
    """The operator is ended and begun anew: until it has looked at every document and is idle, and what it wrote."""
    await crowd.settle()
    before = await crowd.room.versions()
    seconds, cpu, writes, peak = [], [], [], []
    for _ in range(RUNS):
        crowd.operator.stop()
        began = time.monotonic()
        crowd.operator = Operator(crowd.room, crowd.files)
        await until(_asked(crowd), 300)
        seconds.append(time.monotonic() - began)
        await asyncio.sleep(PAUSE)
        assert crowd.operator.is_idle(crowd.documents)
        cpu.append(crowd.operator.cpu())
        writes.append(crowd.operator.writes())
        peak.append(crowd.operator.peak_mib())
    after = await crowd.room.versions()
    detail = {
        "documents": crowd.documents,
        "children": len(after),
        "children of another version than before": sum(after.get(one) != version for one, version in before.items()),
    }
    return [
        Figure("restart: from the start of the process until it is idle", "s", seconds, detail),
        Figure("restart: processor until then", "CPU-s", cpu, detail),
        Figure("restart: requests that changed anything", "writes", writes, detail),
        Figure("restart: most resident", "MiB", peak, detail),
    ]


def _asked(crowd: Crowd) -> Callable[[], Awaitable[bool]]:
    async def asked() -> bool:
        return bool(crowd.operator.metrics()) and crowd.operator.is_idle(crowd.documents)

    return asked


async def rest(crowd: Crowd) -> list[Figure]:
    """Nothing happens."""
    await crowd.settle()
    shares, resident = [], []
    for _ in range(RUNS):
        before, began = crowd.operator.cpu(), time.monotonic()
        await asyncio.sleep(WATCHED)
        shares.append((crowd.operator.cpu() - before) / (time.monotonic() - began) * 100)
        resident.append(resident_mib(crowd.operator.pid))
    detail = {"documents": crowd.documents, "watched seconds": WATCHED, "most resident, MiB": crowd.operator.peak_mib()}
    return [
        Figure("operator at rest", "% of a core", shares, detail),
        Figure("operator at rest, resident", "MiB", resident, detail),
    ]


async def failover(crowd: Crowd) -> list[Figure]:
    """The leader is killed and a document changed: until the change is done by the one that stood by."""
    await crowd.settle()
    seconds = []
    async with live(crowd, {key[:2] for key in docs.touched("any", docs.PATTERN)}) as seen:
        for turn in range(RUNS):
            other = await crowd.begin(f"operator-{turn}")
            try:
                seconds.append(await _succeed(crowd, other, seen, turn))
            except BaseException:
                other.stop()
                raise
    detail = {"documents": crowd.documents}
    return [Figure("leader killed: until the other has done what is to be done", "s", seconds, detail)]


async def _succeed(crowd: Crowd, other: Operator, seen: Live, turn: int) -> float:
    crowd.operator.kill()
    killed, crowd.operator = time.monotonic(), other
    return (await _changed(crowd, seen, turn + 1, 1000 + turn))[1] - killed

"""What a watch of the measuring program sees: since when each object is as it should be."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from loadtest.bench.operator.documents import Object
from loadtest.bench.operator.room import PATIENCE, Room
from mesoscale_operator import errors
from mesoscale_operator.kube import Resource

Judge = Callable[[Object], bool]


class Seen:
    """Objects of one kind in a namespace, each with the moment from which on it was seen to be as wanted."""

    def __init__(self, room: Room, resource: Resource, judge: Judge, on_first: Callable[[int], None]) -> None:
        self._room, self._resource, self._judge, self._on_first = room, resource, judge, on_first
        self._changed = asyncio.Event()
        self.since: dict[str, float] = {}  # name → monotonic seconds

    async def all_of(self, number: int, still_runs: Callable[[], object]) -> None:
        """Wait until as many objects are as wanted; whether that may still be is asked again and again."""
        async with asyncio.timeout(PATIENCE):
            while len(self.since) < number:
                still_runs()
                self._changed.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(1.0):
                        await self._changed.wait()

    async def watch(self) -> None:
        """Look until cancelled."""
        async for body in following(self._room, self._resource):
            name = body["metadata"]["name"]
            if name not in self.since and self._judge(body):
                self.since[name] = time.monotonic()
                self._on_first(len(self.since))
                self._changed.set()


@asynccontextmanager
async def seeing(
    room: Room, resource: Resource, judge: Judge, on_first: Callable[[int], None] = lambda number: None
) -> AsyncIterator[Seen]:
    """A watch that goes on meanwhile."""
    seen = Seen(room, resource, judge, on_first)
    task = asyncio.create_task(seen.watch())
    try:
        yield seen
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def following(room: Room, resource: Resource) -> AsyncIterator[Object]:
    """Every object as it is, and whenever it changes."""
    while True:
        version = ""
        async for page in room.kube.pages(resource, room.namespace, ""):
            version = page["metadata"]["resourceVersion"]
            for item in page["items"]:
                yield item
        try:
            while True:
                try:
                    async for event in room.kube.watch(resource, room.namespace, "", version):
                        version = event.object["metadata"]["resourceVersion"]
                        if event.type in ("ADDED", "MODIFIED"):
                            yield event.object
                except errors.Unavailable:
                    await asyncio.sleep(0.1)
        except errors.Gone:
            continue

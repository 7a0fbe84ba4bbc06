"""Many documents that nobody changes, and the operator that keeps them: where changes, restarts, rest are measured."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from loadtest.bench.measure import RUNS, Figure
from loadtest.bench.operator import documents as docs
from loadtest.bench.operator import peers
from loadtest.bench.operator.converge import Burst
from loadtest.bench.operator.programs import Operator, folder
from loadtest.bench.operator.room import Room, room, until

SETTLED = 10.0  # seconds without a look at any document, after which nothing is expected any more
REPEATED = 20  # up to so many documents, a run is a burst of its own; of larger ones, a fifth of one burst


@dataclass
class Crowd:
    """The operator that leads is another one after a restart."""

    room: Room
    files: Path
    operator: Operator
    documents: int

    async def settle(self) -> None:
        """Wait until Kubernetes' own controllers have written all their statuses, too."""
        looks = -1.0
        while (now := self.operator.reconciles()) != looks:
            looks = now
            await asyncio.sleep(SETTLED)

    async def begin(self, identity: str) -> Operator:
        """Another operator, which knows everything and stands by; Ctrl-C ends it with the crowd."""
        begun = Operator(self.room, self.files, identity)
        try:
            await until(lambda: _holds(begun.is_ready()), 120)
        except BaseException:
            begun.stop()
            raise
        return begun


@asynccontextmanager
async def crowd(documents: int) -> AsyncIterator[tuple[Crowd, list[Burst]]]:
    """Documents made at once, or where they are few, five times as many; and how they came to be."""
    async with room("crowd") as here:
        with folder() as files:
            made = Crowd(here, files, Operator(here, files), documents)
            try:
                await until(lambda: _holds(made.operator.leads()), 120)
                yield made, await _fill(made)
            finally:
                made.operator.stop()


async def _fill(made: Crowd) -> list[Burst]:
    ours, number = peers.ours(), made.documents
    if number > REPEATED:
        return [await ours.make(made.room, made.operator, range(1, 1 + number), RUNS)]
    starts = range(1, 1 + number * RUNS, number)
    made.documents = number * RUNS
    return [await ours.make(made.room, made.operator, range(at, at + number), parts=1) for at in starts]


async def _holds(value: bool) -> bool:
    return value


async def grown(documents: int) -> list[Figure]:
    """What a document costs where so many are made at once."""
    async with crowd(documents) as (_, bursts):
        return growth(documents, bursts)


def growth(documents: int, bursts: list[Burst]) -> list[Figure]:
    """As figures: time and processor of a document among so many, and of a child."""
    detail = {
        "documents": documents,
        "children of each": docs.children("any"),
        "a run is": "a burst" if len(bursts) > 1 else "a fifth of the burst, in the order of completion",
        "most resident, MiB": round(bursts[-1].peak_mib),
    }
    seconds = [one for burst in bursts for one in burst.ms_per_document]
    cpu = [one for burst in bursts for one in burst.cpu_ms]
    rates = [one for burst in bursts for one in burst.rates]
    return [
        Figure(f"{documents:,} documents at once: time for one", "ms/document", seconds, detail),
        Figure(f"{documents:,} documents at once: processor for a child", "CPU ms/child", cpu, detail),
        Figure(f"{documents:,} documents at once: children made", "children/s", rates, detail),
    ]

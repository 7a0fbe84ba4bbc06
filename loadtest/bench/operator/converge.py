"""How long documents take from their creation until all their children are there, and what that costs a program."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from loadtest.bench.measure import RUNS
from loadtest.bench.operator.documents import Object
from loadtest.bench.operator.programs import Program
from loadtest.bench.operator.room import Room, until
from loadtest.bench.operator.seen import Judge, seeing
from mesoscale_operator.kube import Resource


@dataclass(frozen=True)
class Burst:
    """Documents that were made all at once, in the order in which they were done, cut into equal parts."""

    documents: int
    children: int  # of all of them
    seconds: tuple[float, ...]  # of each part
    cpu: tuple[float, ...]  # seconds of processor of each part
    peak_mib: float

    @property
    def rates(self) -> list[float]:
        """Children a second."""
        return [self.children / len(self.seconds) / one for one in self.seconds]

    @property
    def cpu_ms(self) -> list[float]:
        """Milliseconds of processor for a child."""
        return [one / self.children * len(self.cpu) * 1000 for one in self.cpu]

    @property
    def ms_per_document(self) -> list[float]:
        return [one / self.documents * len(self.seconds) * 1000 for one in self.seconds]


async def burst(
    room: Room,
    program: Program,
    resource: Resource,
    bodies: Sequence[Object],
    done: Judge,
    children: int,
    parts: int = RUNS,
) -> Burst:
    """Make all documents and wait until the program says of each that it is done, and until its children are there."""
    before = await room.count()
    marks = [(time.monotonic(), program.cpu())]
    cuts = {round(len(bodies) * part / parts) for part in range(1, parts + 1)}
    wanted = {body["metadata"]["name"] for body in bodies}

    def mark(number: int) -> None:
        if number in cuts:
            marks.append((time.monotonic(), program.cpu()))

    async with seeing(room, resource, lambda body: body["metadata"]["name"] in wanted and done(body), mark) as seen:
        await room.create(bodies, resource)
        await seen.all_of(len(bodies), program.cpu)

    async def there() -> bool:
        return await room.count() >= before + children * len(bodies)

    if not await there():  # then what it said was not the end
        await until(there)
        marks[-1] = (time.monotonic(), program.cpu())
    pairs = list(pairwise(marks))
    return Burst(
        documents=len(bodies),
        children=children * len(bodies),
        seconds=tuple(later[0] - earlier[0] for earlier, later in pairs),
        cpu=tuple(later[1] - earlier[1] for earlier, later in pairs),
        peak_mib=program.peak_mib(),
    )

"""Side by side, in turn: the bare client and the operators make as many documents, a fifth of them each time."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from cluster import choose
from cluster.errors import ClusterError
from loadtest.bench.measure import RUNS, Figure
from loadtest.bench.operator import documents as docs
from loadtest.bench.operator import kopf_peer, kro_peer, peers
from loadtest.bench.operator.peers import Peer
from loadtest.bench.operator.programs import Program, ending, folder
from loadtest.bench.operator.room import Room, room
from mesoscale_operator import kubeconfig

CEILING = "bare client"
FEWER = 10  # kro is given so many times fewer documents, because it takes so much longer
FEWEST = 50  # and with the limits of its chart so many times
WARM = 99_999  # the number of the document with which a program is warmed up


@dataclass(frozen=True)
class Turn:
    """What one turn came to."""

    rate: float  # children a second
    cpu_ms: float  # of processor for a child
    peak_mib: float = 0.0


class Ceiling:
    """The bare client, a process for each turn."""

    def __init__(self, room: Room) -> None:
        self._room = room

    async def turn(self, numbers: range) -> Turn:
        words = ["-m", "loadtest.bench.operator.ceiling", self._room.namespace, str(numbers.start), str(len(numbers))]
        environment = os.environ | {"KUBECONFIG": str(self._room.kubeconfig)}
        process = await asyncio.create_subprocess_exec(sys.executable, *words, env=environment, stdout=-1)
        try:
            said, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        found = json.loads(said)
        return Turn(found["objects"] / found["seconds"], found["cpu"] / found["objects"] * 1000)


class Running:
    """An operator that runs, warmed up."""

    def __init__(self, peer: Peer, room: Room, program: Program) -> None:
        self._peer, self._room, self._program = peer, room, program

    async def turn(self, numbers: range) -> Turn:
        done = await self._peer.make(self._room, self._program, numbers, parts=1)
        return Turn(done.rates[0], done.cpu_ms[0], done.peak_mib)


@asynccontextmanager
async def running(peer: Peer) -> AsyncIterator[Running]:
    """The operator in a room of its own."""
    async with room("peer", (peer.resource,)) as here:
        with folder() as files, ending(peer.start(here, files)) as program:
            await peer.served(here)
            await peer.make(here, program, range(WARM, WARM + 1), parts=1)
            yield Running(peer, here, program)


async def side_by_side(documents: int) -> list[Figure]:
    """The bare client, the minimal operator and ours in turn; then kro, which would see the objects of all others."""
    ours, access = peers.ours(), kubeconfig.from_kubeconfig(choose.choose().kubeconfig)
    async with (
        kopf_peer.provided(access) as minimal,
        room("bare", ()) as bare,
        running(minimal) as other,
        running(ours) as own,
    ):
        turns: dict[str, list[Turn]] = {CEILING: [], minimal.name: [], ours.name: []}
        for number, numbers in enumerate(slices(documents), 1):
            for name, one in ((CEILING, Ceiling(bare)), (minimal.name, other), (ours.name, own)):
                print(f"side by side: {name}, {number} of {RUNS}", flush=True)
                turns[name].append(await one.turn(numbers))
    figures = [figure for name, done in turns.items() for figure in told(name, done, documents)]
    for name in (CEILING, minimal.name):
        pairs = zip(turns[ours.name], turns[name], strict=True)
        figures.append(Figure(f"{ours.name} ÷ {name}", "ratio", [own.rate / its.rate for own, its in pairs]))
    return figures


async def kro(documents: int) -> list[Figure]:
    """kro with its limits lifted, and as its chart sets it; nothing where it cannot be built."""
    try:
        both = ((kro_peer.peer(lifted=True), documents // FEWER), (kro_peer.peer(lifted=False), documents // FEWEST))
    except ClusterError as problem:
        print(f"kro is left out: {problem}", flush=True)
        return []
    figures = []
    access = kubeconfig.from_kubeconfig(choose.choose().kubeconfig)
    for peer, its in both:
        async with kro_peer.defined(access), running(peer) as program:
            done = []
            for number, numbers in enumerate(slices(its), 1):
                print(f"side by side: {peer.name}, {number} of {RUNS}", flush=True)
                done.append(await program.turn(numbers))
        figures += told(peer.name, done, its)
    return figures


def slices(documents: int) -> list[range]:
    """The numbers of the documents of each turn."""
    each = max(1, documents // RUNS)
    return [range(1 + each * turn, 1 + each * (turn + 1)) for turn in range(RUNS)]


def told(name: str, turns: Sequence[Turn], documents: int) -> list[Figure]:
    """As figures: one run is one turn."""
    detail = {"documents": documents, "children of ours": docs.children("any")}
    if turns[-1].peak_mib:
        detail["most resident, MiB"] = round(turns[-1].peak_mib)
    return [
        Figure(f"{name}: children made", "children/s", [turn.rate for turn in turns], detail),
        Figure(f"{name}: processor for a child", "CPU ms/child", [turn.cpu_ms for turn in turns], detail),
    ]

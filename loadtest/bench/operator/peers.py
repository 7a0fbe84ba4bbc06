"""What an operator is to those who measure: how it starts, what it is given, and when it says that it is done."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from loadtest.bench.operator import converge
from loadtest.bench.operator import documents as docs
from loadtest.bench.operator.documents import Object
from loadtest.bench.operator.programs import Operator, Program
from loadtest.bench.operator.room import Room
from loadtest.bench.operator.seen import Judge
from mesoscale_operator import documents
from mesoscale_operator.kube import Resource

PEERS = Path(__file__).parents[2] / "peers"


async def _defined_before(room: Room) -> None:
    """The definition of documents does not come from the program."""


@dataclass(frozen=True)
class Peer:
    """An operator, ours or another."""

    name: str
    resource: Resource  # its documents
    body: Callable[[Room, int], Object]  # the document of a number
    children: int  # of each document
    done: Judge
    start: Callable[[Room, Path], Program]
    served: Callable[[Room], Awaitable[None]] = _defined_before  # once the program runs: returns when documents can be

    async def make(self, room: Room, program: Program, numbers: range, parts: int) -> converge.Burst:
        """Make documents and wait until all is done."""
        bodies = [self.body(room, number) for number in numbers]
        return await converge.burst(room, program, self.resource, bodies, self.done, self.children, parts)


def ours() -> Peer:
    """The operator of this checkout, its programs at 0 replicas."""
    return Peer(
        name="operator",
        resource=documents.RESOURCE,
        body=lambda room, number: docs.body(room.namespace, docs.name(number)),
        children=docs.children("any"),
        done=lambda body: bool(body.get("status", {}).get("observedGeneration") == body["metadata"]["generation"]),
        start=Operator,
    )


def plain(resource: Resource, kind: str) -> Callable[[Room, int], Object]:
    """Documents that say nothing but their name."""

    def body(room: Room, number: int) -> Object:
        metadata = {"name": docs.name(number), "namespace": room.namespace}
        return {"apiVersion": resource.group_version, "kind": kind, "metadata": metadata, "spec": {}}

    return body

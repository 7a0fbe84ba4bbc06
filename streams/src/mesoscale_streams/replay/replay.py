"""Runs a node once more over a range of its input: into shadow tables, and from there into the live ones if asked to.

Nothing of the live node moves: the topic is read without its group, and what it has not read itself is not read here
either, or it would find rows of its own future. A stage's rows go to shadows of the tables that are filled from it.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from mesoscale import naming
from mesoscale.errors import PlanRefused, Problem, Reason
from mesoscale.graph.types import Edge
from mesoscale.model.stage import Stage
from mesoscale.plan import tables as planned
from mesoscale.plan.types import Table
from mesoscale_streams.environment import Environment
from mesoscale_streams.kafka import refusals
from mesoscale_streams.kafka.groups import Groups
from mesoscale_streams.kafka.ranges import RangeReader
from mesoscale_streams.process import Process
from mesoscale_streams.replay.bounds import Bound, spans
from mesoscale_streams.sinks import database, shadow
from mesoscale_streams.sinks.shadow import Difference, Shadow
from mesoscale_streams.stages import step
from mesoscale_streams.stages.forward import forward


@dataclass
class Replayed:
    """What came of one table. `shadow` is its name while it is there, `merged` the rows that the live table took."""

    table: str
    shadow: str | None
    rows: int
    duplicates: int
    difference: Difference
    merged: int | None = None


@dataclass
class Outcome:
    """`spans` is partition → offsets from and to; `refused` reason → records, of which no dead letter is told anew."""

    node: str
    topic: str
    spans: Mapping[int, tuple[int, int]]
    read: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    tables: list[Replayed] = field(default_factory=list)


def replay(here: Environment, bounds: tuple[Bound, Bound], live: bool) -> Outcome:
    """Run the node over the range.

    Raises:
        PlanRefused: it is no node that can be replayed, or rows would be doubled.
        ServiceUnavailable: a service does not answer, or refuses.
    """
    targets = tables(here)
    if live:
        _refuse_doubling(here, targets)
    edge, process = here.graph.edge(str(here.node.input)), _process(here)
    with refusals.told("give the range"), database.told("take the rows of the replay"):
        reader = RangeReader(here.bindings.demand_kafka("replay"), edge.topic, edge.settings.partitions, here.node.name)
        kept = reader.kept()
        times = [reader.at(bound.moment) if bound.moment else {} for bound in bounds]
        done = _done(here, edge, targets)
        found = spans(bounds, kept, (times[0], times[1]), done)
        outcome = Outcome(here.node.name, edge.topic, found)
        whole = all(
            found.get(p, (0, 0))[0] <= low and found.get(p, (0, 0))[1] >= done.get(p, 0) for p, (low, _) in kept.items()
        )
        binding = here.bindings.demand_postgresql("replay")
        contract = here.graph.edge(targets[0][1]).contract
        shadows = [(table, Shadow(binding, table, contract)) for table, _ in targets]
        duplicates: Counter[str] = Counter()
        for batch in reader.read(found):
            work = process(batch)
            outcome.read += work.total.read
            outcome.refused += Counter(str(letter.reason) for letter in work.letters)
            for table, one in shadows:
                duplicates[table.name] += one.write(work.frame)
        reader.close()
        for table, one in shadows:
            outcome.tables.append(_conclude(table, one, duplicates[table.name], whole, live))
    return outcome


def tables(here: Environment) -> list[tuple[Table, str]]:
    """The tables that the node's rows go to, with the node whose contract they keep.

    Raises:
        PlanRefused: there are none, or the node cannot be run over a range.
    """
    node, graph = here.node, here.graph
    of_sink = {table.sink: table for table in planned.plan(graph)}
    if node.kind == "source":
        message = f"{node.name} is a source: what it gave stands in its topic, and is not to be had again from it"
        raise PlanRefused(Problem(Reason.RULE_BROKEN, message, hint="replay a stage or a sink that reads it"))
    if isinstance(node.section, Stage) and node.section.stateful:
        message = f"{node.name} remembers what came before: over a part of its input it would give other results"
        raise PlanRefused(Problem(Reason.NOT_BUILT, message, hint="replay the sinks that read it"))
    names = [node.name] if node.kind == "sink" else list(graph.edge(node.name).consumers)
    found = [
        (of_sink[name], node.name if node.kind == "stage" else str(node.input)) for name in names if name in of_sink
    ]
    if not found:
        message = f"no table is filled from {node.name}, with which a replay could be compared"
        raise PlanRefused(Problem(Reason.RULE_BROKEN, message, hint="add a sink with a table that reads it"))
    return found


def _refuse_doubling(here: Environment, targets: list[tuple[Table, str]]) -> None:
    node = here.node
    if node.kind == "stage":
        readers = ", ".join(here.graph.edge(node.name).consumers)
        message = (
            f"{readers} would read each record of the range a second time: a topic has no identity by which a record "
            f"could take the place of the one that {node.name} made before"
        )
        hint = "--shadow shows what would differ; redo the stage under another name, with sinks of its own"
        raise PlanRefused(Problem(Reason.ROWS_WOULD_DOUBLE, message, hint=hint))
    contract = here.graph.edge(targets[0][1]).contract
    if not contract.identity:
        message = (
            f"contract {contract.label} has no identity, so nothing tells a row that {targets[0][0].name} has already "
            "from a new one: each row of the range would stand there twice"
        )
        hint = "--shadow shows what would differ; with an identity, rows would be put in each other's place"
        raise PlanRefused(Problem(Reason.ROWS_WOULD_DOUBLE, message, hint=hint))


def _process(here: Environment) -> Process:
    incoming = here.graph.edge(str(here.node.input)).contract
    if isinstance(here.node.section, Stage):
        outgoing = here.graph.edge(here.node.name).contract
        return Process(here.node.name, incoming, outgoing, step.find(here.node.section, here.folder))
    return Process(here.node.name, incoming, None, forward)


def _done(here: Environment, edge: Edge, targets: list[tuple[Table, str]]) -> dict[int, int]:
    """Up to where the live node has read."""
    if here.node.kind == "sink":
        return shadow.positions(here.bindings.demand_postgresql("replay"), targets[0][0])
    groups = Groups(here.bindings.demand_kafka("replay"))
    entries = groups.read(naming.group(here.pipeline, here.node.name), edge.topic, edge.settings.partitions)
    groups.close()
    return {partition: at for partition, (at, _) in entries.items()}


def _conclude(table: Table, one: Shadow, duplicates: int, whole: bool, live: bool) -> Replayed:
    told = Replayed(table.name, one.name, one.rows(), duplicates, one.difference(whole))
    if live:
        told.merged = one.merge()
        one.drop()
        told.shadow = None
    one.close()
    return told

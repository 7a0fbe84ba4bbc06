"""The programs that end: they bring about what nodes need, or take away what no document names any more.

Each says what it does in its log and may be run again at any time, by several at once, and after it was killed.
"""

import logging
from collections.abc import Sequence

from mesoscale.bindings import Bindings
from mesoscale.contract import ddl
from mesoscale.graph.types import Graph
from mesoscale.model.sink import Sink
from mesoscale.plan import tables as planned_tables
from mesoscale.plan import topics as planned_topics
from mesoscale.plan.types import Table
from mesoscale_streams.kafka import forgetting
from mesoscale_streams.kafka.topics import Topics
from mesoscale_streams.sinks import migration, removal
from mesoscale_streams.sinks.table_shape import Wanted

log = logging.getLogger(__name__)


def topics(graph: Graph, bindings: Bindings, adopt: bool, patience: float) -> None:
    """Bring about the topics of the pipeline, with `patience` seconds for each answer of the brokers.

    Raises:
        PlanRefused: a topic is not ours, or would lose partitions.
        ServiceUnavailable: Kafka is not bound, does not answer, or refuses.
    """
    wanted = planned_topics.plan(graph)
    steps = Topics(bindings.demand_kafka("topics"), patience).apply(wanted, adopt)
    log.info("topics are as wanted", extra={"topics": len(wanted), "steps": len(steps)})


def schema(graph: Graph, bindings: Bindings, adopt: bool, patience: float) -> None:
    """Bring about the tables of the pipeline, or forward to the contracts of today, within `patience` seconds.

    Raises:
        PlanRefused: a table is not ours, or its rows would not keep the contract.
        ServiceUnavailable: PostgreSQL is not bound, does not answer, or refuses.
    """
    wanted = [_wanted(graph, table) for table in planned_tables.plan(graph)]
    changed = 0
    if wanted:
        changed = len(migration.migrate(bindings.demand_postgresql("schema"), wanted, adopt, patience))
    log.info("tables are as wanted", extra={"tables": len(wanted), "changed": changed})


def remove(
    bindings: Bindings, pipeline: str, topics: Sequence[str], nodes: Sequence[str], sinks: Sequence[str]
) -> None:
    """Delete topics with their records, forget how far nodes have come, drop the tables of sinks.

    Raises:
        ServiceUnavailable: a service is not bound, does not answer, or refuses.
    """
    if topics:
        Topics(bindings.demand_kafka("remove")).delete(topics)
    if nodes:
        forgetting.forget(bindings.demand_kafka("remove"), pipeline, nodes)
    if sinks:
        removal.drop(bindings.demand_postgresql("remove"), pipeline, sinks)


def _wanted(graph: Graph, table: Table) -> Wanted:
    section = graph.node(table.sink).section
    assert isinstance(section, Sink)
    assert section.table is not None
    indexes = tuple(ddl.index_name(table.name, columns) for columns in section.table.indexes)
    return Wanted(table, graph.edge(section.from_).contract, indexes)

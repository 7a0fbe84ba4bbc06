"""The ledger as it is committed now: read from Kafka and PostgreSQL, wherever the programs run.

Consumers are read before producers, and the ends of topics last: so nothing is consumed before it is seen produced,
and no record is between two nodes without the topic's end covering it.
"""

from collections.abc import Iterable
from typing import Any

import psycopg
from psycopg import sql

from mesoscale import ledger, naming
from mesoscale.bindings import Bindings
from mesoscale.graph.types import Graph, Node
from mesoscale.ledger import Counts, Ledger
from mesoscale.model.sink import Sink
from mesoscale.model.stage import MOST_ATTEMPTS
from mesoscale_streams.kafka.groups import Groups
from mesoscale_streams.kafka.positions import PositionsReader
from mesoscale_streams.kafka.redriven import RedrivenReader
from mesoscale_streams.sinks import database


class LedgerReader:
    """Reads one pipeline's ledger as often as it is asked; holds one connection to each service."""

    def __init__(self, graph: Graph, bindings: Bindings) -> None:
        assert bindings.kafka is not None
        self._graph = graph
        self._postgresql = bindings.postgresql
        self._groups = Groups(bindings.kafka)
        self._positions = PositionsReader(bindings.kafka, naming.positions_topic(graph.pipeline.name))
        self._redriven = RedrivenReader(bindings.kafka, naming.redriven_topic(graph.pipeline.name))
        self._connection: psycopg.Connection[Any] | None = None

    def read(self) -> Ledger:
        """All nodes and edges.

        Raises:
            KafkaException, psycopg.Error: a service is away; a later call may succeed.
        """
        counts: dict[str, Counts] = {}
        committed: dict[tuple[str, str], dict[int, int]] = {}
        beside: dict[str, int] = {}
        sent_back = self._sent_back()
        for node in reversed(self._graph.nodes):
            for producer in node.inputs:
                read, committed[producer, node.name] = self._consumer(node, producer)
                counts[node.name] = counts.get(node.name, Counts()) + read
                beside |= {node.name: read.read} if producer == node.beside else {}
        counts |= {name: position.counts for name, position in self._positions.read().items()}
        redriven = self._redriven.read()
        sent_again = {
            (edge.producer, consumer): redriven.to(edge.producer, consumer)
            for edge in self._graph.edges
            for consumer in edge.consumers
        }
        return ledger.balance(self._graph, counts, self._offset_lags(committed, sent_back), sent_again, beside)

    def ended(self) -> bool:
        """Whether every source has said that nothing will follow."""
        positions = self._positions.read()
        sources = [node.name for node in self._graph.nodes if node.kind == "source"]
        return all(name in positions and positions[name].ended for name in sources)

    def table_rows(self) -> dict[str, int]:
        """Table sink → rows in its table, counted (not estimated)."""
        schema = naming.sql_name(self._graph.pipeline.name)
        return {
            node.name: self._query(
                sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, naming.sql_name(node.name)))
            )[0][0]
            for node in self._graph.nodes
            if _stores(node)
        }

    def close(self) -> None:
        self._groups.close()
        self._positions.close()
        self._redriven.close()
        if self._connection is not None:
            self._connection.close()

    def _consumer(self, node: Node, producer: str) -> tuple[Counts, dict[int, int]]:
        """The counts of a stage or sink on one of its edges, and partition → the offset it goes on from."""
        if not _stores(node):
            edge = self._graph.edge(producer)
            group = naming.group(self._graph.pipeline.name, node.name)
            entries = self._groups.read(group, edge.topic, edge.settings.partitions)
        else:
            entries = self._sink_positions(node)
        return Counts.total(counts for _, counts in entries.values()), {p: at for p, (at, _) in entries.items()}

    def _sink_positions(self, node: Node) -> dict[int, tuple[int, Counts]]:
        schema = naming.sql_name(self._graph.pipeline.name)
        rows = self._query(
            sql.SQL(
                "SELECT partition, next_offset, read, accepted, rejected, late, produced FROM {} WHERE node = %s"
            ).format(sql.Identifier(schema, naming.POSITIONS_TABLE)),
            (node.name,),
        )
        return {partition: (at, Counts(*counts)) for partition, at, *counts in rows}

    def _sent_back(self) -> dict[str, dict[int, int]]:
        """Node whose records may wait to be tried again → partition of its retry topic → from where they wait."""
        retrying = [node for node in self._graph.nodes if node.retries]
        topics = {node.name: naming.retry_topic(self._graph.pipeline.name, node.name) for node in retrying}
        entries = {name: self._groups.read(topic, topic, MOST_ATTEMPTS) for name, topic in topics.items()}
        return {name: {p: at for p, (at, _) in of_it.items()} for name, of_it in entries.items()}

    def _offset_lags(
        self, committed: dict[tuple[str, str], dict[int, int]], sent_back: dict[str, dict[int, int]]
    ) -> dict[tuple[str, str], int]:
        """A record that waits to be tried again is between its producer and its reader as much as one not read yet."""
        waiting = {name: naming.retry_topic(self._graph.pipeline.name, name) for name in sent_back}
        topics = {edge.topic: edge.settings.partitions for edge in self._graph.edges}
        ends = self._groups.ends(topics | dict.fromkeys(waiting.values(), MOST_ATTEMPTS))
        return {
            (edge.producer, consumer): _behind(ends[edge.topic], committed[edge.producer, consumer])
            + (_behind(ends[waiting[consumer]], sent_back[consumer]) if consumer in waiting else 0)
            for edge in self._graph.edges
            for consumer in edge.consumers
        }

    def _query(self, statement: sql.Composed, parameters: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        if self._connection is None or self._connection.closed:
            assert self._postgresql is not None
            self._connection = database.connect(self._postgresql, f"meso {self._graph.pipeline.name} ledger")
        try:
            return self._connection.execute(statement, tuple(parameters)).fetchall()
        except psycopg.OperationalError:
            self._connection.close()
            raise


def _stores(node: Node) -> bool:
    """Whether its rows, and so its positions, are in the database."""
    return isinstance(node.section, Sink) and node.section.kind == "table"


def _behind(ends: dict[int, int], committed: dict[int, int]) -> int:
    return sum(max(0, end - committed.get(partition, 0)) for partition, end in ends.items())

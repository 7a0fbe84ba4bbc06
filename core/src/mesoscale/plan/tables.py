"""PostgreSQL tables: one for each table sink, and two of our own: how far sinks have come, what tables were made of."""

from mesoscale import naming
from mesoscale.contract import ddl
from mesoscale.graph.types import Graph
from mesoscale.model.sink import Sink
from mesoscale.plan.types import Table, TablePartitions


def plan(graph: Graph) -> tuple[Table, ...]:
    """The tables of all table sinks."""
    return tuple(
        _table(graph, node.section)
        for node in graph.nodes
        if isinstance(node.section, Sink) and node.section.kind == "table"
    )


def _table(graph: Graph, sink: Sink) -> Table:
    assert sink.table is not None
    contract = graph.edge(sink.from_).contract
    schema, name = naming.sql_name(graph.pipeline.name), naming.sql_name(sink.name)
    by = sink.table.partition_by
    return Table(
        sink=sink.name,
        schema_name=schema,
        name=name,
        contract=contract.name,
        partitions=TablePartitions(column=by.column, every=by.every) if by else None,
        statements=(
            *ddl.create_table(contract, schema, name, (by.column, by.every) if by else None, sink.table.indexes),
            positions_table(schema),
            history_table(schema),
        ),
    )


def positions_table(schema: str) -> str:
    """Offsets and ledger counts of sinks, one row per table sink and topic partition.

    They are written in the transaction that writes the rows, so the two cannot disagree.
    """
    return (
        f'CREATE TABLE IF NOT EXISTS "{schema}"."{naming.POSITIONS_TABLE}" ('
        "node text NOT NULL, topic text NOT NULL, partition integer NOT NULL, next_offset bigint NOT NULL, "
        "read bigint NOT NULL DEFAULT 0, accepted bigint NOT NULL DEFAULT 0, rejected bigint NOT NULL DEFAULT 0, "
        "late bigint NOT NULL DEFAULT 0, produced bigint NOT NULL DEFAULT 0, "
        "PRIMARY KEY (node, topic, partition))"
    )


def history_table(schema: str) -> str:
    """The contract and the partitions that each table was made or changed from last.

    They say what a table's columns alone do not: whether a later contract may follow (see `contract.compatibility`).
    """
    return (
        f'CREATE TABLE IF NOT EXISTS "{schema}"."{naming.HISTORY_TABLE}" ('
        "name text PRIMARY KEY, contract jsonb NOT NULL, partitions jsonb, "
        "changed_at timestamptz NOT NULL DEFAULT now())"
    )

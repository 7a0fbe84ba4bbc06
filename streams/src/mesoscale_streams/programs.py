"""Which loop a node is: its inlet, its step and its outlet, put together."""

import threading
from datetime import UTC, datetime

from mesoscale import naming
from mesoscale.model.sink import Sink
from mesoscale.model.source import Source
from mesoscale.model.stage import Stage
from mesoscale.plan import tables
from mesoscale_streams import loop, pair_stage, stateful_stage, stateless_stage, webhook_sink
from mesoscale_streams.environment import Environment
from mesoscale_streams.kafka.letterbox import LetterBox
from mesoscale_streams.kafka.outlet import TopicOutlet
from mesoscale_streams.kafka.positions import PositionsReader, SourcePosition
from mesoscale_streams.kafka.reader import GroupReader
from mesoscale_streams.kafka.writer import TransactionalWriter
from mesoscale_streams.metrics import NodeMetrics
from mesoscale_streams.probes import Health
from mesoscale_streams.process import Process
from mesoscale_streams.sinks.postgres import TableOutlet
from mesoscale_streams.source_inlet import SourceInlet
from mesoscale_streams.sources import open_source
from mesoscale_streams.stages.forward import forward


def run(environment: Environment, health: Health, stop: threading.Event) -> None:
    """Run the node until it ends or `stop` is set.

    Raises:
        MesoscaleError: a service is not bound, or the node's step or source cannot be had.
    """
    match environment.node.section:
        case Source() as source:
            _run_source(environment, source, health, stop)
        case Stage() as stage:
            kind = pair_stage if stage.beside else stateful_stage if stage.stateful else stateless_stage
            kind.run(environment, stage, health, stop)
        case Sink() as sink:
            run_sink = webhook_sink.run if sink.webhook else _run_table_sink
            run_sink(environment, sink, health, stop)


def _run_source(environment: Environment, section: Source, health: Health, stop: threading.Event) -> None:
    """source → topic; the position travels in the transaction."""
    kafka, metrics = environment.bindings.demand_kafka(environment.node.name), _metrics(environment)
    edge = environment.graph.edge(section.name)
    writer = TransactionalWriter(kafka, _identity(environment))  # before the position is read: it ends what was open
    positions = naming.positions_topic(environment.pipeline)
    reader = PositionsReader(kafka, positions)
    start = reader.read().get(section.name, SourcePosition())
    reader.close()
    source = open_source(section, environment.folder, datetime.now(UTC), edge.contract.event_time)
    inlet = SourceInlet(section.name, source, start, stop)

    def mark(position: SourcePosition) -> None:
        writer.write(positions, [position.encode()], [section.name.encode()])

    outlet = TopicOutlet(
        writer=writer,
        topic=edge.topic,
        dead_letter_topic=edge.dead_letter_topic,
        mark=lambda work: mark(inlet.after(work)),
        advance=lambda work: inlet.advance(inlet.after(work)),
        metrics=metrics,
    )
    process = Process(section.name, edge.contract, edge.contract, forward)
    loop.run(inlet, process, outlet, metrics, health, stop)
    if (end := inlet.at_end()) is not None:
        with writer.transaction():
            mark(end)
    outlet.close()


def _run_table_sink(environment: Environment, section: Sink, health: Health, stop: threading.Event) -> None:
    """topic → PostgreSQL; the offsets stand in the database."""
    kafka, metrics = environment.bindings.demand_kafka(environment.node.name), _metrics(environment)
    incoming = environment.graph.edge(section.from_)
    [table] = [table for table in tables.plan(environment.graph) if table.sink == section.name]
    process = Process(section.name, incoming.contract, None, forward)
    outlet = TableOutlet(
        binding=environment.bindings.demand_postgresql(environment.node.name),
        table=table,
        contract=incoming.contract,
        topic=incoming.topic,
        letterbox=LetterBox(kafka, _identity(environment), incoming.topic, incoming.dead_letter_topic),
        letter=process.letter,
        metrics=metrics,
    )
    reader = GroupReader(
        kafka,
        group=naming.group(environment.pipeline, section.name),
        node=section.name,
        instance=environment.instance,
        topic=incoming.topic,
        restore=outlet.restore,
        settle=outlet.settle,
        on_rebalance=metrics.rebalanced,
    )

    def committed(ends: dict[int, int]) -> None:
        reader.commit_for_show(ends)
        metrics.lags(incoming.topic, reader.lags())

    outlet.follow(reader.group_metadata, committed)
    loop.run(reader, process, outlet, metrics, health, stop)
    reader.close()
    outlet.close()


def _identity(environment: Environment) -> str:
    return naming.transactional_id(environment.pipeline, environment.node.name, environment.instance)


def _metrics(environment: Environment) -> NodeMetrics:
    return NodeMetrics(environment.pipeline, environment.node.name)

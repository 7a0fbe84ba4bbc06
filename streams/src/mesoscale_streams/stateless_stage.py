"""A stage that remembers nothing: topic → topic; the group's offsets travel in the transaction."""

import threading
from collections.abc import Sequence
from typing import Any

from mesoscale import naming
from mesoscale.model.stage import Stage
from mesoscale_streams import loop
from mesoscale_streams.environment import Environment
from mesoscale_streams.kafka.group_offsets import GroupOffsets
from mesoscale_streams.kafka.outlet import TopicOutlet
from mesoscale_streams.kafka.reader import GroupReader
from mesoscale_streams.kafka.retrying import Retrier, RetryingReader
from mesoscale_streams.kafka.trials import CarefulReader, Trials, noting
from mesoscale_streams.kafka.writer import TransactionalWriter
from mesoscale_streams.limits import BoundedReader, Limits
from mesoscale_streams.metrics import NodeMetrics
from mesoscale_streams.probes import Health
from mesoscale_streams.process import Process
from mesoscale_streams.stages import step
from mesoscale_streams.stages.waits import Waits
from mesoscale_streams.work import Inlet, Work


def run(environment: Environment, section: Stage, health: Health, stop: threading.Event) -> None:
    """Run it until `stop` is set.

    Raises:
        MesoscaleError: its step cannot be had, or its program holds too much memory.
    """
    pipeline, kafka = environment.pipeline, environment.bindings.demand_kafka(section.name)
    metrics = NodeMetrics(pipeline, section.name)
    incoming, outgoing = environment.graph.edge(section.from_), environment.graph.edge(section.name)
    limits = Limits.of(section)
    process = Process(
        section.name,
        incoming.contract,
        outgoing.contract,
        step.find(section, environment.folder),
        Waits.of(section.retries) if section.retries else None,
        limits,
    )
    writer = TransactionalWriter(kafka, naming.transactional_id(pipeline, section.name, environment.instance))
    offsets = GroupOffsets(incoming.topic)
    trials = Trials(kafka, naming.trial_group(pipeline, section.name), incoming.topic)
    retry_topic = naming.retry_topic(pipeline, section.name)

    def restore(consumer: Any, partitions: Sequence[int]) -> dict[int, int]:
        positions = offsets.restore(consumer, partitions)
        trials.restore(partitions, positions)
        return positions

    reader = GroupReader(
        kafka,
        group=naming.group(pipeline, section.name),
        node=section.name,
        instance=environment.instance,
        topic=incoming.topic,
        restore=restore,
        settle=lambda: None,
        on_rebalance=metrics.rebalanced,
    )

    def mark(work: Work) -> None:
        writer.write_waiting(retry_topic, work.waiting)
        writer.write_offsets(offsets.after(work), reader.group_metadata())

    def advance(work: Work) -> None:
        offsets.advance(work)
        metrics.wait(len(work.waiting))
        metrics.lags(incoming.topic, reader.lags())

    outlet = TopicOutlet(
        writer=writer,
        topic=outgoing.topic,
        dead_letter_topic=incoming.dead_letter_topic,
        mark=mark,
        advance=advance,
        metrics=metrics,
    )
    inlet: Inlet = reader
    if section.retries:
        inlet = RetryingReader(reader, Retrier(kafka, writer, topic=retry_topic, back_to=incoming.topic))
    bounded = BoundedReader(CarefulReader(inlet, trials), limits)
    loop.run(bounded, noting(process, trials), outlet, metrics, health, stop)
    bounded.close()
    outlet.close()
    if bounded.exceeded is not None:
        raise bounded.exceeded

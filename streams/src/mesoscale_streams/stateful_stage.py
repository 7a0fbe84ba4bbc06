"""A stage that remembers, put together: its operator, its state, and the transaction that makes both safe."""

import threading
from collections.abc import Callable
from typing import cast

from mesoscale import naming
from mesoscale.contract.types import Contract
from mesoscale.model.stage import Stage
from mesoscale.model.stateful import State
from mesoscale.plan import remembered
from mesoscale_streams import loop
from mesoscale_streams.environment import Environment
from mesoscale_streams.kafka import reader as topics
from mesoscale_streams.kafka.changelog import Changelog
from mesoscale_streams.kafka.group_offsets import GroupOffsets
from mesoscale_streams.kafka.outlet import TopicOutlet
from mesoscale_streams.kafka.reader import GroupReader, TopicBatch
from mesoscale_streams.kafka.writer import TransactionalWriter
from mesoscale_streams.metrics import NodeMetrics, StateMetrics
from mesoscale_streams.probes import Health
from mesoscale_streams.records.checks import Checks
from mesoscale_streams.stage_state import StageState
from mesoscale_streams.stages import fraud, operators, stateful_step, step
from mesoscale_streams.stages.stateful import Stateful
from mesoscale_streams.stages.stateful_step import StatefulFunction
from mesoscale_streams.stages.watermarks import Watermarks
from mesoscale_streams.state.snapshot import Snapshots
from mesoscale_streams.state.table import StateTable
from mesoscale_streams.stateful_process import StatefulProcess
from mesoscale_streams.work import Work

ANY_TIME = 1 << 61  # microseconds; how far ahead records may be for steps, which mind time themselves


def run(environment: Environment, section: Stage, health: Health, stop: threading.Event) -> None:
    """topic → topic; outputs, what is late, the changelog and the group's offsets travel in one transaction.

    Raises:
        MesoscaleError: Kafka is not bound, the step cannot be had, or its state was kept by another version of it.
    """
    pipeline, name = environment.pipeline, environment.node.name
    kafka, metrics = environment.bindings.demand_kafka(name), NodeMetrics(pipeline, name)
    incoming, outgoing = environment.graph.edge(section.from_), environment.graph.edge(section.name)
    operator = _operator(section, incoming.contract, outgoing.contract, environment)
    table, settings, times = StateTable(operator.spec), section.state or State(), operators.event_time(section)
    watermarks = Watermarks(
        operators.microseconds(times.out_of_orderness), operators.microseconds(times.idle_after) / 1e6
    )
    writer = TransactionalWriter(kafka, naming.transactional_id(pipeline, name, environment.instance))
    offsets = GroupOffsets(incoming.topic)
    changelog, late = naming.state_topic(pipeline, name), naming.late_topic(pipeline, name)
    state = StageState(
        stage=name,
        table=table,
        version=remembered.of(section),
        reset=settings.reset,
        most_keys=settings.max_keys,
        changelog=Changelog(kafka, changelog),
        offsets=offsets,
        watermarks=watermarks,
        snapshots=Snapshots(environment.state) if environment.state else None,
        metrics=StateMetrics(pipeline, name),
    )
    reader = GroupReader(
        kafka,
        group=naming.group(pipeline, name),
        node=name,
        instance=environment.instance,
        topic=incoming.topic,
        restore=state.restore,
        settle=lambda: None,
        on_rebalance=metrics.rebalanced,
        release=state.release,
        tell_ends=True,
    )
    process = StatefulProcess(
        node=name,
        incoming=incoming.contract,
        outgoing=outgoing.contract,
        operator=operator,
        table=table,
        watermarks=watermarks,
        max_ahead=ANY_TIME if section.step or section.use else operators.microseconds(times.max_ahead),
        at_end=lambda: reader.at_end,
    )

    def mark(work: Work) -> None:
        writer.write_letters(late, work.late)
        for partition, entries in state.entries():
            writer.write_at(changelog, partition, entries)
        writer.write_offsets(offsets.after(work, state.beside(work)), reader.group_metadata())

    def advance(work: Work) -> None:
        offsets.advance(work, state.beside(work))
        state.advance()
        metrics.lags(incoming.topic, reader.lags())

    outlet = TopicOutlet(
        writer=writer,
        topic=outgoing.topic,
        dead_letter_topic=incoming.dead_letter_topic,
        mark=mark,
        advance=advance,
        metrics=metrics,
    )
    loop.run(Restless(reader, process.rest, incoming.topic), process, outlet, metrics, health, stop)
    reader.close()
    state.close()
    outlet.close()


class Restless:
    """An inlet that gives an empty batch where event time goes on without records, so that what is due comes out."""

    ended = False

    def __init__(self, reader: GroupReader, rest: Callable[[], bool], topic: str) -> None:
        """Args:
        reader: gives what there is.
        rest: lets event time go on, and says whether it did.
        topic: what is read.
        """
        self._reader, self._rest, self._topic = reader, rest, topic

    @property
    def ready(self) -> bool:
        return self._reader.ready

    def read(self) -> TopicBatch | None:
        batch = self._reader.read()
        return topics.empty(self._topic) if batch is None and self._rest() else batch

    def rewind(self) -> None:
        self._reader.rewind()

    def close(self) -> None:
        self._reader.close()


def _operator(section: Stage, incoming: Contract, outgoing: Contract, environment: Environment) -> Stateful:
    if section.use is not None:
        return fraud.Fraud(fraud.load(environment.models, section.name), outgoing)
    if section.step is None:
        return operators.one_input(section, incoming)
    assert section.state is not None
    function = cast("StatefulFunction", step.find(section, environment.folder))
    return stateful_step.StatefulStep(function, stateful_step.spec(section.state, incoming), Checks(outgoing))

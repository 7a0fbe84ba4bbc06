"""A stage that reads two topics, put together: as `stateful_stage`, with lanes in place of partitions."""

import threading

from mesoscale import naming
from mesoscale.model.stage import Stage
from mesoscale.model.stateful import State
from mesoscale.plan import remembered
from mesoscale_streams import loop
from mesoscale_streams.environment import Environment
from mesoscale_streams.kafka import lanes
from mesoscale_streams.kafka.changelog import Changelog
from mesoscale_streams.kafka.outlet import TopicOutlet
from mesoscale_streams.kafka.pair_offsets import PairOffsets
from mesoscale_streams.kafka.reader import GroupReader
from mesoscale_streams.kafka.writer import TransactionalWriter
from mesoscale_streams.metrics import NodeMetrics, StateMetrics
from mesoscale_streams.pair_marks import PairMarks
from mesoscale_streams.pair_process import PairProcess, PairWork
from mesoscale_streams.probes import Health
from mesoscale_streams.stage_state import StageState
from mesoscale_streams.stages import operators
from mesoscale_streams.state.snapshot import Snapshots
from mesoscale_streams.state.table import StateTable
from mesoscale_streams.stateful_stage import ANY_TIME, Restless
from mesoscale_streams.work import Work


def run(environment: Environment, section: Stage, health: Health, stop: threading.Event) -> None:
    """topics → topic; outputs, what is late, the changelog and the offsets of both topics in one transaction.

    Raises:
        MesoscaleError: Kafka is not bound, or the stage's state was kept by another version of it.
    """
    pipeline, name = environment.pipeline, environment.node.name
    kafka, metrics = environment.bindings.demand_kafka(name), NodeMetrics(pipeline, name)
    ours, beside = environment.graph.edge(section.from_), environment.graph.edge(str(section.beside))
    outgoing = environment.graph.edge(section.name)
    operator = operators.two_inputs(section, ours.contract, beside.contract)
    table, settings, times = StateTable(operator.spec), section.state or State(), operators.event_time(section)
    offsets = PairOffsets(ours.topic, beside.topic)
    disorder, idle_after = operators.microseconds(times.out_of_orderness), operators.microseconds(times.idle_after)
    watermarks = PairMarks(disorder, idle_after / 1e6, offsets.beside)
    writer = TransactionalWriter(kafka, naming.transactional_id(pipeline, name, environment.instance))
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
        topic=ours.topic,
        beside=beside.topic,
        beside_first=section.enrich is not None,
        restore=lambda consumer, of: state.restore(consumer, lanes.partitions(of)),
        settle=lambda: None,
        on_rebalance=metrics.rebalanced,
        release=lambda of: state.release(lanes.partitions(of)),
        tell_ends=True,
    )
    process = PairProcess(
        node=name,
        ours=ours.contract,
        beside=beside.contract,
        outgoing=outgoing.contract,
        operator=operator,
        table=table,
        watermarks=watermarks,
        max_ahead=operators.microseconds(times.max_ahead) if section.join else ANY_TIME,
        at_end=lambda: reader.at_end,
    )

    def kept(work: Work) -> dict[int, dict[str, int]]:
        of_state = {partition: dict(numbers) for partition, numbers in state.beside(work).items()}
        return of_state | watermarks.to_keep(work.batch.ends)

    def mark(work: Work) -> None:
        assert isinstance(work, PairWork)
        writer.write_letters(beside.dead_letter_topic, work.letters_beside)
        writer.write_letters(late, work.late)
        for partition, entries in state.entries():
            writer.write_at(changelog, partition, entries)
        writer.write_offsets(offsets.after(work, kept(work)), reader.group_metadata())

    def advance(work: Work) -> None:
        offsets.advance(work, kept(work))
        state.advance()
        lags = reader.lags()
        metrics.lags(ours.topic, {lane: lag for lane, lag in lags.items() if lane < lanes.BESIDE})
        metrics.lags(beside.topic, {lanes.partition(lane): lag for lane, lag in lags.items() if lane >= lanes.BESIDE})

    outlet = TopicOutlet(
        writer=writer,
        topic=outgoing.topic,
        dead_letter_topic=ours.dead_letter_topic,
        mark=mark,
        advance=advance,
        metrics=metrics,
    )
    loop.run(Restless(reader, process.rest, ours.topic), process, outlet, metrics, health, stop)
    reader.close()
    state.close()
    outlet.close()

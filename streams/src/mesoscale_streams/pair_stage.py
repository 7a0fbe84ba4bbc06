"""A stage that reads two topics, put together: as `stateful_stage`, with lanes in place of partitions."""

import threading

from mesoscale.model.stage import Stage
from mesoscale_streams.environment import Environment
from mesoscale_streams.kafka import lanes
from mesoscale_streams.kafka.outlet import TopicOutlet
from mesoscale_streams.kafka.pair_offsets import PairOffsets
from mesoscale_streams.pair_marks import PairMarks
from mesoscale_streams.pair_process import PairProcess, PairWork
from mesoscale_streams.probes import Health
from mesoscale_streams.remembering import ANY_TIME, Remembering
from mesoscale_streams.stages import operators
from mesoscale_streams.state.table import StateTable
from mesoscale_streams.work import Work


def run(environment: Environment, section: Stage, health: Health, stop: threading.Event) -> None:
    """topics → topic; outputs, what is late, the changelog and the offsets of both topics in one transaction.

    Raises:
        MesoscaleError: Kafka is not bound, or the stage's state was kept by another version of it.
    """
    ours, beside = environment.graph.edge(section.from_), environment.graph.edge(str(section.beside))
    outgoing = environment.graph.edge(section.name)
    operator = operators.two_inputs(section, ours.contract, beside.contract)
    table, times, offsets = (
        StateTable(operator.spec),
        operators.event_time(section),
        PairOffsets(ours.topic, beside.topic),
    )
    disorder, idle_after = operators.microseconds(times.out_of_orderness), operators.microseconds(times.idle_after)
    watermarks = PairMarks(disorder, idle_after / 1e6, offsets.beside)
    memory = Remembering(environment, section, table, offsets, watermarks)
    state, metrics = memory.state, memory.metrics
    reader = memory.reader(
        ours.topic,
        restore=lambda consumer, of: state.restore(consumer, lanes.partitions(of)),
        release=lambda of: state.release(lanes.partitions(of)),
        beside=beside.topic,
        beside_first=section.enrich is not None,
    )
    process = PairProcess(
        node=section.name,
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
        memory.writer.write_letters(beside.dead_letter_topic, work.letters_beside)
        memory.mark(work, kept, reader)

    def advance(work: Work) -> None:
        memory.advance(work, kept(work))
        lags = reader.lags()
        metrics.lags(ours.topic, {lane: lag for lane, lag in lags.items() if lane < lanes.BESIDE})
        metrics.lags(beside.topic, {lanes.partition(lane): lag for lane, lag in lags.items() if lane >= lanes.BESIDE})

    outlet = TopicOutlet(
        writer=memory.writer,
        topic=outgoing.topic,
        dead_letter_topic=ours.dead_letter_topic,
        mark=mark,
        advance=advance,
        metrics=metrics,
    )
    memory.turn(reader, process, outlet, ours.topic, health, stop)

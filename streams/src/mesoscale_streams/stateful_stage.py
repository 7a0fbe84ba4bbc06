"""A stage that remembers, put together: its operator over the partitions of one topic."""

import threading
from collections.abc import Sequence
from typing import Any, cast

from mesoscale import naming
from mesoscale.contract.types import Contract
from mesoscale.model.stage import Stage
from mesoscale_streams.environment import Environment
from mesoscale_streams.kafka.group_offsets import GroupOffsets
from mesoscale_streams.kafka.outlet import TopicOutlet
from mesoscale_streams.kafka.trials import Trials
from mesoscale_streams.probes import Health
from mesoscale_streams.records.checks import Checks
from mesoscale_streams.remembering import ANY_TIME, Remembering
from mesoscale_streams.stages import fraud, operators, stateful_step, step
from mesoscale_streams.stages.stateful import Stateful
from mesoscale_streams.stages.stateful_step import StatefulFunction
from mesoscale_streams.stages.watermarks import Watermarks
from mesoscale_streams.state.table import StateTable
from mesoscale_streams.stateful_process import StatefulProcess
from mesoscale_streams.work import Work


def run(environment: Environment, section: Stage, health: Health, stop: threading.Event) -> None:
    """topic → topic; outputs, what is late, the changelog and the group's offsets travel in one transaction.

    Raises:
        MesoscaleError: Kafka is not bound, the step cannot be had, or its state was kept by another version of it.
    """
    incoming, outgoing = environment.graph.edge(section.from_), environment.graph.edge(section.name)
    operator = _operator(section, incoming.contract, outgoing.contract, environment)
    table, times, offsets = StateTable(operator.spec), operators.event_time(section), GroupOffsets(incoming.topic)
    watermarks = Watermarks(
        operators.microseconds(times.out_of_orderness), operators.microseconds(times.idle_after) / 1e6
    )
    memory = Remembering(environment, section, table, offsets, watermarks)
    state, metrics = memory.state, memory.metrics
    trials = None
    if section.step is not None:  # our own operators end no program
        trials = Trials(memory.kafka, naming.trial_group(environment.pipeline, section.name), incoming.topic)

    def restore(consumer: Any, partitions: Sequence[int]) -> dict[int, int]:
        positions = state.restore(consumer, partitions)
        if trials is not None:
            trials.restore(partitions, positions)
        return positions

    reader = memory.reader(incoming.topic, restore, state.release)
    process = StatefulProcess(
        node=section.name,
        incoming=incoming.contract,
        outgoing=outgoing.contract,
        operator=operator,
        table=table,
        watermarks=watermarks,
        max_ahead=ANY_TIME if section.step or section.use else operators.microseconds(times.max_ahead),
        at_end=lambda: reader.at_end,
        limit=memory.limits if section.step else None,
    )

    def advance(work: Work) -> None:
        memory.advance(work, state.beside(work))
        metrics.lags(incoming.topic, reader.lags())

    outlet = TopicOutlet(
        writer=memory.writer,
        topic=outgoing.topic,
        dead_letter_topic=incoming.dead_letter_topic,
        mark=lambda work: memory.mark(work, state.beside, reader),
        advance=advance,
        metrics=metrics,
    )
    memory.turn(reader, process, outlet, incoming.topic, health, stop, trials)


def _operator(section: Stage, incoming: Contract, outgoing: Contract, environment: Environment) -> Stateful:
    if section.use is not None:
        return fraud.Fraud(fraud.load(environment.models, section.name), outgoing)
    if section.step is None:
        return operators.one_input(section, incoming)
    assert section.state is not None
    function = cast("StatefulFunction", step.find(section, environment.folder))
    return stateful_step.StatefulStep(function, stateful_step.spec(section.state, incoming), Checks(outgoing))

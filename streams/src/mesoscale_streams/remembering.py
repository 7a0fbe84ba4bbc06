"""What stages that remember are put together from: their state, and the transaction that makes all of it safe."""

import threading
from collections.abc import Callable, Sequence

from mesoscale import naming
from mesoscale.model.stage import Stage
from mesoscale.model.stateful import State
from mesoscale.plan import remembered
from mesoscale_streams import loop
from mesoscale_streams.environment import Environment
from mesoscale_streams.kafka import reader as topics
from mesoscale_streams.kafka.changelog import Changelog
from mesoscale_streams.kafka.group_offsets import Beside, GroupOffsets
from mesoscale_streams.kafka.outlet import TopicOutlet
from mesoscale_streams.kafka.reader import GroupReader, Restore, TopicBatch
from mesoscale_streams.kafka.trials import CarefulReader, Trials, noting
from mesoscale_streams.kafka.writer import TransactionalWriter
from mesoscale_streams.limits import BoundedReader, Limits
from mesoscale_streams.metrics import NodeMetrics, StateMetrics
from mesoscale_streams.pair_process import PairProcess
from mesoscale_streams.probes import Health
from mesoscale_streams.stage_state import StageState
from mesoscale_streams.stages.watermarks import Watermarks
from mesoscale_streams.state.snapshot import Snapshots
from mesoscale_streams.state.table import StateTable
from mesoscale_streams.stateful_process import StatefulProcess
from mesoscale_streams.work import Inlet, Work

ANY_TIME = 1 << 61  # microseconds; how far ahead records may be where a stage minds no time, or does so itself


class Remembering:
    """The state of one stage in this process, with its changelog and the offsets that go with it."""

    def __init__(
        self, environment: Environment, section: Stage, table: StateTable, offsets: GroupOffsets, watermarks: Watermarks
    ) -> None:
        """Shut out whoever was this process before.

        Raises:
            MesoscaleError: Kafka is not bound, or does not answer.
        """
        pipeline, name = environment.pipeline, environment.node.name
        self._environment, self._offsets = environment, offsets
        self.kafka = environment.bindings.demand_kafka(name)
        self._changelog, self._late = naming.state_topic(pipeline, name), naming.late_topic(pipeline, name)
        self.metrics = NodeMetrics(pipeline, name)
        self.limits = Limits.of(section)
        self.writer = TransactionalWriter(self.kafka, naming.transactional_id(pipeline, name, environment.instance))
        settings = section.state or State()
        self.state = StageState(
            stage=name,
            table=table,
            version=remembered.of(section),
            reset=settings.reset,
            most_keys=settings.max_keys,
            changelog=Changelog(self.kafka, self._changelog),
            offsets=offsets,
            watermarks=watermarks,
            snapshots=Snapshots(environment.state) if environment.state else None,
            metrics=StateMetrics(pipeline, name),
        )

    def reader(
        self,
        topic: str,
        restore: Restore,
        release: Callable[[Sequence[int]], None],
        beside: str = "",
        beside_first: bool = False,
    ) -> GroupReader:
        """Who reads for the stage; as `GroupReader`."""
        return GroupReader(
            self.kafka,
            group=naming.group(self._environment.pipeline, self._environment.node.name),
            node=self._environment.node.name,
            instance=self._environment.instance,
            topic=topic,
            beside=beside,
            beside_first=beside_first,
            restore=restore,
            settle=lambda: None,
            on_rebalance=self.metrics.rebalanced,
            release=release,
            tell_ends=True,
        )

    def mark(self, work: Work, kept: Callable[[Work], Beside], reader: GroupReader) -> None:
        """Into the open transaction: what is late, what was changed of the state, and how far the group has come.

        `kept` says what stands beside the offsets; it is asked once the changes are written, which it numbers.
        """
        self.writer.write_letters(self._late, work.late)
        for partition, entries in self.state.entries():
            self.writer.write_at(self._changelog, partition, entries)
        self.writer.write_offsets(self._offsets.after(work, kept(work)), reader.group_metadata())

    def advance(self, work: Work, kept: Beside) -> None:
        """All of it is safe."""
        self._offsets.advance(work, kept)
        self.state.advance()

    def turn(
        self,
        reader: GroupReader,
        process: StatefulProcess | PairProcess,
        outlet: TopicOutlet,
        topic: str,
        health: Health,
        stop: threading.Event,
        trials: Trials | None = None,
    ) -> None:
        """Work until `stop` is set, also while no records come; then give everything back.

        Raises:
            ServiceUnavailable: the program holds more than the stage's `memoryLimit`.
        """
        inlet: Inlet = _Restless(reader, process.rest, topic)
        bounded = BoundedReader(CarefulReader(inlet, trials) if trials else inlet, self.limits)
        loop.run(bounded, noting(process, trials) if trials else process, outlet, self.metrics, health, stop)
        bounded.close()
        self.state.close()
        outlet.close()
        if bounded.exceeded is not None:
            raise bounded.exceeded


class _Restless:
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

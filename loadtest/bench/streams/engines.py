"""How the program of each engine is started, and how it is known that all it has read is committed."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

from loadtest.bench.bare import PARTITIONS
from loadtest.bench.measure import RUNS
from loadtest.bench.stand import Stand
from loadtest.bench.streams import tree
from loadtest.bench.streams.job import Load
from loadtest.bench.streams.tree import Tree
from loadtest.peers import provide
from mesoscale import naming
from mesoscale_local.services import java

SLOW_RUNS = 3  # of engines that take minutes
JVM = ("-Xmx1g", "-XX:+UseG1GC", "-Djava.awt.headless=true")


@dataclass(frozen=True, slots=True)
class Place:
    """What a program is told: brokers, topics, a name that is only its own, and a folder of its own."""

    servers: str
    source: str
    target: str
    name: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Running:
    """A program at work: `committed` is true once all of its input is."""

    tree: Tree
    target: str
    committed: Callable[[], bool]


class Engine(Protocol):
    """What can be run on a load, `runs` times; `key` is its name on the command line."""

    @property
    def key(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def runs(self) -> int: ...

    @property
    def detail(self) -> dict[str, str]: ...

    def running(self, here: Stand, load: Load, attempt: int) -> AbstractContextManager[Running]: ...


@dataclass(frozen=True, slots=True)
class Peer:
    """Another engine. One that `tells` prints "committed" at the end; else its group's offsets are watched."""

    key: str
    name: str
    runs: int
    command: Callable[[Place], tuple[str, ...]]
    tells: bool
    detail: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def running(self, here: Stand, load: Load, attempt: int) -> Iterator[Running]:
        name = f"{self.key}-{load.name}-{attempt}"
        folder = here.folder / name
        folder.mkdir()
        place = Place(here.kafka.bootstrap_servers, load.topic, f"out-{name}", name, folder)
        offsets = Offsets(place.servers)
        offsets.make(place.target)
        argv = self.command(place)  # what has to be fetched for it comes before its clock
        home = {"JAVA_HOME": str(java.find().resolve().parents[1])}
        with tree.running(argv, folder / "log", folder, home) as started:
            yield Running(
                started,
                place.target,
                (lambda: started.told("committed")) if self.tells else (lambda: offsets.at_end(name, load.topic)),
            )


@dataclass(frozen=True, slots=True)
class Ours:
    """A stage of the document for each run, as `meso run` and the operator start it."""

    key: str = "mesoscale"
    name: str = "mesoscale"
    runs: int = RUNS
    detail: dict[str, str] = field(default_factory=lambda: {"emits": "each window once, when it is closed"})

    @contextmanager
    def running(self, here: Stand, load: Load, attempt: int) -> Iterator[Running]:
        node = f"{load.name}-{attempt}"
        group = naming.group(here.graph.pipeline.name, node)
        offsets = Offsets(here.kafka.bootstrap_servers)
        with tree.running(here.command(node), here.folder / f"{node}.log", here.folder) as started:
            target = here.graph.edge(node).topic
            yield Running(started, target, lambda: offsets.at_end(group, load.topic))


class Offsets:
    """What groups have committed, beside the ends of the topic."""

    def __init__(self, servers: str) -> None:
        self._admin = AdminClient({"bootstrap.servers": servers})
        self._ends: dict[str, list[int]] = {}

    def make(self, topic: str) -> None:
        """A topic for an engine's output, which keeps old event times."""
        [made] = self._admin.create_topics([NewTopic(topic, PARTITIONS, 1, config={"retention.ms": "-1"})]).values()
        made.result(30)

    def at_end(self, group: str, topic: str) -> bool:
        partitions = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
        asked = self._admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group, partitions)])
        try:
            committed = asked[group].result(10).topic_partitions
        except KafkaException:  # the group's coordinator may not be chosen yet
            return False
        found = {one.partition: one.offset for one in committed}
        return all(found.get(partition, -1) >= end for partition, end in enumerate(self._end(topic)))

    def _end(self, topic: str) -> list[int]:
        if topic not in self._ends:
            asked = {TopicPartition(topic, partition): OffsetSpec.latest() for partition in range(PARTITIONS)}
            answers = self._admin.list_offsets(asked)
            ends = {one.partition: answer.result(30).offset for one, answer in answers.items()}
            self._ends[topic] = [ends[partition] for partition in range(PARTITIONS)]
        return self._ends[topic]


def _kafka_streams(place: Place) -> tuple[str, ...]:
    path = os.pathsep.join((str(provide.classes("kafka_streams")), f"{provide.jar_folder('kafka_streams')}/*"))
    program = (str(java.find()), *JVM, "-cp", path, "Windows")
    return (*program, place.servers, place.source, place.target, place.name, str(place.folder / "state"))


def _flink(place: Place) -> tuple[str, ...]:
    jars, checkpoints = str(provide.jar_folder("flink")), str(place.folder / "checkpoints")
    return (*_script("flink"), place.servers, place.source, place.target, place.name, jars, checkpoints)


def _spark(place: Place) -> tuple[str, ...]:
    jars, checkpoints = str(provide.jar_folder("spark")), str(place.folder / "checkpoints")
    return (*_script("spark"), place.servers, place.source, place.target, jars, checkpoints)


def _quix(place: Place) -> tuple[str, ...]:
    return (*_script("quix"), place.servers, place.source, place.target, place.name, str(place.folder / "state"))


def _script(name: str) -> tuple[str, str]:
    return str(provide.python(name)), str(provide.PEERS / name / "windows.py")


FINAL = {"emits": "each window once, when it is closed"}
SLOW = FINAL | {"fewer runs": "one takes minutes"}
PEERS = (
    Peer(
        "kafka-streams",
        "Kafka Streams 4.3.1, exactly_once_v2",
        RUNS,
        _kafka_streams,
        tells=False,
        detail={"emits": "a window whenever the cache gives it out"},
    ),
    Peer("flink", "Flink 2.3.0 SQL, exactly once", SLOW_RUNS, _flink, tells=True, detail=SLOW),
    Peer("spark", "Spark 4.1.1, at least once", SLOW_RUNS, _spark, tells=True, detail=SLOW),
    Peer("quix", "quixstreams 3.28.1, exactly once", SLOW_RUNS, _quix, tells=False, detail=SLOW),
)
OURS = Ours()
assert sys.platform == "linux", "costs are read from /proc"

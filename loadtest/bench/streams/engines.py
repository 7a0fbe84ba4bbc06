"""How the program of each engine is started, and how it is known that all it has read is committed."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from loadtest.bench.bare import PARTITIONS
from loadtest.bench.measure import RUNS
from loadtest.bench.stand import Stand
from loadtest.bench.streams import tree
from loadtest.bench.streams.job import Load
from loadtest.bench.streams.tree import Tree
from loadtest.peers import provide
from mesoscale import naming
from mesoscale_local.services import java

ONCE = "each window once, when it is closed"
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
    """What can be run on a load, `runs` times; `key` is its name on the command line, and `once` says whether it writes
    each window once, when it is closed."""

    @property
    def key(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def runs(self) -> int: ...

    @property
    def once(self) -> bool: ...

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
    once: bool = True
    detail: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def running(self, here: Stand, load: Load, attempt: int) -> Iterator[Running]:
        name = f"{self.key}-{load.name}-{attempt}"
        folder = here.folder / name
        folder.mkdir()
        place = Place(here.kafka.bootstrap_servers, load.topic, f"out-{name}", name, folder)
        _make(place.servers, place.target)
        offsets = Offsets(place.servers, name, load.topic)
        argv = self.command(place)  # what has to be fetched for it comes before its clock
        home = {"JAVA_HOME": str(java.find().resolve().parents[1])}
        with tree.running(argv, folder / "log", folder, home) as started:
            at_end = (lambda: started.told("committed")) if self.tells else offsets.at_end
            yield Running(started, place.target, at_end)
        offsets.close()


@dataclass(frozen=True, slots=True)
class Ours:
    """A stage of the document for each run, as `meso run` and the operator start it."""

    key: str = "mesoscale"
    name: str = "mesoscale"
    runs: int = RUNS
    once: bool = True
    detail: dict[str, str] = field(default_factory=lambda: {"emits": ONCE})

    @contextmanager
    def running(self, here: Stand, load: Load, attempt: int) -> Iterator[Running]:
        node = f"{load.name}-{attempt}"
        group = naming.group(here.graph.pipeline.name, node)
        offsets = Offsets(here.kafka.bootstrap_servers, group, load.topic)
        with tree.running(here.command(node), here.folder / f"{node}.log", here.folder) as started:
            yield Running(started, here.graph.edge(node).topic, offsets.at_end)
        offsets.close()


class Offsets:
    """What a group has committed, beside the ends of the topic; for one run.

    A consumer asks and not the admin client, for the same reason as in `mesoscale_streams.kafka.groups`.
    """

    def __init__(self, servers: str, group: str, topic: str) -> None:
        settings = {"bootstrap.servers": servers, "group.id": group, "enable.auto.commit": False}
        self._consumer = Consumer(settings)
        self._partitions = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
        self._ends = [self._consumer.get_watermark_offsets(one, timeout=30)[1] for one in self._partitions]

    def at_end(self) -> bool:
        try:
            committed = self._consumer.committed(self._partitions, timeout=10)
        except KafkaException:  # the group's coordinator may not be chosen yet
            return False
        return all(one.offset >= end for one, end in zip(committed, self._ends, strict=True))

    def close(self) -> None:
        self._consumer.close()


def _make(servers: str, topic: str) -> None:
    """A topic for an engine's output, which keeps old event times."""
    new = NewTopic(topic, PARTITIONS, 1, config={"retention.ms": "-1"})
    client = AdminClient({"bootstrap.servers": servers})  # by a name, for without it the answer would not be awaited
    [made] = client.create_topics([new]).values()
    made.result(60)


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


SLOW = {"emits": ONCE, "fewer runs": "one takes minutes"}
PEERS = (
    Peer(
        "kafka-streams",
        "Kafka Streams 4.3.1, exactly_once_v2",
        RUNS,
        _kafka_streams,
        tells=False,
        once=False,
        detail={"emits": "a window whenever the cache gives it out"},
    ),
    Peer("flink", "Flink 2.3.0 SQL, exactly once", SLOW_RUNS, _flink, tells=True, detail=SLOW),
    Peer("spark", "Spark 4.1.1, at least once", SLOW_RUNS, _spark, tells=True, detail=SLOW),
    Peer("quix", "quixstreams 3.28.1, exactly once", SLOW_RUNS, _quix, tells=False, detail=SLOW),
)
OURS = Ours()
assert sys.platform == "linux", "costs are read from /proc"

"""A document's topics, tables and bindings on the session's services; its nodes are started and ended by the test."""

import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from mesoscale import bindings, naming
from mesoscale.model.source import Synthetic
from mesoscale_local.services.postgres import connect
from mesoscale_streams import environment, provision
from mesoscale_streams.kafka.groups import Groups
from mesoscale_streams.sources.synthetic import Payments

SABOTAGE = Path(__file__).parent / "sabotage.py"
RECORD = tuple[bytes | None, bytes | None]  # key, value


def payments(count: int, seed: int = 3) -> list[RECORD]:
    """Payments as the synthetic source makes them, under their keys."""
    source = Payments(Synthetic(per_second=1000, seed=seed, count=count), datetime(2024, 3, 1, tzinfo=UTC))
    values = [value for batch in source.batches(None, 10_000) for value in batch.values]
    return [(orjson.loads(value)["account"].encode(), value) for value in values]


def ids(records: Iterable[bytes | None]) -> Counter[str]:
    """How often each payment occurs."""
    return Counter(orjson.loads(value)["transaction_id"] for value in records if value)


def until(condition: Callable[[], object], what: str, seconds: float = 90) -> None:
    """Wait until the condition holds. A broker that comes up or back refuses to answer for a while: that is not yet."""
    deadline, refusal = time.monotonic() + seconds, None
    while True:
        try:
            if condition():
                return
        except KafkaException as error:
            refusal = error
        assert time.monotonic() < deadline, f"not within {seconds} s: {what} ({refusal})"
        time.sleep(0.1)


def committed(kafka: bindings.Kafka, topic: str, partitions: int) -> list[Message]:
    """All of a topic that a reader of committed records sees."""
    consumer = Consumer(
        {
            "bootstrap.servers": kafka.bootstrap_servers,
            "group.id": "tests",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
    messages: list[Message] = []
    at_end: set[int | None] = set()
    deadline = time.monotonic() + 60
    while len(at_end) < partitions:
        assert time.monotonic() < deadline, f"{topic} cannot be read to its end"
        for message in consumer.consume(5_000, 1):
            error = message.error()
            if error is None:
                messages.append(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                at_end.add(message.partition())
    consumer.close()
    return messages


@dataclass
class Pipeline:
    """`name` is the pipeline's; everything of it lies in `folder`."""

    name: str
    folder: Path
    kafka: bindings.Kafka
    postgres: bindings.PostgreSQL
    programs: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(
        self, node: str, instance: int = 0, sabotage: str | None = None, more: tuple[str, ...] = ()
    ) -> subprocess.Popen[bytes]:
        """Start one process of a node, as it is or with one of the faults in `sabotage.py`."""
        program = ["-m", "mesoscale_streams"] if sabotage is None else [str(SABOTAGE), sabotage]
        arguments = ["run", node, "--document", "pipeline.yaml", "--bindings", "bindings", "--instance", str(instance)]
        with (self.folder / f"{node}.{instance}.log").open("ab") as log:
            process = subprocess.Popen([sys.executable, *program, *arguments, *more], cwd=self.folder, stderr=log)
        self.programs.append(process)
        return process

    def tell(self, *arguments: str, sabotage: str | None = None) -> tuple[int, list[dict[str, Any]]]:
        """Run a program that ends, `topics` or `schema` or `remove` → its exit code and the lines of its log."""
        program = ["-m", "mesoscale_streams"] if sabotage is None else [str(SABOTAGE), sabotage]
        which = ["--pipeline", self.name] if arguments[0] == "remove" else ["--document", "pipeline.yaml"]
        ended = subprocess.run(
            [sys.executable, *program, *arguments, *which, "--bindings", "bindings"],
            cwd=self.folder,
            stderr=subprocess.PIPE,
            timeout=120,
        )
        lines = [line for line in ended.stderr.splitlines() if line.startswith(b"{")]
        return ended.returncode, [orjson.loads(line) for line in lines]

    def write(self, spec: str) -> None:
        """The document as it is from now on."""
        head = f"apiVersion: mesoscale.dev/v1alpha1\nkind: WeatherPipeline\nmetadata: {{name: {self.name}}}\nspec:\n"
        (self.folder / "pipeline.yaml").write_text(head + spec)

    def bind(self, bound: bindings.Bindings) -> None:
        """The services as they are reached from now on."""
        shutil.rmtree(self.folder / "bindings", ignore_errors=True)
        for file, entry in bound.files().items():
            (self.folder / "bindings" / file).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / "bindings" / file).write_text(entry)

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """End it in good order."""
        process.terminate()
        assert process.wait(40) == 0, self.log()

    def log(self) -> str:
        return "\n".join(file.read_text()[-3000:] for file in sorted(self.folder.glob("*.log")))

    def send(self, node: str, records: Iterable[RECORD]) -> None:
        """Records straight into the topic behind a node, as somebody else may write them.

        Raises:
            KafkaException: the broker refused one of them.
        """
        refused: list[KafkaError] = []

        def note(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                refused.append(error)

        producer = Producer({"bootstrap.servers": self.kafka.bootstrap_servers, "message.max.bytes": 17 << 20})
        for key, value in records:
            producer.produce(naming.topic(self.name, node), value, key, on_delivery=note)
        assert producer.flush(60) == 0
        for error in refused:
            raise KafkaException(error)

    def values(self, node: str) -> list[bytes | None]:
        """What stands in the topic behind a node."""
        return [message.value() for message in committed(self.kafka, naming.topic(self.name, node), 6)]

    def letters(self, node: str) -> list[Message]:
        """The dead letters of the records in the topic behind a node."""
        return committed(self.kafka, naming.dead_letter_topic(self.name, node), 1)

    def rows(self, statement: str) -> list[tuple[object, ...]]:
        """What an SQL statement finds; the pipeline's schema need not be named."""
        with connect(self.postgres) as connection:
            connection.execute(f'SET search_path TO "{naming.sql_name(self.name)}"')
            return connection.execute(statement).fetchall()

    def stage_done(self, stage: str, source: str) -> bool:
        """Whether the stage has committed all that stands in the source's topic now."""
        topic, groups = naming.topic(self.name, source), Groups(self.kafka)
        try:
            at = groups.read(naming.group(self.name, stage), topic, 6)
            return all(at.get(p, (0, None))[0] == end for p, end in groups.ends({topic: 6})[topic].items())
        finally:
            groups.close()

    def sink_done(self, sink: str, source: str) -> bool:
        """The same for a table sink."""
        topic, groups = naming.topic(self.name, source), Groups(self.kafka)
        found = self.rows(f"SELECT partition, next_offset FROM meso_positions WHERE node = '{sink}'")
        try:
            at = {int(str(partition)): offset for partition, offset in found}
            return all(at.get(p, 0) == end for p, end in groups.ends({topic: 6})[topic].items())
        finally:
            groups.close()


@pytest.fixture
def bare_pipeline(
    tmp_path: Path, kafka: bindings.Kafka, postgres: bindings.PostgreSQL
) -> Iterator[Callable[[str, str], Pipeline]]:
    """Writes document and bindings, and nothing else is there; processes that still run at the end are killed."""
    made: list[Pipeline] = []

    def make(name: str, spec: str) -> Pipeline:
        made.append(Pipeline(name, tmp_path, kafka, postgres))
        made[-1].write(spec)
        made[-1].bind(bindings.Bindings(kafka, postgres))
        return made[-1]

    yield make
    for process in (process for one in made for process in one.programs if process.poll() is None):
        process.kill()
        process.wait()


@pytest.fixture
def pipeline(bare_pipeline: Callable[[str, str], Pipeline]) -> Callable[[str, str], Pipeline]:
    """The same with the topics and tables of the document made."""

    def make(name: str, spec: str) -> Pipeline:
        made = bare_pipeline(name, spec)
        graph, bound = (
            environment.read_graph(made.folder / "pipeline.yaml"),
            bindings.Bindings(made.kafka, made.postgres),
        )
        provision.topics(graph, bound, adopt=False, patience=30)
        provision.schema(graph, bound, adopt=False, patience=30)
        return made

    return make

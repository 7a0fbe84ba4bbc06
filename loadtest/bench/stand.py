"""A broker and a database of their own, in a temporary folder, with a pipeline's topics and tables made."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from confluent_kafka import Producer

from loadtest.bench.traffic import Traffic
from mesoscale import bindings, document, naming, plan
from mesoscale.bindings import Bindings
from mesoscale.contract.types import Contract
from mesoscale.graph.build import build
from mesoscale.graph.types import Graph
from mesoscale.plan import Plan
from mesoscale_local.services import jars, java
from mesoscale_local.services.kafka import Broker
from mesoscale_local.services.postgres import Server
from mesoscale_streams import provision

PATIENCE = 600.0  # seconds for whatever is waited for


@dataclass(frozen=True)
class Stand:
    """One pipeline, ready to be run node by node."""

    folder: Path
    graph: Graph
    plan: Plan
    kafka: bindings.Kafka
    postgresql: bindings.PostgreSQL

    @property
    def contract(self) -> Contract:
        """That of the records in the topic."""
        return self.graph.edge("payments").contract

    @property
    def topic(self) -> str:
        return self.graph.edge("payments").topic

    @property
    def schema(self) -> str:
        """The pipeline's schema in the database."""
        return naming.sql_name(self.graph.pipeline.name)

    def command(self, node: str) -> tuple[str, ...]:
        """The real program of a node."""
        return (
            *(sys.executable, "-m", "mesoscale_streams", "run", node),
            *("--document", str(self.folder / "pipeline.yaml")),
            *("--bindings", str(self.folder / "bindings")),
            *("--announce", str(self.folder / f"{node}.json")),
        )

    @contextmanager
    def running(self, node: str, *more: str) -> Iterator[subprocess.Popen[bytes]]:
        """The real program of a node; its log is beside the document."""
        announced, log = self.folder / f"{node}.json", self.folder / f"{node}.log"
        announced.unlink(missing_ok=True)
        with log.open("wb") as out:
            process = subprocess.Popen((*self.command(node), *more), stdout=out, stderr=out)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        assert process.returncode == 0, log.read_text()[-2000:]

    def is_ready(self, node: str) -> bool:
        """Whether the program says that it has its partitions."""
        try:
            address = json.loads((self.folder / f"{node}.json").read_text())["metrics"]
            with urlopen(address.replace("/metrics", "/readyz"), timeout=5) as answer:
                return bool(answer.status == 200)
        except (OSError, URLError):
            return False

    def fill(self, traffic: Traffic, records: int) -> float:
        """Put records into the topic. Returns their mean size in bytes."""
        producer = Producer(
            {
                "bootstrap.servers": self.kafka.bootstrap_servers,
                "linger.ms": 20,
                "delivery.report.only.error": True,
                "enable.idempotence": True,
            }
        )
        size = 0
        for values, keys in traffic.batches(self.contract, records):
            for value, key in zip(values, keys, strict=True):
                producer.produce(self.topic, value, key)
            size += sum(map(len, values))
            assert producer.flush(60) == 0
        return size / records


def wait(condition: Callable[[], bool], process: subprocess.Popen[bytes], pause: float = 0.05) -> None:
    """Until it holds.

    Raises:
        AssertionError: it does not in PATIENCE seconds, or the process ended.
    """
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None, "the program ended"
        assert time.monotonic() < deadline
        time.sleep(pause)


@contextmanager
def services() -> Iterator[Bindings]:
    """Start both, stop both."""
    with tempfile.TemporaryDirectory(prefix="meso-bench-") as name, ExitStack() as running:
        folder = Path(name)
        broker, server = Broker(folder / "kafka", java.find(), jars.provide(print)), Server(folder / "postgres")
        for service in (broker, server):
            service.prepare()
            command = service.command()
            process = subprocess.Popen(
                command.argv,
                cwd=command.cwd,
                env={**os.environ, **command.env},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for us; they end after their clients
            )
            running.callback(process.wait)
            running.callback(process.send_signal, command.stop)
            wait(service.ready, process)
        yield Bindings(kafka=broker.binding(), postgresql=server.binding())


@contextmanager
def stand(traffic: Traffic, bound: Bindings) -> Iterator[Stand]:
    """Make the topics and tables of the document."""
    graph = build(document.parse(traffic.document, "pipeline.yaml").pipeline)
    planned = plan.build(graph)
    assert bound.kafka is not None
    assert bound.postgresql is not None
    provision.topics(graph, bound, adopt=False, patience=30)
    provision.schema(graph, bound, adopt=False, patience=30)
    with tempfile.TemporaryDirectory(prefix="meso-bench-") as name:
        folder = Path(name)
        (folder / "pipeline.yaml").write_text(traffic.document)
        for path, entry in bound.files().items():
            (folder / "bindings" / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / "bindings" / path).write_text(entry)
        yield Stand(folder, graph, planned, bound.kafka, bound.postgresql)

"""A broker and a database of their own, in a temporary folder, with a pipeline's topics and tables made."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from mesoscale import document, plan
from mesoscale.bindings import Bindings
from mesoscale.graph.build import build
from mesoscale.graph.types import Graph
from mesoscale.plan import Plan
from mesoscale_local.services import jars, java, tables, topics
from mesoscale_local.services.kafka import Broker
from mesoscale_local.services.postgres import Server


@dataclass(frozen=True)
class Stand:
    """One pipeline, ready to be run node by node."""

    folder: Path
    graph: Graph
    plan: Plan
    bindings: Bindings

    def start(self, node: str) -> subprocess.Popen[bytes]:
        """The real program of a node; its log is beside the document."""
        with (self.folder / f"{node}.log").open("wb") as log:
            return subprocess.Popen(
                [
                    *(sys.executable, "-m", "mesoscale_streams", "run", node),
                    *("--document", str(self.folder / "pipeline.yaml")),
                    *("--bindings", str(self.folder / "bindings")),
                    *("--announce", str(self.folder / f"{node}.json")),
                ],
                stdout=log,
                stderr=log,
            )


@contextmanager
def services() -> Iterator[Bindings]:
    """Start both, stop both."""
    with tempfile.TemporaryDirectory(prefix="meso-bench-") as folder, ExitStack() as running:
        broker = Broker(Path(folder) / "kafka", java.find(), jars.provide(print))
        server = Server(Path(folder) / "postgres")
        for service in (broker, server):
            service.prepare()
            command = service.command()
            process = subprocess.Popen(
                command.argv,
                cwd=command.cwd,
                env={**os.environ, **command.env},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            running.callback(process.wait)
            running.callback(process.send_signal, command.stop)
            while not service.ready():
                time.sleep(0.1)
        yield Bindings(kafka=broker.binding(), postgresql=server.binding())


@contextmanager
def stand(text: str, bindings: Bindings) -> Iterator[Stand]:
    """Make the topics and tables of the document `text`."""
    parsed = document.parse(text, "pipeline.yaml")
    graph = build(parsed.pipeline)
    planned = plan.build(graph)
    assert bindings.kafka is not None
    assert bindings.postgresql is not None
    topics.apply_topics(bindings.kafka.bootstrap_servers, planned.topics)
    tables.apply_tables(bindings.postgresql, planned.tables)
    with tempfile.TemporaryDirectory(prefix="meso-bench-") as folder:
        (Path(folder) / "pipeline.yaml").write_text(text)
        for name, entry in bindings.files().items():
            file = Path(folder) / "bindings" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(entry)
        yield Stand(Path(folder), graph, planned, bindings)

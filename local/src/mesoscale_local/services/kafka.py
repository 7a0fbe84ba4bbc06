"""One Kafka broker (KRaft, broker and controller in one process): its folder, settings and command."""

import subprocess
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from uuid import uuid4

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from mesoscale import bindings
from mesoscale.errors import Problem, Reason, ServiceUnavailable
from mesoscale_local.services import disk, ports
from mesoscale_local.services.service import Command

ROOM = 512 * disk.MIB  # free on its disk before it starts
# A broker of one machine: small heap, and it exits rather than limps on when that is used up.
JVM = ("-Xms128m", "-Xmx512m", "-XX:+ExitOnOutOfMemoryError", "-XX:-UsePerfData", "-Djava.awt.headless=true")
# All its paths are relative to its working folder: a comma in an absolute one would make two folders of
# `log.dirs`, and an umlaut would be read as Latin-1.
PROPERTIES = "server.properties"
LOGGING = "log4j2.properties"

SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "PLAINTEXT",
    # One broker holds the one copy of everything.
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # 50 partitions each are for hundreds of groups; a pipeline has a handful.
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    # Topics come from the plan; one made by a typing error would hide it.
    "auto.create.topics.enable": "false",
    # Consumers of a stage start together; nothing is won by waiting 3 s for more.
    "group.initial.rebalance.delay.ms": "0",
    # After kill -9 the controller believes in the old broker until its session ends: 3 s instead of 9.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "message.max.bytes": str(32 * disk.MIB),
    "replica.fetch.max.bytes": str(32 * disk.MIB),
    # Retention goes by whole segments; small ones give a laptop its disk back sooner.
    "log.segment.bytes": str(128 * disk.MIB),
    "log.cleaner.dedupe.buffer.size": str(16 * disk.MIB),  # is taken from the heap at start; default 128 MiB
    "num.network.threads": "2",
    "num.io.threads": "4",
}


@dataclass(frozen=True)
class Broker:
    """A broker that keeps all it has in `folder`: `data/`, `logs/`, `server.properties`, `ports.json`."""

    folder: Path
    java: Path
    jars: Path
    name: str = "kafka"
    wait_hint: float = 60.0

    def prepare(self, port: int | None = None) -> None:
        """Settle the ports, write the settings, format the data folder once. The broker must not run.

        Args:
            port: the one a user asks for; by default the one of last time if it is free, else any.

        Raises:
            ServiceUnavailable: PortTaken, DiskFull, or ServiceFailed with what the format tool said.
        """
        disk.demand(self.folder, ROOM, "Kafka")
        self.folder.mkdir(parents=True, exist_ok=True)
        if port is not None:
            ports.demand(port, "Kafka")
        chosen = ports.keep(self._ports, {"kafka": port, "controller": None})
        settings = SETTINGS | self._addresses(chosen)
        (self.folder / PROPERTIES).write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        (self.folder / LOGGING).write_bytes(files(__package__).joinpath(f"kafka-{LOGGING}").read_bytes())
        self._format()

    def command(self) -> Command:
        """Run the broker in the foreground; SIGTERM stops it in about half a second."""
        return Command(self._run("kafka.Kafka", PROPERTIES), cwd=self.folder)

    def ready(self) -> bool:
        """Whether it answers, and is this broker: another one may have got the port before it."""
        if ports.is_free(ports.kept(self._ports)["kafka"]):  # the usual case; librdkafka would only wait and complain
            return False
        client = AdminClient({"bootstrap.servers": self.binding().bootstrap_servers, "log_level": 0})
        try:
            answer = client.list_topics(timeout=2)
        except KafkaException:
            return False
        return bool(answer.brokers) and answer.cluster_id == self._cluster_id()

    def binding(self) -> bindings.Kafka:
        """Where clients find it, after `prepare`."""
        return bindings.Kafka(f"{ports.LOOPBACK}:{ports.kept(self._ports)['kafka']}")

    @property
    def _ports(self) -> Path:
        return self.folder / "ports.json"

    def _addresses(self, chosen: dict[str, int]) -> dict[str, str]:
        client, controller = (f"{ports.LOOPBACK}:{chosen[name]}" for name in ("kafka", "controller"))
        return {
            "listeners": f"PLAINTEXT://{client},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{client}",
            "controller.quorum.voters": f"1@{controller}",
            "log.dirs": "data",
        }

    def _cluster_id(self) -> str:
        """Chosen once and kept, for the same folder is the same cluster: 16 bytes in URL-safe Base64."""
        file = self.folder / "cluster-id"
        if not file.exists() or not file.read_text():
            file.write_text(urlsafe_b64encode(uuid4().bytes).decode().rstrip("="))
        return file.read_text()

    def _format(self) -> None:
        """Give the data folder its identity, once; a format that was killed halfway is simply done again."""
        done = self.folder / "formatted"
        if done.exists():
            return
        arguments = ["format", "--ignore-formatted", f"--cluster-id={self._cluster_id()}", "-c", PROPERTIES]
        told = subprocess.run(
            self._run("kafka.tools.StorageTool", *arguments),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
        )
        if told.returncode != 0:
            last = "; ".join((told.stdout + told.stderr).strip().splitlines()[-3:])
            raise ServiceUnavailable(Problem(Reason.SERVICE_FAILED, f"Kafka's data folder cannot be made: {last}"))
        done.touch()

    def _run(self, main: str, *arguments: str) -> tuple[str, ...]:
        return (
            str(self.java),
            *JVM,
            f"-Dlog4j2.configurationFile={LOGGING}",
            "-Dmeso.logs=logs",
            "-cp",
            f"{self.jars.absolute()}/*",
            main,
            *arguments,
        )

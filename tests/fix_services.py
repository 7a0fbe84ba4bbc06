"""A real broker and a real database, once for the whole session: started on free ports, ended by pid."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mesoscale import bindings
from mesoscale_local.services import jars, java
from mesoscale_local.services.kafka import Broker
from mesoscale_local.services.postgres import Server
from mesoscale_local.services.service import Service

# A broker that was killed may, while it comes back alone, forget the decision of a transaction: the records of it stay
# open for ever, and nobody can read on. It writes this when it does. docs/limits.md tells more.
FORGOTTEN = "these partitions are likely deleted already and hence can be skipped"


class Running:
    """One service in a process group of its own, which can be ended in every way and started again."""

    def __init__(self, service: Service, folder: Path) -> None:
        self.service = service
        self._log = folder / f"{service.name}.log"
        self.start()

    def start(self) -> None:
        """Start it, and return when it answers."""
        self.service.prepare()
        command = self.service.command()
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                command.argv,
                cwd=command.cwd,
                env={**os.environ, **command.env},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + self.service.wait_hint
        while not self.service.ready():
            assert self.process.poll() is None, f"{self.service.name} ended:\n{self._log.read_text()[-3000:]}"
            assert time.monotonic() < deadline, f"{self.service.name} does not answer"
            time.sleep(0.1)

    def kill(self) -> None:
        """kill -9, of everything that belongs to it."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> None:
        """End it in its own good way."""
        self.process.send_signal(self.service.command().stop)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The session's broker, for tests that disturb it."""
    folder = tmp_path_factory.mktemp("kafka")
    running = Running(Broker(folder, java.find(), jars.provide(print)), folder)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The session's database server, for tests that disturb it."""
    folder = tmp_path_factory.mktemp("postgres")
    running = Running(Server(folder), folder)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def kafka(broker: Running) -> bindings.Kafka:
    """Where the session's broker is."""
    assert isinstance(broker.service, Broker)
    return broker.service.binding()


@pytest.fixture(scope="session")
def postgres(server: Running) -> bindings.PostgreSQL:
    """Where the session's database is."""
    assert isinstance(server.service, Server)
    return server.service.binding()

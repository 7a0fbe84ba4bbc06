"""Every part of a running pipeline is killed -9 at random moments, and each payment still arrives exactly once.

The parts: the source, a stage of one process, both processes of another, their table sinks, the broker, the database
and single connections of the database (the server then cuts all others too). What arrived is counted by content: in
the topics as a reader of committed records sees them, and in the tables.
"""

import json
import os
import random
import signal
import time
import warnings
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition
from fix_meso import MesoRun
from fix_services import FORGOTTEN, Running

from mesoscale.bindings import Kafka
from mesoscale.model.source import Synthetic
from mesoscale_local.services import jars, java
from mesoscale_local.services.kafka import Broker
from mesoscale_local.services.postgres import Server, connect
from mesoscale_streams.sources.synthetic import Payments

COUNT = 120_000
PER_SECOND = 3_000
SEED = 20_241_124
PARTS = ("payments-0", "alone-0", "pass-0", "pass-1", "rows-0", "singles-0", "kafka", "postgres", "connection")
KILLS = 2  # of each of the parts
PAUSE = (0.5, 2.0)  # seconds from one kill to the next
RUNS = 3  # at most, where the broker forgets what it decided

DOCUMENT = f"""\
apiVersion: mesoscale.dev/v1alpha1
kind: WeatherPipeline
metadata: {{name: crash}}
spec:
  sources:
    - name: payments
      contract: transaction
      synthetic: {{perSecond: {PER_SECOND}, seed: 11, count: {COUNT}, start: "2024-03-01T00:00:00Z"}}
  stages:
    - {{name: alone, from: payments, use: forward}}
    - {{name: pass, from: payments, use: forward, scale: {{min: 2, max: 2}}}}
  sinks:
    - {{name: singles, from: alone, table: {{}}}}
    - {{name: rows, from: pass, table: {{partitionBy: {{column: occurred_at, every: 1d}}}}}}
"""


def expected() -> set[str]:
    section = Synthetic(per_second=PER_SECOND, seed=11, count=COUNT, start="2024-03-01T00:00:00Z")
    batches = Payments(section, datetime(2024, 3, 1, tzinfo=UTC)).batches(None, 10_000)
    return {orjson.loads(value)["transaction_id"] for batch in batches for value in batch.values}


def pid_of(home: Path, part: str) -> int | None:
    """The process that is this part now; None while it is being started again."""
    try:
        if part == "postgres":
            return int((home / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
        if part == "connection":
            return connection_of(int((home / "postgres" / "data" / "postmaster.pid").read_text().split()[0]))
        if part == "kafka":
            return int(json.loads((home / "status.json").read_text())["services"]["kafka"]["pid"])
        return int(json.loads((home / "run" / f"{part}.json").read_text())["pid"])
    except (OSError, ValueError, LookupError, TypeError):
        return None


def connection_of(postmaster: int) -> int | None:
    """A server process of the database that serves a client, None while there is none."""
    for child in Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split():
        if b"127.0.0.1(" in Path(f"/proc/{child}/cmdline").read_bytes():
            return int(child)
    return None


def kill(home: Path, part: str) -> None:
    """kill -9, as soon as the part has a process."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        pid = pid_of(home, part)
        if pid:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # it is down already; wait until it is back
            else:
                return
        time.sleep(0.1)
    raise AssertionError(f"{part} has no process to kill for 30 s")


def ids_in_topic(kafka: Kafka, topic: str) -> Counter[str]:
    """How often each payment stands in a topic, for a reader of committed records."""
    consumer = Consumer(
        {
            "bootstrap.servers": kafka.bootstrap_servers,
            "group.id": "count",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(6)])
    seen: Counter[str] = Counter()
    at_end: set[int | None] = set()
    deadline = time.monotonic() + 60
    while len(at_end) < 6:
        assert time.monotonic() < deadline, f"{topic} cannot be read to its end"
        for message in consumer.consume(5_000, 1):
            error, value = message.error(), message.value()
            if error is None and value is not None:
                seen[orjson.loads(value)["transaction_id"]] += 1
            elif error is not None and error.code() == KafkaError._PARTITION_EOF:
                at_end.add(message.partition())
    consumer.close()
    return seen


def killed_all_over(run: MesoRun, home: Path, parts: list[str], chance: random.Random) -> tuple[int, str]:
    """Exit code and output of a run in which these parts were killed."""
    run.wait_for(lambda status: min(status.get("tables", {}).values(), default=0) > 0, "first rows")
    for part in parts:
        time.sleep(chance.uniform(*PAUSE))
        kill(home, part)
    return run.finish(240)


@pytest.mark.timeout(RUNS * 420)
def test_eighteen_kills_lose_nothing_and_double_nothing(tmp_path: Path, meso_run: Callable[..., MesoRun]) -> None:
    chance = random.Random(SEED)
    parts = [*PARTS] * KILLS
    document = tmp_path / "crash.yaml"
    document.write_text(DOCUMENT)
    home = tmp_path / ".meso" / "crash"

    for number in range(1, RUNS + 1):
        chance.shuffle(parts)
        run = meso_run(document, "--fresh", "--until-done", "--output", "json")
        code, out = killed_all_over(run, home, parts, chance)
        if code == 0 or FORGOTTEN not in (home / "kafka" / "logs" / "server.log").read_text(errors="replace"):
            break
        warnings.warn(f"!!! run {number} counts for nothing: the broker forgot a decided transaction", stacklevel=1)
    assert code == 0, f"seed {SEED}, {parts}\n{run.stderr}"
    told = json.loads(out)
    assert told["ledger"] == "closed"
    assert {node: counts["read"] for node, counts in told["nodes"].items()} == dict.fromkeys(told["nodes"], COUNT)

    wanted = expected()
    assert len(wanted) == COUNT
    broker = Broker(home / "kafka", java.find(), jars.provide(print))
    running = Running(broker, tmp_path)
    try:
        for topic in ("crash.payments", "crash.alone", "crash.pass"):
            seen = ids_in_topic(broker.binding(), topic)
            assert not wanted - seen.keys(), f"lost in {topic}, seed {SEED}"
            assert max(seen.values()) == 1, f"doubled in {topic}, seed {SEED}"
    finally:
        running.stop()
    server = Server(home / "postgres")
    running = Running(server, tmp_path)
    try:
        with connect(server.binding()) as connection:
            for table in ("rows", "singles"):
                stored = connection.execute(f"SELECT transaction_id FROM crash.{table}").fetchall()
                assert Counter(name for (name,) in stored) == Counter(wanted), f"{table}, seed {SEED}"
    finally:
        running.stop()

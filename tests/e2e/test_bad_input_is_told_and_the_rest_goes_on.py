"""A file of good and bad records: each bad one is a dead letter with its bytes and its reason, each good one a row."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition
from fix_meso import MesoRun
from fix_services import Running

from mesoscale.bindings import Kafka
from mesoscale_local.services import jars, java
from mesoscale_local.services.kafka import Broker
from mesoscale_local.services.postgres import Server, connect

DOCUMENT = """\
apiVersion: mesoscale.dev/v1alpha1
kind: WeatherPipeline
metadata: {name: bad}
spec:
  sources:
    - {name: weather, contract: observation, replay: {file: weather.ndjson}}
    - {name: payments, contract: transaction, replay: {file: payments.ndjson}}
  stages:
    - {name: pass, from: weather, use: forward}
    - {name: picky, from: weather, step: "bad_steps:picky"}
  sinks:
    - {name: rows, from: pass, table: {partitionBy: {column: observed_at, every: 1mo}}}
"""
STEPS = """\
def picky(frame):
    if (frame["temperature"] == 13).any():
        raise ArithmeticError("thirteen is no temperature")
    return frame
"""
HOURS = 200
UNLUCKY = 77  # the hour at which the step above raises


def record(hour: int, **fields: Any) -> bytes:
    moment = f"2024-01-{1 + hour // 24:02}T{hour % 24:02}:00:00Z"
    temperature = 13 if hour == UNLUCKY else 1.5
    return json.dumps({"station": "JFK", "observed_at": moment, "temperature": temperature} | fields).encode()


def payment(amount: object) -> bytes:
    texts = {"transaction_id": "t1", "account": "a1", "merchant": "m", "category": "food", "device": "d"}
    place = {"currency": "USD", "country": "US", "latitude": 40.7, "longitude": -74.0}
    return json.dumps({**texts, **place, "occurred_at": "2024-01-01T00:00:00Z", "amount": amount}).encode()


def raw(field: str) -> bytes:
    return b'{"station":"JFK","observed_at":"2024-01-01T00:00:00Z",' + field.encode() + b"}"


BAD = {
    b'{"station":"JFK",': "Malformed",
    b"not json at all": "Malformed",
    b"[1,2,3]": "Malformed",
    b"": "Malformed",
    b"\xef\xbb\xbf" + record(1): "Malformed",
    raw('"temperature":NaN'): "NotFinite",
    raw('"temperature":Infinity'): "NotFinite",
    raw('"temperature":1e999'): "NotFinite",
    raw('"temperature":"warm"'): "WrongType",
    raw('"temperature":true'): "WrongType",
    raw('"temperature":[1]'): "WrongType",
    record(2, station=17): "WrongType",
    record(2, station={"code": "JFK"}): "WrongType",
    record(3, observed_at="yesterday"): "WrongType",
    record(3, observed_at=1700000000): "WrongType",
    record(4, temperature=61): "OutOfRange",
    record(4, relative_humidity=-0.5): "OutOfRange",
    record(4, observed_at="1850-01-01T00:00:00Z"): "OutOfRange",
    b"null": "NullValue",
    record(5, station=None): "NullValue",
    b'{"observed_at":"2024-01-01T00:00:00Z"}': "NullValue",
    record(6, station="x" * 17): "TooLarge",
    record(6, note="x" * 5_000_000): "TooLarge",
    b'{"station":"caf\xe9","observed_at":"2024-01-01T00:00:00Z"}': "NotUtf8",
    record(7, station="a\0b"): "NotAllowed",
    record(8, station="\ud800"): "Malformed",  # half a character: Polars by itself would read a NUL
    **dict.fromkeys(json.dumps(json.loads(record(9)), indent=2).encode().splitlines(), "Malformed"),
}
BAD_PAYMENTS = {
    payment(1.5): "WrongType",
    payment(1.0): "WrongType",
    payment(1e300): "WrongType",
    payment(1 << 63): "WrongType",
    payment("12"): "WrongType",
    payment(0): "OutOfRange",
}
SURPLUS = record(HOURS, surplus={"fields": ["are", "ignored"]})


def dead_letters(kafka: Kafka, topic: str) -> list[tuple[bytes | None, dict[str, str]]]:
    """Value and headers of every committed letter."""
    consumer = Consumer(
        {
            "bootstrap.servers": kafka.bootstrap_servers,
            "group.id": "letters",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    consumer.assign([TopicPartition(topic, 0, 0)])
    letters = []
    while (message := consumer.poll(30)) is not None:
        error = message.error()
        if error is not None:
            assert error.code() == KafkaError._PARTITION_EOF
            break
        headers = {name: (value or b"").decode() for name, value in message.headers() or []}
        letters.append((message.value(), headers))
    consumer.close()
    return letters


@pytest.mark.timeout(200)
def test_bad_records_become_dead_letters_and_good_ones_rows(tmp_path: Path, meso_run: Callable[..., MesoRun]) -> None:
    good = [record(hour) for hour in range(HOURS)] + [SURPLUS]
    twice = [record(10), record(150)]
    lines = good[:100] + list(BAD) + twice[:1] + good[100:] + twice[1:]
    (tmp_path / "weather.ndjson").write_bytes(b"\n".join(lines) + b"\n")
    (tmp_path / "payments.ndjson").write_bytes(b"\n".join([payment(1), *BAD_PAYMENTS]) + b"\n")
    (tmp_path / "bad_steps.py").write_text(STEPS)
    document = tmp_path / "bad.yaml"
    document.write_text(DOCUMENT)

    run = meso_run(document, "--fresh", "--until-done", "--output", "json")
    code, out = run.finish(150)
    assert code == 0, run.stderr
    told = json.loads(out)
    assert told["ledger"] == "closed"
    assert told["nodes"]["weather"] == {
        "read": len(lines),
        "accepted": len(good) + 2,
        "rejected": len(BAD),
        "late": 0,
        "produced": len(good) + 2,
    }
    assert told["nodes"]["payments"]["accepted"] == 1
    assert told["nodes"]["payments"]["rejected"] == len(BAD_PAYMENTS)
    assert told["nodes"]["picky"]["rejected"] == 1
    assert told["nodes"]["rows"]["rejected"] == 2
    assert told["tables"] == {"rows": len(good)}

    home = tmp_path / ".meso" / "bad"
    broker = Broker(home / "kafka", java.find(), jars.provide(print))
    running = Running(broker, tmp_path)
    try:
        refused = dead_letters(broker.binding(), "bad.weather.dead-letter")
        doubled = dead_letters(broker.binding(), "bad.pass.dead-letter")
        unpaid = dead_letters(broker.binding(), "bad.payments.dead-letter")
    finally:
        running.stop()
    by_source = {value: headers for value, headers in refused if headers["meso-node"] == "weather"}
    assert {value: headers["meso-reason"] for value, headers in by_source.items()} == BAD
    assert {value: headers["meso-reason"] for value, headers in unpaid} == BAD_PAYMENTS
    assert {headers["meso-contract"] for headers in by_source.values()} == {"observation@1"}
    assert all(headers["meso-position"] and headers["meso-detail"] for headers in by_source.values())
    [(unlucky, why)] = [letter for letter in refused if letter[1]["meso-node"] == "picky"]
    assert unlucky == record(UNLUCKY)
    assert (why["meso-reason"], why["meso-detail"]) == ("StepFailed", "ArithmeticError: thirteen is no temperature")
    assert sorted(value or b"" for value, _ in doubled) == sorted(twice)
    assert {headers["meso-reason"] for _, headers in doubled} == {"Duplicate"}

    server = Server(home / "postgres")
    running = Running(server, tmp_path)
    try:
        with connect(server.binding()) as connection:
            [(rows, different)] = connection.execute(
                "SELECT count(*), count(DISTINCT observed_at) FROM bad.rows"
            ).fetchall()
    finally:
        running.stop()
    assert rows == different == len(good)

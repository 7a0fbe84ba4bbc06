"""How long a stage takes to have its state again, from its changelog alone: the real program, started anew."""

import json
import time
from collections.abc import Iterator
from typing import Any

import polars as pl
from confluent_kafka import Producer

from loadtest.bench.bare import PARTITIONS
from loadtest.bench.measure import Figure
from loadtest.bench.stand import Stand, wait
from loadtest.bench.streams.engines import Offsets
from loadtest.bench.traffic import payments
from mesoscale import naming
from mesoscale_streams.records import encode
from mesoscale_streams.records.decode import Decoder


def measure(here: Stand, source: str, node: str, keys: int, runs: int) -> list[Figure]:
    """Let the stage `node` see `keys` accounts once, end it, and start it `runs` times."""
    edge = here.graph.edge(source)
    _fill(here, source, keys)
    offsets = Offsets(here.kafka.bootstrap_servers, naming.group(here.graph.pipeline.name, node), edge.topic)
    with here.running(node) as process:
        wait(offsets.at_end, process)
    offsets.close()
    reading, ready = [], []
    for _ in range(runs):
        began = time.monotonic()
        with here.running(node) as process:
            wait(lambda: here.is_ready(node), process, pause=0.02)
            ready.append(time.monotonic() - began)
        reading.append(_told(here, node, keys))
    detail = {"records": keys, "keys": keys, "partitions": PARTITIONS}
    what = f"state of {keys:,} keys"
    return [
        Figure(f"{what} restored from its changelog", "s", reading, detail),
        Figure(f"{what}, from the start of its program to ready", "s", ready, detail),
    ]


def _fill(here: Stand, source: str, keys: int) -> None:
    """One payment of each account."""
    edge = here.graph.edge(source)
    producer = Producer({"bootstrap.servers": here.kafka.bootstrap_servers, "linger.ms": 20, "acks": "all"})
    decoder, number = Decoder(edge.contract), 0
    for values in payments(keys):
        frame = decoder.decode(values).frame
        account = pl.format("account-{}", pl.int_range(number, number + frame.height))
        frame = frame.with_columns(account.alias("account"))
        number += frame.height
        for value, key in zip(encode.encode(frame), encode.keys(frame, edge.contract), strict=True):
            producer.produce(edge.topic, value, key)
        assert producer.flush(60) == 0


def _told(here: Stand, node: str, keys: int) -> float:
    """Seconds, as the program's log has them."""
    restored = [line for line in _lines(here, node) if line.get("message") == "state restored"]
    assert restored, "the program told of no state"
    assert restored[-1]["keys"] == keys
    return sum(float(line["seconds"]) for line in restored)


def _lines(here: Stand, node: str) -> Iterator[dict[str, Any]]:
    for line in (here.folder / f"{node}.log").read_text().splitlines():
        if line.startswith("{"):
            yield json.loads(line)

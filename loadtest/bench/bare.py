"""The barest reader, as a program: librdkafka's batches and a Polars decode, with the settings of our own reader.

    python -m loadtest.bench.bare SERVERS TOPIC RECORDS SCHEMA        → one JSON object: what it and its loop have cost

SCHEMA is a file: column → Polars type, by name. What is read is decoded and thrown away.
"""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
from confluent_kafka import Consumer, TopicPartition

from loadtest.bench.measure import collect_as_our_programs_do, now
from loadtest.bench.traffic import BATCH

PARTITIONS = 6
TYPES = {
    "String": pl.String(),
    "Int64": pl.Int64(),
    "Float64": pl.Float64(),
    "Datetime": pl.Datetime("us", "UTC"),
}
SETTINGS = {
    "enable.auto.commit": False,
    "auto.offset.reset": "earliest",
    "isolation.level": "read_committed",
    "fetch.queue.backoff.ms": 5,
    "fetch.message.max.bytes": 256 << 10,
    "queued.max.messages.kbytes": 32 << 10,
}


def read(servers: str, topic: str, records: int) -> Iterator[list[bytes]]:
    """The first `records` of the topic in batches as our reader makes them, full ones where it can."""
    consumer = Consumer(SETTINGS | {"bootstrap.servers": servers, "group.id": f"bare-{time.monotonic_ns()}"})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
    seen = 0
    while seen < records:
        messages = consumer.consume(min(BATCH, records - seen), 0.1)
        values = [value for message in messages if (value := message.value()) is not None]
        if values:
            yield values
        seen += len(values)
    consumer.close()


def main(servers: str, topic: str, records: int, types: dict[str, str]) -> None:
    schema = pl.Schema({name: TYPES[dtype] for name, dtype in types.items()})
    collect_as_our_programs_do()
    began = now()
    rows = sum(pl.read_ndjson(b"\n".join(values), schema=schema).height for values in read(servers, topic, records))
    loop = now() - began
    assert rows == records
    print(json.dumps({"wall": loop.wall, "cpu": loop.cpu, "whole": now().cpu}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), json.loads(Path(sys.argv[4]).read_text()))

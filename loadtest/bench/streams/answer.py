"""Whether what an engine has written is right: read as a consumer of committed records reads it, window by window."""

from dataclasses import dataclass

import polars as pl
from confluent_kafka import Consumer, KafkaError, TopicPartition

from loadtest.bench.bare import PARTITIONS
from loadtest.bench.streams.job import Load

KEY = ["account", "window_start"]
FIELDS = {"account": pl.String(), "window_start": pl.String(), "payments": pl.Int64(), "total": pl.Int64()}


class Wrong(Exception):
    """An engine's output is not the answer."""


@dataclass(frozen=True, slots=True)
class Output:
    """How many records were written for the windows, updates of one window counted one by one."""

    records: int


def check(servers: str, topic: str, load: Load, once: bool) -> Output:
    """Compare the topic with the answer.

    Engines that write a window whenever it has changed are folded: the last record of a window, in the order of its
    partition, is its value. An account's windows are always in one partition.

    Args:
        servers: the brokers.
        topic: what the engine has written.
        load: what it has read, and the answer.
        once: whether it promises to write each window once only.

    Raises:
        Wrong: a window is missing, is too many, has another count or sum, or stands twice against the promise.
    """
    written = _decoded(_values(servers, topic))
    written = written.filter(pl.col("window_start") < load.closes)
    folded = written.group_by(KEY).agg(pl.col("payments", "total").last())
    both = load.answer.join(folded, on=KEY, how="full", suffix="_found")
    differing = both.filter(
        pl.col("payments").ne_missing(pl.col("payments_found")) | pl.col("total").ne_missing(pl.col("total_found"))
    )
    if differing.height:
        raise Wrong(f"{topic}: {differing.height} of {load.answer.height} windows differ, such as\n{differing.head(5)}")
    if once and written.height != load.answer.height:
        raise Wrong(f"{topic}: {written.height} records for {load.answer.height} windows")
    return Output(written.height)


def _decoded(values: list[bytes]) -> pl.DataFrame:
    """Moments are told in ms since 1970 or as text."""
    as_number = bool(values) and b'"window_start":"' not in values[0].replace(b" ", b"")
    schema = FIELDS | ({"window_start": pl.Int64()} if as_number else {})
    rows = pl.read_ndjson(b"\n".join(values), schema=schema)
    start = pl.col("window_start")
    if as_number:
        return rows.with_columns(pl.from_epoch(start, "ms").dt.cast_time_unit("us").dt.replace_time_zone("UTC"))
    return rows.with_columns(start.str.head(19).str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="us", time_zone="UTC"))


def _values(servers: str, topic: str) -> list[bytes]:
    """All of the topic, each partition in its order."""
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": f"answer-{topic}",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "fetch.queue.backoff.ms": 5,
        }
    )
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
    values: list[bytes] = []
    at_end: set[int | None] = set()
    while len(at_end) < PARTITIONS:
        for message in consumer.consume(10_000, 1.0):
            error = message.error()
            if error is None:
                value = message.value()
                assert value is not None
                values.append(value)
            elif error.code() == KafkaError._PARTITION_EOF:
                at_end.add(message.partition())
            else:
                raise Wrong(f"{topic} cannot be read: {error.str()}")
    consumer.close()
    return values

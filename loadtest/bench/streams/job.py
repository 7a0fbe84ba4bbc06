"""The job: payments in a topic, counted and added up per account and minute, and what the right answer is."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl
from confluent_kafka import Producer

from loadtest.bench.bare import PARTITIONS
from loadtest.bench.stand import Stand
from loadtest.bench.traffic import LARGE
from mesoscale.contract.types import Contract

MINUTE = "1m"
GRACE = timedelta(seconds=5)  # payments come up to 2 s out of order
LONG = 3  # times as many records in the long topic as in the short one
DOCUMENT = """\
apiVersion: mesoscale.dev/v1alpha1
kind: WeatherPipeline
metadata: {{name: bench-streams}}
spec:
  sources:
    - {{name: payments, contract: transaction, synthetic: {{count: 1}}}}
    - {{name: long, contract: transaction, synthetic: {{count: 1}}}}
    - {{name: live, contract: transaction, synthetic: {{count: 1}}}}
    - {{name: used, contract: transaction, synthetic: {{count: 1}}}}
    - {{name: many, contract: transaction, synthetic: {{count: 1}}}}
  stages:
    - {{name: pass-on, from: live, use: forward}}
    - {{name: scores, from: used, use: fraud}}
    - {{name: alerts, from: scores, use: alerts}}
    - name: remember
      from: many
      window: {{size: 1d, by: [account], lateness: 1d, aggregates: [{{name: total, value: sum(amount)}}]}}
{stages}"""
STAGE = """\
    - name: {name}
      from: {source}
      window:
        size: 1m
        by: [account]
        lateness: 5s
        aggregates:
          - {{name: payments, value: count(*)}}
          - {{name: total, value: sum(amount)}}
"""


@dataclass(frozen=True, slots=True)
class Load:
    """A filled topic: `records` payments and one more in each partition that closes all windows.

    `answer` has `account`, `window_start`, `payments`, `total` for every window that is closed.
    """

    name: str
    topic: str
    records: int
    size: float  # bytes a record, on average
    closes: datetime  # event time of the records that close
    answer: pl.DataFrame


def document(runs: int) -> str:
    """A stage for each run and topic, as a group reads a topic once."""
    names = [(f"{source}-{run}", source) for run in range(runs) for source in ("payments", "long")]
    return DOCUMENT.format(stages="".join(STAGE.format(name=name, source=source) for name, source in names))


def fill(here: Stand, source: str, records: int) -> Load:
    """Put payments into the source's topic, then the ones that close."""
    edge = here.graph.edge(source)
    producer = Producer(
        {
            "bootstrap.servers": here.kafka.bootstrap_servers,
            "linger.ms": 20,
            "delivery.report.only.error": True,
            "enable.idempotence": True,
        }
    )
    size, parts, value = 0, [], b""
    for values, keys in LARGE.batches(edge.contract, records):
        for value, key in zip(values, keys, strict=True):
            producer.produce(edge.topic, value, key)
        size += sum(map(len, values))
        parts.append(_totals(_read(values, edge.contract)))
        assert producer.flush(60) == 0
    answer = pl.concat(parts).group_by("account", "window_start").agg(pl.col("payments", "total").sum())
    last = answer["window_start"].max()
    assert isinstance(last, datetime)
    closes = last + timedelta(minutes=5)
    for partition, closing in enumerate(_closing(value, closes)):
        producer.produce(edge.topic, closing, f"closing-{partition}", partition)
    assert producer.flush(60) == 0
    return Load(source, edge.topic, records, size / records, closes, answer)


def _read(values: list[bytes], contract: Contract) -> pl.DataFrame:
    """By Polars alone, so that what we check ours by is not ours."""
    assert {"account", "occurred_at", "amount"} <= {column.name for column in contract.columns}
    schema = {"account": pl.String(), "occurred_at": pl.Datetime("us", "UTC"), "amount": pl.Int64()}
    return pl.read_ndjson(b"\n".join(values), schema=schema)


def _totals(payments: pl.DataFrame) -> pl.DataFrame:
    minute = pl.col("occurred_at").dt.truncate(MINUTE).alias("window_start")
    return payments.group_by("account", minute).agg(
        pl.len().cast(pl.Int64).alias("payments"), pl.col("amount").sum().alias("total")
    )


def _closing(like: bytes, moment: datetime) -> Iterator[bytes]:
    """A payment for each partition, of an account that is nobody's."""
    for partition in range(PARTITIONS):
        changed = {
            "transaction_id": f"closing-{partition}",
            "account": f"closing-{partition}",
            "occurred_at": moment.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        }
        yield json.dumps(json.loads(like) | changed, separators=(",", ":")).encode()

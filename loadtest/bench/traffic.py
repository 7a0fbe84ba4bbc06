"""What is sent: payments under the shipped contract `transaction`, and smaller ones under a contract of the user's."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from loadtest.bench.measure import RUNS
from mesoscale.contract.catalogue import SHIPPED
from mesoscale.contract.types import Contract
from mesoscale.model.source import Synthetic
from mesoscale_streams.records import encode
from mesoscale_streams.records.decode import Decoder
from mesoscale_streams.sources.synthetic import Payments

BATCH = 10_000
PER_SECOND = 2000.0  # of event time: a million payments span eight minutes and a bit

_TRANSACTION = Decoder(SHIPPED["transaction"])
_LARGE = """\
apiVersion: mesoscale.dev/v1alpha1
kind: WeatherPipeline
metadata: {name: bench}
spec:
  sources:
    - {name: payments, contract: transaction, synthetic: {count: 1}}
    - {name: nothing, contract: transaction, synthetic: {count: 1}}
  sinks:
    - name: rows
      from: payments
      table: {partitionBy: {column: occurred_at, every: 1d}, indexes: [[account, occurred_at]]}
"""
_SMALL = """\
apiVersion: mesoscale.dev/v1alpha1
kind: WeatherPipeline
metadata: {name: bench-small}
spec:
  contracts:
    - name: payment
      columns:
        - {name: id, type: int64, min: 0}
        - {name: account, type: string, maxLength: 64}
        - {name: at_ms, type: int64, unit: ms since 1970, min: 0}
        - {name: amount, type: float64, min: 0, max: 1000000}
        - {name: currency, type: string, oneOf: [USD, CAD, MXN, BRL, GBP, EUR, PLN, SEK, ZAR, INR, JPY, AUD]}
        - {name: merchant, type: string, maxLength: 64}
        - {name: latitude, type: float64, min: -90, max: 90}
        - {name: longitude, type: float64, min: -180, max: 180}
      key: [account]
      identity: [id]
  sources:
    - {name: payments, contract: payment, replay: {file: payments.ndjson}}
    - {name: nothing, contract: payment, replay: {file: nothing.ndjson}}
"""
# A stage for each run, as a group reads a topic once; and one that has nothing to read.
_STAGES = "  stages:\n    - {name: idle, from: nothing, use: forward}\n" + "".join(
    f"    - {{name: pass-{number}, from: payments, use: forward}}\n" for number in range(1, RUNS + 1)
)


@dataclass(frozen=True, slots=True)
class Traffic:
    """A document and the records that are put into the topic of its source `payments` from here."""

    name: str
    document: str
    small: bool

    def batches(self, contract: Contract, records: int) -> Iterator[tuple[list[bytes], list[bytes | None]]]:
        """Values and keys, BATCH at a time; the same ones in every run."""
        for number, values in enumerate(payments(records)):
            frame = _TRANSACTION.decode(values).frame
            if self.small:
                frame = _smaller(frame, number * BATCH)
                values = encode.encode(frame)
            yield values, encode.keys(frame, contract)


def payments(records: int) -> Iterator[list[bytes]]:
    """Payments as the synthetic source gives them."""
    section = Synthetic(per_second=PER_SECOND, seed=7, count=records, start="2024-03-01T00:00:00Z")
    waiting: list[bytes] = []
    for batch in Payments(section, datetime(2024, 3, 1, tzinfo=UTC)).batches(None, BATCH):
        waiting += batch.values
        while len(waiting) >= BATCH:
            yield waiting[:BATCH]
            waiting = waiting[BATCH:]
    if waiting:
        yield waiting


def _smaller(frame: pl.DataFrame, first: int) -> pl.DataFrame:
    """The eight columns of the user's contract."""
    return frame.select(
        pl.int_range(first, first + frame.height, dtype=pl.Int64).alias("id"),
        "account",
        pl.col("occurred_at").dt.epoch("ms").alias("at_ms"),
        (pl.col("amount") / 100).alias("amount"),
        "currency",
        pl.col("merchant").str.replace("merchant", "shop", literal=True),
        pl.col("latitude").round(4),
        pl.col("longitude").round(4),
    )


LARGE = Traffic("transaction, 12 columns", _LARGE + _STAGES, small=False)
SMALL = Traffic("payment, 8 columns", _SMALL + _STAGES, small=True)

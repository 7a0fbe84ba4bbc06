"""The parts between two hops, each alone: microseconds of processor for a record, in batches as programs have them."""

from collections.abc import Callable
from typing import Any

import polars as pl

from loadtest.bench.measure import RUNS, Figure, collect_as_our_programs_do, now
from loadtest.bench.traffic import BATCH, payments
from mesoscale.contract.catalogue import SHIPPED
from mesoscale_streams.records import encode
from mesoscale_streams.records.decode import Decoder
from mesoscale_streams.records.schema import polars_schema, wire_schema
from mesoscale_streams.sinks import copy_binary

BATCHES = 10
POISON = b'{"transaction_id":"x","account":7}'  # a number where a text belongs


def measure(_: int) -> list[Figure]:
    """All parts in turn, RUNS times, over BATCHES batches of payments."""
    contract = SHIPPED["transaction"]
    decoder = Decoder(contract)
    typed, text = polars_schema(contract), wire_schema(contract)
    clean = list(payments(BATCH * BATCHES))
    hundredth = [[POISON if index % 100 == 50 else value for index, value in enumerate(values)] for values in clean]
    frames = [decoder.decode(values).frame for values in clean]
    parts: dict[str, tuple[Callable[[Any], object], list[Any]]] = {
        "bare read_ndjson": (lambda values: pl.read_ndjson(b"\n".join(values), schema=typed), clean),
        "bare read_ndjson, times left as text": (lambda values: pl.read_ndjson(b"\n".join(values), schema=text), clean),
        "decode and check": (decoder.decode, clean),
        "decode and check, 1 % poison": (decoder.decode, hundredth),
        "decode and check, all poison": (decoder.decode, [[POISON] * BATCH] * 2),
        "encode as JSON": (encode.encode, frames),
        "keys": (lambda frame: encode.keys(frame, contract), frames),
        "encode for COPY": (copy_binary.encode, frames),
        "generate payments": (lambda records: list(payments(records)), [BATCH * BATCHES]),
    }
    collect_as_our_programs_do()
    costs: dict[str, list[float]] = {what: [] for what in parts}
    for run in range(RUNS + 1):
        for what, (call, inputs) in parts.items():
            began = now()
            for one in inputs:
                call(one)
            records = sum(one if isinstance(one, int) else len(one) for one in inputs)
            if run:  # the first one warms caches and threads up
                costs[what].append((now() - began).cpu / records * 1e6)
    size = sum(map(len, clean[0])) / BATCH
    detail = {"records": BATCH * BATCHES, "record bytes": round(size), "batch": BATCH, "contract": contract.label}
    return [Figure(what, "µs/record", runs, detail) for what, runs in costs.items()]

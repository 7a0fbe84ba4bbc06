"""Kafka → Kafka: the real program of a stage that forwards, beside the barest reader of the same topic.

The stage checks the contract, writes every record on and commits both in transactions; the reader only decodes. CPU is
that of the program alone: cold from its start to the last committed offset, marginal without what its start costs.
"""

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

import polars as pl
from confluent_kafka import KafkaException

from loadtest.bench.bare import PARTITIONS
from loadtest.bench.measure import RUNS, Figure, Spent, process_cpu, resident_mib
from loadtest.bench.stand import Stand, services, stand, wait
from loadtest.bench.traffic import BATCH, LARGE, SMALL, Traffic
from mesoscale import naming
from mesoscale_streams.kafka.groups import Groups
from mesoscale_streams.records.schema import polars_schema, wire_schema


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of a program has cost, `whole` with its start and `loop` without; MiB at its end."""

    whole: Spent
    loop: Spent
    resident: float = 0.0


def bare(here: Stand, records: int, schema: pl.Schema) -> Run:
    """`bare.py` on the topic."""
    types = here.folder / "types.json"
    types.write_text(json.dumps({name: str(dtype.base_type()) for name, dtype in schema.items()}))
    began = time.monotonic()
    program = [sys.executable, "-m", "loadtest.bench.bare", here.kafka.bootstrap_servers, here.topic]
    told = subprocess.run([*program, str(records), str(types)], capture_output=True, check=True, text=True).stdout
    cost = json.loads(told)
    return Run(Spent(time.monotonic() - began, cost["whole"]), Spent(cost["wall"], cost["cpu"]))


def stage(here: Stand, node: str, records: int, start: Spent) -> Run:
    """The program of a stage that has not run yet, until it has committed everything."""
    groups, group = Groups(here.kafka), naming.group(here.graph.pipeline.name, node)

    def committed() -> bool:
        try:
            entries = groups.read(group, here.topic, PARTITIONS).values()
        except KafkaException:  # the group's coordinator may not be chosen yet
            return False
        return sum(counts.read for _, counts in entries) >= records

    began = time.monotonic()
    with here.running(node) as process:
        wait(committed, process)
        whole = Spent(time.monotonic() - began, process_cpu(process.pid))
        resident = resident_mib(process.pid)
    groups.close()
    return Run(whole, whole - start, resident)


def start(here: Stand, node: str) -> Spent:
    """The program of a stage that has nothing to read, until it has its partitions."""
    began = time.monotonic()
    with here.running(node) as process:
        wait(lambda: here.is_ready(node), process)
        return Spent(time.monotonic() - began, process_cpu(process.pid))


def measure(records: int) -> list[Figure]:
    """Both kinds of records."""
    figures: list[Figure] = []
    with services() as bound:
        for traffic in (LARGE, SMALL):
            with stand(traffic, bound) as here:
                figures += _side_by_side(here, traffic, records)
    return figures


def _side_by_side(here: Stand, traffic: Traffic, records: int) -> list[Figure]:
    """In turn: the bare reader as the contract has it, the same with times left as text, and our stage."""
    size = here.fill(traffic, records)
    typed, text = polars_schema(here.contract), wire_schema(here.contract)
    starts = [start(here, "idle") for _ in range(RUNS)]
    starting = sorted(starts, key=lambda spent: spent.cpu)[RUNS // 2]
    bares, texts, stages = [], [], []
    for number in range(1, RUNS + 1):
        print(f"Kafka → Kafka, {traffic.name}: run {number} of {RUNS}", flush=True)
        bares.append(bare(here, records, typed))
        if text != typed:
            texts.append(bare(here, records, text))
        stages.append(stage(here, f"pass-{number}", records, starting))
    detail = {"records": records, "record bytes": round(size), "partitions": PARTITIONS, "batch": BATCH}
    return _figures(traffic.name, records, bares, texts, stages, starts, detail)


def _figures(
    name: str, records: int, bares: list[Run], texts: list[Run], stages: list[Run], starts: list[Spent], detail: Any
) -> list[Figure]:
    def rates(what: str, runs: list[Run]) -> list[Figure]:
        loop = [records / run.loop.cpu for run in runs]
        whole = [records / run.whole.cpu for run in runs]
        clock = [records / run.whole.wall for run in runs]
        return [
            Figure(f"{name}: {what}", "records/CPU-s", loop, detail),
            Figure(f"{name}: {what}, with its start", "records/CPU-s", whole, detail),
            Figure(f"{name}: {what}, by the clock with its start", "records/s", clock, detail),
        ]

    def ratio(what: str, others: list[Run]) -> Figure:
        shares = [other.loop.cpu / ours.loop.cpu for other, ours in zip(others, stages, strict=True)]
        return Figure(f"{name}: stage ÷ {what}", "ratio", shares, detail)

    figures = [*rates("bare read + decode", bares), *rates("stage", stages), ratio("bare", bares)]
    if texts:
        figures += [*rates("bare read + decode, times left as text", texts), ratio("bare, times left as text", texts)]
    return [
        *figures,
        Figure(f"{name}: start of a stage", "CPU-s", [spent.cpu for spent in starts], detail),
        Figure(f"{name}: start of a stage, by the clock", "s", [spent.wall for spent in starts], detail),
        Figure(f"{name}: stage, resident at its end", "MiB", [run.resident for run in stages], detail),
    ]

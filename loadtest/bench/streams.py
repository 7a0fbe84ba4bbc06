"""Kafka → Kafka and Kafka → PostgreSQL: our own programs beside the barest ones that do the same work."""

import gc
import itertools
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import polars as pl
import psycopg
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from loadtest.bench.measure import RUNS, Figure, Spent, process_cpu, resident_mib, spend
from loadtest.bench.stand import Stand, services, stand
from mesoscale.bindings import Bindings
from mesoscale.contract.types import Contract
from mesoscale.model.source import Synthetic
from mesoscale_local.services import postgres
from mesoscale_streams.ledger_reader import LedgerReader
from mesoscale_streams.records.decode import Decoder
from mesoscale_streams.records.schema import polars_schema
from mesoscale_streams.sinks import copy_binary
from mesoscale_streams.sinks.table import TableWriter
from mesoscale_streams.sources.synthetic import Payments

RECORDS = 500_000
ROWS = 300_000
BATCH = 10_000
PATIENCE = 300.0  # seconds for one run

DOCUMENT = """\
apiVersion: mesoscale.dev/v1alpha1
kind: WeatherPipeline
metadata: {{name: {name}}}
spec:
  sources: [{{name: payments, contract: transaction, synthetic: {{count: 1}}}}]
  stages: [{{name: pass, from: payments, use: forward}}]
  sinks:
    - name: rows
      from: payments
      table: {{partitionBy: {{column: occurred_at, every: 1d}}, indexes: [[account, occurred_at]]}}
"""


def made(records: int) -> Iterator[list[bytes]]:
    """Payments as the source gives them, at 2,000 a second of event time."""
    section = Synthetic(per_second=2000, seed=7, count=records, start="2024-03-01T00:00:00Z")
    for batch in Payments(section, datetime(2024, 3, 1, tzinfo=UTC)).batches(None, BATCH):
        yield batch.values


def fill(stand: Stand, records: int) -> float:
    """Put payments into the topic. Returns their mean size in bytes."""
    kafka = stand.bindings.kafka
    assert kafka is not None
    contract = stand.graph.edge("payments").contract
    decoder, size = Decoder(contract), 0
    producer = Producer(
        {"bootstrap.servers": kafka.bootstrap_servers, "linger.ms": 20, "delivery.report.only.error": True}
    )
    for values in made(records):
        accounts = decoder.decode(values).frame["account"]
        for value, account in zip(values, accounts, strict=True):
            producer.produce("bench.payments", value, account.encode())
            size += len(value)
        producer.flush()
    return size / records


def bare_read(bindings: Bindings, contract: Contract, records: int) -> Spent:
    """librdkafka and a Polars decode, nothing else; the reader's settings are ours."""
    assert bindings.kafka is not None
    consumer = Consumer(
        {
            "bootstrap.servers": bindings.kafka.bootstrap_servers,
            "group.id": f"bare-{time.monotonic_ns()}",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "fetch.queue.backoff.ms": 5,
            "queued.max.messages.kbytes": 32 << 10,
        }
    )
    consumer.assign([TopicPartition("bench.payments", partition, 0) for partition in range(6)])
    schema = polars_schema(contract)

    def run() -> None:
        seen = 0
        while seen < records:
            messages = consumer.consume(BATCH, 0.1)
            values = [value for message in messages if (value := message.value()) is not None]
            if values:
                assert pl.read_ndjson(b"\n".join(values), schema=schema).height == len(values)
            seen += len(values)

    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 20)
    spent = spend(run)
    consumer.close()
    return spent


def our_stage(stand: Stand, name: str, records: int) -> tuple[Spent, float]:
    """The program of the node from its start to its last commit. Returns also its memory at the end, in MiB."""
    reader = LedgerReader(stand.graph, stand.bindings)
    began = time.monotonic()
    process = stand.start(name)
    try:
        while reader.read().nodes[name].read < records:
            assert process.poll() is None, (stand.folder / f"{name}.log").read_text()[-2000:]
            assert time.monotonic() - began < PATIENCE
            time.sleep(0.02)
        return Spent(time.monotonic() - began, process_cpu(process.pid)), resident_mib(process.pid)
    finally:
        process.terminate()
        process.wait(30)
        reader.close()


def startup(stand: Stand, name: str) -> Spent:
    """The program of the node from its start to being ready, with nothing to read."""
    began = time.monotonic()
    process = stand.start(name)
    while not (stand.folder / f"{name}.json").exists():
        time.sleep(0.01)
    time.sleep(3)
    cpu = process_cpu(process.pid)
    process.terminate()
    process.wait(30)
    (stand.folder / f"{name}.json").unlink()
    return Spent(time.monotonic() - began, cpu)


def rewind(stand: Stand, group: str) -> None:
    """Let the group start from the beginning again."""
    assert stand.bindings.kafka is not None
    admin = AdminClient({"bootstrap.servers": stand.bindings.kafka.bootstrap_servers})
    for _ in range(100):
        [answer] = admin.delete_consumer_groups([group]).values()
        error = answer.exception()
        if error is None or "GROUP_ID_NOT_FOUND" in str(error):
            return
        time.sleep(0.2)
    raise AssertionError(f"group {group} cannot be deleted: {error}")


def empty(stand: Stand) -> None:
    """Take away the sink's rows and positions."""
    with connection(stand) as open_one:
        open_one.execute("TRUNCATE bench.rows")
        open_one.execute("DELETE FROM bench.meso_positions")


def connection(stand: Stand) -> psycopg.Connection:
    assert stand.bindings.postgresql is not None
    return postgres.connect(stand.bindings.postgresql)


def bare_copy(stand: Stand) -> Spent:
    """Binary COPY of batches that are encoded already, a transaction each, into the same table."""
    contract = stand.graph.edge("payments").contract
    [table] = stand.plan.tables
    decoder = Decoder(contract)
    batches = list(itertools.islice(made(ROWS), ROWS // BATCH))
    frames = [decoder.decode(values).frame for values in batches]
    streams = [copy_binary.encode(frame) for frame in frames]
    with connection(stand) as writing:
        writer = TableWriter(table, contract)
        for frame in frames:
            writer.make_partitions(writing, frame)
        writing.commit()
        columns = ", ".join(column.name for column in contract.columns)

        def run() -> None:
            for stream in streams:
                statement = f"COPY bench.rows ({columns}) FROM STDIN (FORMAT binary)"
                with writing.cursor() as cursor, cursor.copy(statement.encode()) as copy:
                    copy.write(stream)
                writing.commit()

        return spend(run)


def measure() -> list[Figure]:
    """Both hops, side by side, in turn."""
    figures: list[Figure] = []
    with services() as bindings, stand(DOCUMENT.format(name="bench"), bindings) as here:
        contract = here.graph.edge("payments").contract
        size = fill(here, RECORDS)
        starting = [startup(here, "pass") for _ in range(3)]
        idle = sorted(spent.cpu for spent in starting)[1]
        bare, ours, memory = [], [], []
        for number in range(RUNS):
            print(f"Kafka → Kafka, run {number + 1} of {RUNS}", flush=True)
            bare.append(bare_read(bindings, contract, RECORDS))
            rewind(here, "bench.pass")
            spent, resident = our_stage(here, "pass", RECORDS)
            ours.append(spent)
            memory.append(resident)
        detail = {"records": RECORDS, "record bytes": round(size), "partitions": 6, "batch": BATCH}
        cpu_s = "records/CPU-s"
        figures += [
            Figure("bare librdkafka read + Polars decode", cpu_s, [RECORDS / one.cpu for one in bare], detail),
            Figure("bare read + decode, by the clock", "records/s", [RECORDS / one.wall for one in bare], detail),
            Figure("stage forward, cold", cpu_s, [RECORDS / one.cpu for one in ours], detail),
            Figure("stage forward, without its start", cpu_s, [RECORDS / (one.cpu - idle) for one in ours], detail),
            Figure("stage forward, by the clock", "records/s", [RECORDS / one.wall for one in ours], detail),
            Figure("stage start", "CPU-s", [one.cpu for one in starting], detail),
            Figure(
                "stage forward ÷ bare, without its start",
                "ratio",
                [(b.cpu / (o.cpu - idle)) for b, o in zip(bare, ours, strict=True)],
                detail,
            ),
            Figure("stage forward, resident", "MiB", memory, detail),
        ]
        figures += sink_figures(here)
    return figures


def sink_figures(here: Stand) -> list[Figure]:
    """Kafka → PostgreSQL; the sink reads the first ROWS of the topic's records in each run."""
    bare, ours = [], []
    detail = {"rows": ROWS, "batch": BATCH, "table": "primary key, one index, partitions by day"}
    for number in range(RUNS):
        print(f"Kafka → PostgreSQL, run {number + 1} of {RUNS}", flush=True)
        empty(here)
        bare.append(bare_copy(here))
        empty(here)
        ours.append(our_sink(here))
    return [
        Figure("bare binary COPY", "rows/s", [ROWS / one.wall for one in bare], detail),
        Figure("table sink, from its first row", "rows/s", [rate for rate, _ in ours], detail),
        Figure("table sink, CPU", "rows/CPU-s", [rate for _, rate in ours], detail),
        Figure(
            "table sink ÷ bare COPY",
            "ratio",
            [rate / (ROWS / one.wall) for (rate, _), one in zip(ours, bare, strict=True)],
            detail,
        ),
    ]


def our_sink(here: Stand) -> tuple[float, float]:
    """Rows per second and per CPU-second between the first commit and the first one at or after ROWS."""
    with connection(here) as watching:
        watching.autocommit = True

        def accepted() -> int:
            row = watching.execute("SELECT coalesce(sum(accepted), 0)::bigint FROM bench.meso_positions").fetchone()
            return int(row[0]) if row else 0

        process = here.start("rows")
        try:
            deadline = time.monotonic() + PATIENCE
            while (first := accepted()) == 0:
                assert time.monotonic() < deadline
                time.sleep(0.005)
            began, cpu = time.monotonic(), process_cpu(process.pid)
            while (last := accepted()) < ROWS:
                assert time.monotonic() < deadline
                time.sleep(0.005)
            seconds = time.monotonic() - began
            return (last - first) / seconds, (last - first) / (process_cpu(process.pid) - cpu)
        finally:
            process.terminate()
            process.wait(30)

"""Kafka → PostgreSQL, exactly once: the real program of a table sink, beside a bare binary COPY into the same table.

The bare one has its batches read, decoded and encoded before its clock starts; its batches are cut as the sink's are,
a transaction each. The sink's clock runs from its first commit, so its start is not in it.
"""

import time

import psycopg

from loadtest.bench import bare
from loadtest.bench.measure import RUNS, Figure, process_cpu
from loadtest.bench.stand import Stand, services, stand, wait
from loadtest.bench.traffic import BATCH, LARGE
from mesoscale_local.services import postgres
from mesoscale_streams.records.decode import Decoder
from mesoscale_streams.sinks import copy_binary
from mesoscale_streams.sinks.table import TableWriter

SINK = "rows"


def measure(records: int) -> list[Figure]:
    """In turn, each into the empty table; half of the records are enough for a steady state."""
    rows = records // 2
    with services() as bound, stand(LARGE, bound) as here:
        size = here.fill(LARGE, rows)
        streams = encoded(here, rows)
        copies, sinks, rates = [], [], []
        for number in range(1, RUNS + 1):
            print(f"Kafka → PostgreSQL: run {number} of {RUNS}", flush=True)
            empty(here)
            copies.append(rows / bare_copy(here, streams))
            empty(here)
            rate, per_cpu = table_sink(here, rows)
            sinks.append(rate)
            rates.append(per_cpu)
    detail = {
        "records": rows,
        "record bytes": round(size),
        "batch": BATCH,
        "table": "primary key, one index, partitions by day",
    }
    return [
        Figure("bare binary COPY", "rows/s", copies, detail),
        Figure("table sink, from its first commit", "rows/s", sinks, detail),
        Figure("table sink ÷ bare COPY", "ratio", [s / c for s, c in zip(sinks, copies, strict=True)], detail),
        Figure("table sink, its own CPU", "rows/CPU-s", rates, detail),
    ]


def connection(here: Stand) -> psycopg.Connection:
    return postgres.connect(here.postgresql)


def empty(here: Stand) -> None:
    """Take away the sink's rows and positions, and leave the server no work from before."""
    with connection(here) as opened:
        opened.execute(f'TRUNCATE "{here.schema}"."{SINK}"'.encode())
        opened.execute(f'DELETE FROM "{here.schema}".meso_positions'.encode())
        opened.commit()
        opened.autocommit = True
        opened.execute("CHECKPOINT")


def encoded(here: Stand, rows: int) -> list[bytes]:
    """What is in the topic as COPY streams; makes the table partitions for it too."""
    [table] = here.plan.tables
    decoder, writer, streams = Decoder(here.contract), TableWriter(table, here.contract), []
    with connection(here) as opened:
        for values in bare.read(here.kafka.bootstrap_servers, here.topic, rows):
            frame = decoder.decode(values).frame
            writer.make_partitions(opened, frame)
            opened.commit()
            streams.append(copy_binary.encode(frame))
    return streams


def bare_copy(here: Stand, streams: list[bytes]) -> float:
    """Seconds for all streams, a transaction each."""
    columns = ", ".join(f'"{column.name}"' for column in here.contract.columns)
    statement = f'COPY "{here.schema}"."{SINK}" ({columns}) FROM STDIN (FORMAT binary)'.encode()
    with connection(here) as opened:
        began = time.monotonic()
        for stream in streams:
            with opened.cursor() as cursor, cursor.copy(statement) as copy:
                copy.write(stream)
            opened.commit()
        return time.monotonic() - began


def table_sink(here: Stand, rows: int) -> tuple[float, float]:
    """Rows a second and a CPU-second between the first commit and the last."""
    query = f'SELECT coalesce(sum(accepted), 0)::bigint FROM "{here.schema}".meso_positions'.encode()
    with connection(here) as watching, here.running(SINK) as process:
        watching.autocommit = True

        def accepted() -> int:
            row = watching.execute(query).fetchone()
            return int(row[0]) if row else 0

        wait(lambda: accepted() > 0, process, pause=0.005)
        first, began, cpu = accepted(), time.monotonic(), process_cpu(process.pid)
        wait(lambda: accepted() >= rows, process, pause=0.01)
        seconds, used = time.monotonic() - began, process_cpu(process.pid) - cpu
        return (rows - first) / seconds, (rows - first) / used

"""From a producer's stamp to the hands of a consumer of committed records, through one stage at a steady rate."""

import json
import statistics
import threading
import time
from itertools import chain

from confluent_kafka import Consumer, Producer, TopicPartition

from loadtest.bench.bare import PARTITIONS
from loadtest.bench.measure import Figure
from loadtest.bench.stand import Stand, wait
from loadtest.bench.traffic import payments
from mesoscale_streams.records import encode
from mesoscale_streams.records.decode import Decoder

RATE = 2000  # records a second
SECONDS = 15  # of each run
WARM = 5  # seconds before the first one
TICK = 0.001  # seconds between two looks at what is due
PATIENCE = 20.0  # seconds for the last record

Stamps = dict[str, float]  # transaction → when, by the clock of this process


def measure(here: Stand, source: str, node: str, runs: int) -> list[Figure]:
    """`runs` stretches, one after the other, through the running stage `node` that reads what `source` writes."""
    sent: list[Stamps] = [{} for _ in range(runs + 1)]
    received: Stamps = {}
    stop = threading.Event()
    with here.running(node) as process:
        wait(lambda: here.is_ready(node), process)
        reader = threading.Thread(target=_read, args=(here, here.graph.edge(node).topic, received, stop))
        reader.start()
        try:
            _send(here, source, sent)
            _await_last(sent, received)
        finally:
            stop.set()
            reader.join()
    return _figures(node, sent[1:], received)


def _send(here: Stand, source: str, sent: list[Stamps]) -> None:
    """Each record when it is due; stamped before it is handed to the client."""
    edge = here.graph.edge(source)
    producer = Producer(
        {"bootstrap.servers": here.kafka.bootstrap_servers, "linger.ms": 0, "delivery.report.only.error": True}
    )
    counts = [WARM * RATE] + [SECONDS * RATE] * (len(sent) - 1)
    values = list(chain.from_iterable(payments(sum(counts))))
    keys = encode.keys(Decoder(edge.contract).decode(values).frame, edge.contract)
    names = [json.loads(value)["transaction_id"] for value in values]
    began, number = time.monotonic(), 0
    for stamps, count in zip(sent, counts, strict=True):
        last = number + count
        while number < last:
            due = min(last, int((time.monotonic() - began) * RATE))
            for index in range(number, due):
                stamps[names[index]] = time.monotonic()
                producer.produce(edge.topic, values[index], keys[index])
            number = max(number, due)
            producer.poll(0)  # what it has delivered it keeps until it is asked
            time.sleep(TICK)
    assert producer.flush(30) == 0


def _read(here: Stand, topic: str, received: Stamps, stop: threading.Event) -> None:
    consumer = Consumer(
        {
            "bootstrap.servers": here.kafka.bootstrap_servers,
            "group.id": f"latency-{topic}",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "fetch.queue.backoff.ms": 5,
        }
    )
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
    while not stop.is_set():
        message = consumer.poll(0.1)
        if message is not None and message.error() is None:
            now, value = time.monotonic(), message.value()
            assert value is not None
            received[json.loads(value)["transaction_id"]] = now
    consumer.close()


def _await_last(sent: list[Stamps], received: Stamps) -> None:
    wanted, deadline = sum(map(len, sent)), time.monotonic() + PATIENCE
    while len(received) < wanted:
        assert time.monotonic() < deadline, f"{wanted - len(received)} of {wanted} records never came"
        time.sleep(0.1)


def _figures(node: str, sent: list[Stamps], received: Stamps) -> list[Figure]:
    milliseconds = [sorted((received[name] - stamp) * 1000 for name, stamp in stamps.items()) for stamps in sent]
    detail = {"records": SECONDS * RATE, "a second": RATE, "partitions": PARTITIONS}
    middle = [statistics.median(run) for run in milliseconds]
    near_worst = [run[int(len(run) * 0.99)] for run in milliseconds]
    what = f"record to record through the stage {node} at {RATE:,} a second"
    return [Figure(f"{what}, p50", "ms", middle, detail), Figure(f"{what}, p99", "ms", near_worst, detail)]

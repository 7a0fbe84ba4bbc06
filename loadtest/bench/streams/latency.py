"""From a producer's stamp to the hands of a consumer of committed records, at a steady rate.

Through one stage that passes records on; and through the two that score payments and let those through that look like
fraud, which come out as alerts.
"""

import json
import statistics
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import chain

from confluent_kafka import Consumer, Producer, TopicPartition

from loadtest.bench.bare import PARTITIONS
from loadtest.bench.measure import Figure
from loadtest.bench.stand import Stand, wait
from loadtest.bench.traffic import PER_SECOND, payments
from mesoscale_models import artefact
from mesoscale_models.training import fraud
from mesoscale_models.training import payments as learning
from mesoscale_streams.records import encode
from mesoscale_streams.records.decode import Decoder

RATE = 2000  # records a second
SECONDS = 15  # of each run
WARM = 5  # seconds before the first one
TICK = 0.001  # seconds between two looks at what is due
SETTLED = 5.0  # seconds in which nothing more comes
LEARNT_FROM = 300_000  # payments
SEED = 7

Stamps = dict[str, float]  # transaction → when, by the clock of this process


def of_records(here: Stand, source: str, node: str, runs: int) -> list[Figure]:
    """`runs` stretches, one after the other, through the running stage `node` that reads what `source` writes."""
    sent, received = _through(here, source, {node: ()}, runs)
    missing = sum(map(len, sent)) - len(received)
    assert missing == 0, f"{missing} records never came"
    return _figures(f"record to record through the stage {node}", sent[1:], received)


def of_alerts(here: Stand, source: str, scores: str, alerts: str, runs: int) -> list[Figure]:
    """From payments of `source` to the alerts of the stage `alerts`, which reads the stage `scores`."""
    home = here.folder / "learnt"
    taught = learning.make(LEARNT_FROM, SEED, ["--per-second", str(PER_SECOND)])
    fraud.train(taught, home, fraud.Settings(seed=SEED), lambda _: None)
    stages: dict[str, tuple[str, ...]] = {scores: ("--models", str(home / artefact.MODELS)), alerts: ()}
    sent, received = _through(here, source, stages, runs)
    return _figures("payment to alert through the stages scores and alerts", sent[1:], received)


def _through(here: Stand, source: str, stages: Mapping[str, Sequence[str]], runs: int) -> tuple[list[Stamps], Stamps]:
    """When each record was sent, by stretch, and when what came of it out of the last stage was there."""
    sent: list[Stamps] = [{} for _ in range(runs + 1)]
    received: Stamps = {}
    stop, last = threading.Event(), list(stages)[-1]
    with ExitStack() as programs:
        for node, more in stages.items():
            process = programs.enter_context(here.running(node, *more))
            wait(partial(here.is_ready, node), process)
        reader = threading.Thread(target=_read, args=(here, here.graph.edge(last).topic, received, stop))
        reader.start()
        try:
            _send(here, source, sent)
            _await_last(received)
        finally:
            stop.set()
            reader.join()
    return sent, received


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


def _await_last(received: Stamps) -> None:
    before = -1
    while len(received) > before:
        before = len(received)
        time.sleep(SETTLED)


def _figures(through: str, sent: list[Stamps], received: Stamps) -> list[Figure]:
    milliseconds = [
        sorted((received[name] - stamp) * 1000 for name, stamp in stamps.items() if name in received) for stamps in sent
    ]
    came = sum(map(len, milliseconds)) // len(sent)
    detail = {"records": SECONDS * RATE, "came out": came, "a second": RATE, "partitions": PARTITIONS}
    middle = [statistics.median(run) for run in milliseconds]
    near_worst = [run[int(len(run) * 0.99)] for run in milliseconds]
    what = f"{through} at {RATE:,} a second"
    return [Figure(f"{what}, p50", "ms", middle, detail), Figure(f"{what}, p99", "ms", near_worst, detail)]

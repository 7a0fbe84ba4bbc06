"""A sink that calls: each record of a topic is sent to a receiver, at least once, under an id that never changes.

1. Call, many at once; 2. in one transaction: dead letters of what was refused, records that wait to be sent again, the
group's offsets with their counts. A kill between the two sends records a second time, and the receiver knows them by
their id. What cannot be delivered now waits in a topic, so nothing waits behind it.
"""

import random
import threading
import time
from collections.abc import Mapping
from typing import Any

from mesoscale import naming, units
from mesoscale.bindings import Webhook
from mesoscale.errors import Reason
from mesoscale.model.sink import Sink
from mesoscale_streams import loop
from mesoscale_streams.environment import Environment
from mesoscale_streams.kafka.group_offsets import GroupOffsets
from mesoscale_streams.kafka.outlet import TopicOutlet
from mesoscale_streams.kafka.partly import PartlyReader, split
from mesoscale_streams.kafka.reader import GroupReader, TopicBatch
from mesoscale_streams.kafka.retrying import Retrier, RetryingReader
from mesoscale_streams.kafka.writer import TransactionalWriter
from mesoscale_streams.metrics import CallMetrics, NodeMetrics
from mesoscale_streams.probes import Health
from mesoscale_streams.process import Process
from mesoscale_streams.records.decode import Decoded
from mesoscale_streams.sinks import signing
from mesoscale_streams.sinks.answers import Answer
from mesoscale_streams.sinks.receiver import Call, Receiver
from mesoscale_streams.stages.forward import forward
from mesoscale_streams.stages.step import Again, StepResult
from mesoscale_streams.stages.waits import Waits
from mesoscale_streams.work import Work

LEAST_WAIT = 1.0  # seconds, whatever a receiver asks for
SPREAD = (0.5, 1.5)  # of a wait, so that what was refused at once does not come back at once


def run(environment: Environment, section: Sink, health: Health, stop: threading.Event) -> None:
    """Run it until `stop` is set.

    Raises:
        ServiceUnavailable: the secret is not bound, or does not say where the receiver is.
    """
    assert section.webhook is not None
    pipeline, kafka = environment.pipeline, environment.bindings.demand_kafka(section.name)
    metrics, hook = NodeMetrics(pipeline, section.name), section.webhook
    incoming = environment.graph.edge(section.from_)
    bound = environment.bindings.demand_webhook(section.name, hook.secret, hook.url)
    writer = TransactionalWriter(kafka, naming.transactional_id(pipeline, section.name, environment.instance))
    offsets, retry_topic = GroupOffsets(incoming.topic), naming.retry_topic(pipeline, section.name)
    waits = Waits.of(hook.retries, lambda: random.uniform(*SPREAD))
    process = Process(section.name, incoming.contract, None, forward, waits, blame=Reason.CALL_REFUSED)
    reader = GroupReader(
        kafka,
        group=naming.group(pipeline, section.name),
        node=section.name,
        instance=environment.instance,
        topic=incoming.topic,
        restore=offsets.restore,
        settle=lambda: None,
        on_rebalance=metrics.rebalanced,
    )
    inlet = PartlyReader(RetryingReader(reader, Retrier(kafka, writer, topic=retry_topic, back_to=incoming.topic)))

    def mark(work: Work) -> None:
        writer.write_waiting(retry_topic, work.waiting)
        writer.write_offsets(offsets.after(work), reader.group_metadata())

    def advance(work: Work) -> None:
        offsets.advance(work)
        inlet.done(work.batch)
        metrics.wait(len(work.waiting))
        metrics.lags(incoming.topic, reader.lags())

    outlet = TopicOutlet(
        writer=writer,
        topic="",
        dead_letter_topic=incoming.dead_letter_topic,
        mark=mark,
        advance=advance,
        metrics=metrics,
    )
    receiver = Receiver(bound.url, units.seconds(hook.timeout), hook.concurrency, bound.ca)
    deliver = Delivery(process, receiver, bound, CallMetrics(pipeline, section.name), stop)
    loop.run(inlet, deliver, outlet, metrics, health, stop)
    inlet.close()
    outlet.close()


class Delivery:
    """Batch → work: calls for the records that keep their contract, and what became of them."""

    def __init__(
        self, process: Process, receiver: Receiver, bound: Webhook, metrics: CallMetrics, stop: threading.Event
    ) -> None:
        self._process = process
        self._receiver = receiver
        self._keys = bound.keys
        self._metrics = metrics
        self._stop = stop

    def __call__(self, batch: TopicBatch) -> Work:
        """The work of the batch, or of its beginning where not all of it could be sent in a moment."""
        decoded = self._process.decode(batch)
        indices = range(len(batch.messages)) if decoded.accepted is None else decoded.accepted
        answers = self._receiver.send([self._call(batch, index) for index in indices], self._stop, self._told)
        if len(answers) < len(indices):
            batch, _ = split(batch, indices[len(answers)])
            decoded = self._process.decode(batch)
        return self._process.work(batch, decoded, _result(decoded, answers))

    def _told(self, answer: Answer, seconds: float) -> None:
        self._metrics.told(answer.meaning, seconds)

    def _call(self, batch: TopicBatch, index: int) -> Call:
        body = batch.values[index] or b""
        name = signing.identity(batch.history(index).origin or batch.position(index), body)

        def headers() -> Mapping[str, str]:
            return signing.headers(self._keys, name, int(time.time()), body)

        return Call(body, headers)


def _result(decoded: Decoded, answers: list[Answer]) -> StepResult:
    """What answers make of the rows of a frame."""
    meanings = [answer.meaning for answer in answers]
    delivered: Any = [meaning == "delivered" for meaning in meanings]
    return StepResult(
        frame=decoded.frame.filter(delivered) if answers else decoded.frame,
        failures=[(row, answers[row].detail) for row, meaning in enumerate(meanings) if meaning == "refused"],
        again=[
            Again(row, answers[row].detail, _asked(answers[row]))
            for row, meaning in enumerate(meanings)
            if meaning == "again"
        ],
    )


def _asked(answer: Answer) -> float | None:
    return None if answer.after is None else max(answer.after, LEAST_WAIT)

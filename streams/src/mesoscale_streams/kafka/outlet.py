"""The outlet into Kafka: records, dead letters and the position they were read at, in one transaction."""

import time
from collections.abc import Callable

from mesoscale_streams.deadletter import by_reason
from mesoscale_streams.kafka.writer import TransactionalWriter
from mesoscale_streams.metrics import NodeMetrics
from mesoscale_streams.work import Work


class TopicOutlet:
    """Exactly once from whatever inlet to a topic.

    1. begin; 2. write records; 3. write dead letters; 4. `mark` writes the position; 5. commit; 6. `advance` notes in
    memory what is now safe. A crash before 5 leaves nothing, a crash after it leaves everything. There is
    no 2 without a `topic`.
    """

    def __init__(
        self,
        writer: TransactionalWriter,
        topic: str,
        dead_letter_topic: str,
        mark: Callable[[Work], None],
        advance: Callable[[Work], None],
        metrics: NodeMetrics,
    ) -> None:
        self._writer = writer
        self._topic = topic
        self._dead_letter_topic = dead_letter_topic
        self._mark = mark
        self._advance = advance
        self._metrics = metrics

    def write(self, work: Work) -> None:
        began = time.monotonic()
        with self._writer.transaction():
            if self._topic:
                assert work.values is not None
                assert work.keys is not None
                self._writer.write(self._topic, work.values, work.keys)
            self._writer.write_letters(self._dead_letter_topic, work.letters)
            self._mark(work)
        self._advance(work)
        self._metrics.committed(work.total, by_reason(work.letters), time.monotonic() - began)

    def settle(self) -> None:
        """Every write is safe when it returns."""

    def close(self) -> None:
        self._writer.close()

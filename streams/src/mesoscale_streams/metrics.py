"""What a program tells Prometheus, in the names that dashboards and alerts use."""

from collections.abc import Mapping

from prometheus_client import Counter, Gauge, Histogram

from mesoscale.ledger import Counts

_LABELS = ("pipeline", "node")

READ = Counter("mesoscale_records_read", "Records read from the source or topic", _LABELS)
ACCEPTED = Counter("mesoscale_records_accepted", "Records that keep their contract", _LABELS)
REJECTED = Counter("mesoscale_records_rejected", "Records sent to the dead letter topic", (*_LABELS, "reason"))
LATE = Counter("mesoscale_records_late", "Records behind the watermark and its allowance", _LABELS)
PRODUCED = Counter("mesoscale_records_produced", "Records written to the topic or store", _LABELS)
BATCH_SECONDS = Histogram(
    "mesoscale_batch_duration_seconds",
    "From a batch read to its commit",
    _LABELS,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
BATCH_RECORDS = Histogram(
    "mesoscale_batch_records", "Records in a batch", _LABELS, buckets=(1, 10, 100, 1000, 5000, 10_000)
)
LAST_COMMIT = Gauge("mesoscale_last_commit_timestamp_seconds", "When the last batch was committed", _LABELS)
LAG = Gauge("mesoscale_consumer_lag_records", "End offset minus position", (*_LABELS, "topic", "partition"))
REBALANCES = Counter("mesoscale_rebalances", "Changes of the assigned partitions", _LABELS)
RETRIES = Counter("mesoscale_retries", "Batches that were begun again", (*_LABELS, "cause"))
RETRIED = Counter("mesoscale_records_retried", "Records that a step wanted to have again later", _LABELS)
STATE_KEYS = Gauge("mesoscale_state_keys", "Keys that a stage remembers in this process", _LABELS)
STATE_BYTES = Gauge("mesoscale_state_bytes", "Memory that a stage's state takes in this process", _LABELS)
STATE_RESTORED = Gauge(
    "mesoscale_state_restore_progress", "Share of the state that has been read back, 1 when all of it has", _LABELS
)
WATERMARK = Gauge(
    "mesoscale_watermark_seconds", "Event time up to which a partition is complete", (*_LABELS, "partition")
)


CALLS = Counter("mesoscale_webhook_calls", "Calls of a webhook, by what came of them", (*_LABELS, "outcome"))
CALL_SECONDS = Histogram("mesoscale_webhook_call_seconds", "How long a call of a webhook took", _LABELS)


class NodeMetrics:
    """The metrics of one node, with their labels filled in."""

    def __init__(self, pipeline: str, node: str) -> None:
        self._labels = (pipeline, node)
        self._read = READ.labels(pipeline, node)
        self._accepted = ACCEPTED.labels(pipeline, node)
        self._late = LATE.labels(pipeline, node)
        self._produced = PRODUCED.labels(pipeline, node)
        self._again = RETRIED.labels(pipeline, node)
        self._seconds = BATCH_SECONDS.labels(pipeline, node)
        self._records = BATCH_RECORDS.labels(pipeline, node)
        self._last_commit = LAST_COMMIT.labels(pipeline, node)

    def committed(self, counts: Counts, reasons: dict[str, int], seconds: float) -> None:
        """A batch is safe: `reasons` says why records of it were rejected."""
        self._read.inc(counts.read)
        self._accepted.inc(counts.accepted)
        self._late.inc(counts.late)
        self._produced.inc(counts.produced)
        self._seconds.observe(seconds)
        self._records.observe(counts.read)
        self._last_commit.set_to_current_time()
        for reason, number in reasons.items():
            REJECTED.labels(*self._labels, reason).inc(number)

    def lags(self, topic: str, lags: dict[int, int]) -> None:
        """Partition → records that are still to be read."""
        for partition, records in lags.items():
            LAG.labels(*self._labels, topic, partition).set(records)

    def wait(self, records: int) -> None:
        """So many records are to come again."""
        self._again.inc(records)

    def rebalanced(self) -> None:
        REBALANCES.labels(*self._labels).inc()

    def retried(self, cause: str) -> None:
        RETRIES.labels(*self._labels, cause).inc()


class CallMetrics:
    """The calls of a sink, with their labels filled in."""

    def __init__(self, pipeline: str, node: str) -> None:
        self._outcomes = {
            meaning: CALLS.labels(pipeline, node, meaning) for meaning in ("delivered", "again", "refused")
        }
        self._seconds = CALL_SECONDS.labels(pipeline, node)

    def told(self, outcome: str, seconds: float) -> None:
        """A call was answered, or its time is over."""
        self._outcomes[outcome].inc()
        self._seconds.observe(seconds)


class StateMetrics:
    """What a stage remembers, with its labels filled in."""

    def __init__(self, pipeline: str, node: str) -> None:
        self._labels = (pipeline, node)
        self._keys = STATE_KEYS.labels(pipeline, node)
        self._bytes = STATE_BYTES.labels(pipeline, node)
        self._restored = STATE_RESTORED.labels(pipeline, node)
        self._partitions: set[int] = set()

    def holds(self, keys: int, nbytes: int) -> None:
        self._keys.set(keys)
        self._bytes.set(nbytes)

    def restoring(self, share: float) -> None:
        self._restored.set(share)

    def watermarks(self, marks: Mapping[int, int]) -> None:
        """Partition → microseconds; partitions that are not in it any more are not told of any more."""
        for partition in self._partitions - set(marks):
            WATERMARK.remove(*self._labels, str(partition))
        for partition, mark in marks.items():
            WATERMARK.labels(*self._labels, str(partition)).set(mark / 1e6)
        self._partitions = set(marks)

"""What the operator counts and measures, as Prometheus reads it."""

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)  # seconds


class _States(Collector):
    """Children by state, counted when somebody asks."""

    def __init__(self, states: Callable[[], Iterable[str]]) -> None:
        self._states = states

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = GaugeMetricFamily("meso_operator_children", "children by their state", labels=["state"])
        for state, count in Tally(self._states()).items():
            family.add_metric([state], count)
        yield family


class Metrics:
    """All metrics of one operator process, in a registry of their own."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self.reconciles = Histogram(
            "meso_operator_reconcile_duration_seconds",
            "time of one reconcile, by what came of it",
            ["outcome"],
            buckets=BUCKETS,
            registry=registry,
        )
        self.requests = Counter(
            "meso_operator_api_requests_total", "requests to the API server", ["verb", "code"], registry=registry
        )
        self.repaired = Counter(
            "meso_operator_drift_total", "children found changed by somebody else", ["policy"], registry=registry
        )
        self._leading = Gauge("meso_operator_leading", "1 while this process writes", registry=registry)
        self._depth = Gauge("meso_operator_queue_depth", "documents that wait", registry=registry)
        self._age = Gauge("meso_operator_queue_age_seconds", "time of the longest wait", registry=registry)
        self._heard = Gauge(
            "meso_operator_last_event_age_seconds", "time since the last watch event", registry=registry
        )
        self._began = Gauge(
            "meso_operator_reconcile_in_progress_start_time_seconds",
            "when the longest running reconcile began; 0 while there is none",
            registry=registry,
        )
        self._documents = Gauge("meso_operator_documents", "documents that are known", registry=registry)

    def watch(
        self,
        *,
        depth: Callable[[], float],
        age: Callable[[], float],
        last_event_age: Callable[[], float],
        in_progress_since: Callable[[], float],
        documents: Callable[[], float],
        states: Callable[[], Iterable[str]],
        leading: Callable[[], float],
    ) -> None:
        """Ask these whenever somebody asks for the metrics."""
        self._depth.set_function(depth)
        self._age.set_function(age)
        self._heard.set_function(last_event_age)
        self._began.set_function(in_progress_since)
        self._documents.set_function(documents)
        self._leading.set_function(leading)
        self._registry.register(_States(states))

    def counted(self, verb: str, code: int) -> None:
        """One request was answered; code 0: it was not."""
        self.requests.labels(verb, str(code)).inc()

    def text(self) -> bytes:
        """Everything in the format that Prometheus reads."""
        return generate_latest(self._registry)

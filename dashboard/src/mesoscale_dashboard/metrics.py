"""What the dashboard tells Prometheus about itself and about the ledger it reads."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from mesoscale_dashboard.feed import Feed
from mesoscale_dashboard.hub import Hub
from mesoscale_dashboard.watch import Watch


class Metrics:
    """Collected when asked for. A scrape looks as a page does, since in a cluster it may be the only one who looks."""

    CONTENT_TYPE = CONTENT_TYPE_LATEST

    def __init__(self, pipeline: str, watch: Watch, hub: Hub, feed: Feed | None) -> None:
        self._pipeline = pipeline
        self._watch = watch
        self._hub = hub
        self._feed = feed
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._registry.register(self)

    async def text(self) -> bytes:
        """Prometheus' text, by a reading of the ledger that is at most a second old where the services answer."""
        await self._watch.look()
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """One family after the other, each with the pipeline as its label."""
        yield self._gauge("mesoscale_dashboard_listeners", "Pages that listen", self._hub.listeners)
        yield self._counter("mesoscale_dashboard_readings", "Readings of the ledger", self._watch.readings)
        yield self._counter("mesoscale_dashboard_reading_seconds", "Time spent reading it", self._watch.seconds)
        if self._feed is not None:
            yield self._counter("mesoscale_dashboard_records_taken", "Records tailed", self._feed.taken)
            yield self._counter("mesoscale_dashboard_records_skipped", "Records passed over", self._feed.skipped)
        if self._watch.closed is not None:
            yield self._gauge("mesoscale_ledger_closed", "1 when the ledger adds up", int(self._watch.closed))

    def _gauge(self, name: str, what: str, value: float) -> Metric:
        family = GaugeMetricFamily(name, what, labels=["pipeline"])
        family.add_metric([self._pipeline], value)
        return family

    def _counter(self, name: str, what: str, value: float) -> Metric:
        family = CounterMetricFamily(name, what, labels=["pipeline"])
        family.add_metric([self._pipeline], value)
        return family

"""The parts of the measurement, and running some or all of them on one broker."""

from collections.abc import Collection

from loadtest.bench.measure import Figure
from loadtest.bench.stand import services, stand
from loadtest.bench.streams import job, latency, restore, side_by_side
from loadtest.bench.streams.engines import OURS, PEERS
from loadtest.bench.traffic import Traffic

ENGINES = {engine.key: engine for engine in (*PEERS, OURS)}
BARE, LATENCY, ALERTS, RESTORE = "bare", "latency", "alerts", "restore"
NAMES = (BARE, *ENGINES, LATENCY, ALERTS, RESTORE)


def measure(records: int, only: Collection[str], runs: int) -> list[Figure]:
    """The parts named in `only`, `runs` times each; those that are slow take no more than SLOW_RUNS."""
    engines = [engine for key, engine in ENGINES.items() if key in only]
    document = job.document(min(OURS.runs, runs) if OURS in engines else 0)
    figures: list[Figure] = []
    with services() as bound, stand(Traffic("streams", document, small=False), bound) as here:
        if LATENCY in only:
            figures += latency.of_records(here, "live", "pass-on", runs)
        if ALERTS in only:
            figures += latency.of_alerts(here, "used", "scores", "alerts", runs)
        if RESTORE in only:
            figures += restore.measure(here, "many", "remember", records, runs)
        if engines or BARE in only:
            print("filling the topics", flush=True)
            loads = job.fill(here, "payments", records), job.fill(here, "long", job.LONG * records)
            figures = side_by_side.in_turn(here, loads, engines, BARE in only, runs) + figures
    return figures

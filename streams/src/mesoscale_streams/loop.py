"""The loop of every program: poll → decode → check → step → write → commit.

It knows neither Kafka nor a store: batches come from an inlet, go through `process` and are made safe by an outlet.
"""

import gc
import logging
import threading
from collections.abc import Callable
from typing import Any

from mesoscale_streams.metrics import NodeMetrics
from mesoscale_streams.probes import Health
from mesoscale_streams.work import BeginAgain, Inlet, Outlet, Work

log = logging.getLogger(__name__)

FIRST_PAUSE = 0.2  # seconds before a batch is begun again, doubled each time
LONGEST_PAUSE = 10.0


def run(
    inlet: Inlet,
    process: Callable[[Any], Work],
    outlet: Outlet,
    metrics: NodeMetrics,
    health: Health,
    stop: threading.Event,
) -> None:
    """Turn until `stop` is set or the inlet has ended; all that was read by then is safe on return."""
    _tame_the_collector()
    pause, again = FIRST_PAUSE, False
    while not (stop.is_set() or inlet.ended):
        health.turned()
        health.ready = inlet.ready
        try:
            if again:
                inlet.rewind()
                again = False
            batch = inlet.read()
            if batch is None:
                outlet.settle()
                continue
            outlet.write(process(batch))
            pause = FIRST_PAUSE
        except BeginAgain as reason:
            log.warning("beginning again in %.1f s: %s", pause, reason, extra={"cause": reason.cause})
            metrics.retried(reason.cause)
            stop.wait(pause)
            pause, again = min(2 * pause, LONGEST_PAUSE), True
    outlet.settle()


def _tame_the_collector() -> None:
    """Let Python's cycle collector look less often.

    A batch makes tens of thousands of objects without a cycle among them; at the default threshold the collector
    walks all of them dozens of times, which cost a fifth of the loop.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 20)

"""What must be there before a node can run, and must stay: its topics, and the tables of a sink.

In a cluster everything is started at once, so a node waits for what others bring about. A topic that is deleted while
its node runs ends the program: Kafka's client would wait or begin again for ever.
"""

import logging
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from mesoscale import naming
from mesoscale.errors import Problem, Reason, ServiceUnavailable
from mesoscale.graph.types import Graph, Node
from mesoscale.model.stage import Stage
from mesoscale.plan import tables
from mesoscale_streams import logs
from mesoscale_streams.environment import Environment
from mesoscale_streams.kafka.presence import Presence
from mesoscale_streams.probes import Health
from mesoscale_streams.sinks import presence

log = logging.getLogger(__name__)

PAUSE = 0.5  # seconds between two looks while it waits
TELL = 5.0  # seconds between two lines about what it waits for
ROUND = 5.0  # seconds between two looks while it runs
GRACE = 10.0  # seconds that a program has to end by itself once a topic is gone
STRIKES = 2  # looks in a row at which a topic must be gone to be believed gone


def topics(graph: Graph, node: Node) -> tuple[str, ...]:
    """The topics that the node reads or writes."""
    read, made = [graph.edge(one) for one in node.inputs], [graph.edge(node.output)] if node.output else []
    of_edges = [edge.topic for edge in read + made]
    of_edges += [edge.dead_letter_topic for edge in read or made]  # who reads or makes a record refuses it
    name = graph.pipeline.name
    own = [naming.positions_topic(name)] if node.kind == "source" else []
    if isinstance(node.section, Stage) and node.section.stateful:
        own = [naming.state_topic(name, node.name), naming.late_topic(name, node.name)]
    if node.retries:
        own.append(naming.retry_topic(name, node.name))
    return (*of_edges, *own)


class Prerequisites:
    """Those of one node; holds one connection to Kafka until it is closed."""

    def __init__(self, here: Environment) -> None:
        self._here = here
        self._topics = topics(here.graph, here.node)
        name = naming.transactional_id(here.pipeline, here.node.name, here.instance)
        self._presence = Presence(here.bindings.demand_kafka(here.node.name), f"{name}.looker-on")
        self._gone: list[str] = []
        self._ended = threading.Event()

    def wait(self, health: Health, stop: threading.Event, patience: float) -> None:
        """Return when everything is there, or `stop` is set.

        Raises:
            ServiceUnavailable: something is still not there after `patience` seconds, or a service is not bound.
        """
        began = told = time.monotonic()
        while (lacking := self.lacking()) and not stop.wait(PAUSE):
            health.turned()
            now = time.monotonic()
            if now - began > patience:
                raise ServiceUnavailable([_still_lacking(sentence, patience) for sentence in lacking])
            if now - told > TELL or told == began:
                log.info("waiting: %s", "; ".join(lacking), extra={"seconds": round(now - began)})
                told = now

    def lacking(self) -> list[str]:
        """A sentence for each thing that is not there."""
        return [*self._presence.lacking(self._topics), *self._lacking_tables()]

    def watch(self, stop: threading.Event) -> None:
        """From now on set `stop` when a topic is gone."""
        threading.Thread(target=self._watch, args=(stop,), name="prerequisites", daemon=True).start()

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """What goes wrong inside because a topic is gone is told as that.

        Raises:
            ServiceUnavailable: a topic is gone.
        """
        try:
            yield
        except Exception:
            if gone := self._gone or self._presence.gone(self._topics):
                raise _deleted(gone) from None  # Kafka's client ends in many ways then, none of which says why
            raise
        finally:
            self._ended.set()
        if self._gone:
            raise _deleted(self._gone)

    def _lacking_tables(self) -> list[str]:
        node, graph = self._here.node, self._here.graph
        found = [table for table in tables.plan(graph) if table.sink == node.name]
        if not found:
            return []
        binding = self._here.bindings.demand_postgresql(node.name)
        return [why for one in found for why in presence.lacking(binding, one, graph.edge(str(node.input)).contract)]

    def _watch(self, stop: threading.Event) -> None:
        strikes = 0
        while strikes < STRIKES and not stop.wait(ROUND):
            gone = self._presence.gone(self._topics)
            strikes = strikes + 1 if gone else 0
        if strikes == STRIKES:
            self._gone = gone
            log.error("topics are gone: %s", ", ".join(gone))
            stop.set()
            self._insist()

    def _insist(self) -> None:
        """A transaction into a topic that is gone is tried again for ever; nothing of it is lost by a hard end."""
        if not self._ended.wait(GRACE):
            error = _deleted(self._gone)
            log.error("%s", error, extra=logs.problems(error))
            os._exit(error.exit_code)


def _still_lacking(sentence: str, patience: float) -> Problem:
    message = f"{sentence}, after {patience:.0f} s of waiting"
    hint = "`python -m mesoscale_streams topics` and `schema` bring about what a document needs"
    return Problem(Reason.SERVICE_FAILED, message, hint=hint)


def _deleted(topics: Sequence[str]) -> ServiceUnavailable:
    hint = "the program goes on once it is there again"
    messages = [f"topic {topic} was deleted while the program ran; its records are lost" for topic in topics]
    return ServiceUnavailable([Problem(Reason.SERVICE_FAILED, message, hint=hint) for message in messages])

"""Topics through the broker's admin interface: observe them, take the steps that bring them about, delete them.

Only programs that end use it: librdkafka's admin client has ended the process it lives in when an answer came too late
(2.16: assertion `eonce->refcnt > 0`). Every step may be taken again, so whoever started the program starts it anew.
"""

import logging
import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewPartitions,
    NewTopic,
    ResourceType,
)

from mesoscale.bindings import Kafka
from mesoscale.errors import Problem, Reason, ServiceUnavailable
from mesoscale.plan.types import Topic
from mesoscale_streams.kafka import clients
from mesoscale_streams.kafka.topic_steps import Configure, Create, Grow, Observed, Step, decide

log = logging.getLogger(__name__)

FORBIDDEN = (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED)
PATIENCE = 30.0  # seconds for one request to the brokers
SETTLED = 10.0  # seconds until the brokers agree; some have rules of their own and never show what they were told
PAUSE = 0.1  # seconds between two looks at what was done
GRACE = 5.0  # seconds more for the client to say itself that there was no answer


class Topics:
    """The topics of one broker; holds one client, for a client that goes takes its requests with it.

    Every method raises ServiceUnavailable if the broker does not answer, or refuses.
    """

    def __init__(self, kafka: Kafka, patience: float = PATIENCE) -> None:
        """Args:
        kafka: the brokers.
        patience: seconds for one request.
        """
        self._patience = patience
        self._complaints = clients.Complaints()
        told: dict[str, Any] = {"socket.timeout.ms": int(patience * 1000), "log_level": 0, "error_cb": self._complaints}
        self._client = AdminClient(clients.settings(kafka, "mesoscale.topics") | told)

    def observe(self, names: Collection[str]) -> dict[str, Observed]:
        """Those of the named topics that exist."""
        try:
            # Of all topics: asking for one by its name would make it where brokers make topics by themselves.
            there = self._client.list_topics(timeout=self._patience).topics
        except KafkaException as error:
            raise self._unavailable("list topics", error) from error
        partitions = {name: len(topic.partitions) for name, topic in there.items() if name in names}
        if not partitions:
            return {}
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in partitions]
        answers = self._client.describe_configs(resources, request_timeout=self._patience)
        configs = {key.name: self._result(answer, f"describe topic {key.name}") for key, answer in answers.items()}
        return {name: Observed(partitions[name], _own(entries)) for name, entries in configs.items()}

    def apply(self, wanted: Sequence[Topic], adopt: bool = False) -> list[Step]:
        """Bring the topics about and return what had to be done; a second call does nothing.

        Raises:
            PlanRefused: see `topic_steps.decide`; then nothing was changed.
        """
        names = {topic.name for topic in wanted}
        steps = decide(self.observe(names), wanted, adopt)
        for step in steps:
            self._take(step)
        if steps:
            self._see(names, wanted)
        return steps

    def delete(self, names: Sequence[str]) -> None:
        """Delete topics with all their records; one that does not exist is fine."""
        if not names:
            return
        for name, answer in self._client.delete_topics(list(names), request_timeout=self._patience).items():
            self._result(answer, f"delete topic {name}", fine=KafkaError.UNKNOWN_TOPIC_OR_PART)
            log.info("topic deleted", extra={"topic": name})

    def _see(self, names: Collection[str], wanted: Sequence[Topic]) -> None:
        """Wait until the broker that we ask has heard from the controller what was done."""
        deadline = time.monotonic() + SETTLED
        while left := decide(self.observe(names), wanted, adopt=True):
            if time.monotonic() > deadline:
                log.warning("the brokers do not show yet what was done: %s", left)
                return
            time.sleep(PAUSE)

    def _take(self, step: Step) -> None:
        match step:
            case Create(topic):
                new = NewTopic(topic.name, topic.partitions, topic.replicas, config=dict(topic.config))
                created = self._client.create_topics([new], request_timeout=self._patience)[topic.name]
                # Fine if somebody was faster; what differs is put right by the next apply.
                self._result(created, f"create topic {topic.name}", fine=KafkaError.TOPIC_ALREADY_EXISTS)
                log.info("topic made", extra={"topic": topic.name, "partitions": topic.partitions})
            case Grow(name, to):
                grown = self._client.create_partitions([NewPartitions(name, to)], request_timeout=self._patience)[name]
                # The one thing that can be wrong with the number is that somebody was faster.
                self._result(grown, f"add partitions to topic {name}", fine=KafkaError.INVALID_PARTITIONS)
                log.info("partitions added", extra={"topic": name, "partitions": to})
            case Configure(name, config):
                put = AlterConfigOpType.SET
                entries = [ConfigEntry(key, value, incremental_operation=put) for key, value in config.items()]
                resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=entries)
                altered = self._client.incremental_alter_configs([resource], request_timeout=self._patience)[resource]
                self._result(altered, f"configure topic {name}")
                log.info("topic configured", extra={"topic": name, "config": dict(config)})

    def _result(self, answer: "Future[Any]", what: str, fine: int | None = None) -> Any:
        try:
            return answer.result(timeout=self._patience + GRACE)
        except TimeoutError as error:
            raise _failed(f"Kafka did not {what}: no answer") from error
        except KafkaException as error:
            if error.args[0].code() == fine:
                return {}
            raise self._unavailable(what, error) from error

    def _unavailable(self, what: str, error: KafkaException) -> ServiceUnavailable:
        self._client.poll(0)
        hint = "docs/grants.md says what each program must be allowed" if error.args[0].code() in FORBIDDEN else ""
        return _failed(f"Kafka did not {what}: {self._complaints.explain(error)}", hint)


def _own(entries: Mapping[str, ConfigEntry]) -> dict[str, str]:
    own = ConfigSource.DYNAMIC_TOPIC_CONFIG
    return {name: entry.value or "" for name, entry in entries.items() if ConfigSource(entry.source) is own}


def _failed(message: str, hint: str = "") -> ServiceUnavailable:
    return ServiceUnavailable(Problem(Reason.SERVICE_FAILED, message, hint=hint))

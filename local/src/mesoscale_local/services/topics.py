"""Kafka topics as they are and as the plan wants them: observe, decide the steps, take them."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

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

from mesoscale.errors import PlanRefused, Problem, Reason, ServiceUnavailable
from mesoscale.plan.types import Topic

PATIENCE = 30.0  # seconds for one request to the broker
GRACE = 5.0  # seconds more for the client to say itself that there was no answer


@dataclass(frozen=True, slots=True)
class Observed:
    """A topic that exists; `config` holds what was set for it alone, not the broker's defaults."""

    partitions: int
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Create:
    topic: Topic


@dataclass(frozen=True, slots=True)
class Grow:
    """Add partitions until there are `to`."""

    name: str
    to: int


@dataclass(frozen=True, slots=True)
class Configure:
    """Set these entries, leaving others as they are."""

    name: str
    config: Mapping[str, str]


Step = Create | Grow | Configure


def decide(observed: Mapping[str, Observed], wanted: Iterable[Topic]) -> list[Step]:
    """The steps from what is to what is wanted; none for a topic that is right already.

    Raises:
        PlanRefused: a topic would lose partitions, and with them the order of its keys and its records.
    """
    steps: list[Step] = []
    problems: list[Problem] = []
    for topic in wanted:
        found = observed.get(topic.name)
        if found is None:
            steps.append(Create(topic))
            continue
        if topic.partitions < found.partitions:
            problems.append(_shrinking(topic, found))
        if topic.partitions > found.partitions:
            steps.append(Grow(topic.name, topic.partitions))
        changed = {key: value for key, value in topic.config.items() if found.config.get(key) != value}
        if changed:
            steps.append(Configure(topic.name, changed))
    if problems:
        raise PlanRefused(problems)
    return steps


def observe_topics(bootstrap: str) -> dict[str, Observed]:
    """Every topic of the broker except its own (`__consumer_offsets`).

    Raises:
        ServiceUnavailable: the broker does not answer, or refuses.
    """
    client = _client(bootstrap)
    try:
        topics = client.list_topics(timeout=PATIENCE).topics
    except KafkaException as error:
        raise _unavailable("list topics", error) from error
    partitions = {name: len(topic.partitions) for name, topic in topics.items() if not name.startswith("__")}
    if not partitions:
        return {}
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in partitions]
    answers = client.describe_configs(resources, request_timeout=PATIENCE)
    configs = {key.name: _result(answer, f"describe topic {key.name}") for key, answer in answers.items()}
    return {name: Observed(partitions[name], _own(entries)) for name, entries in configs.items()}


def apply_topics(bootstrap: str, wanted: Sequence[Topic]) -> list[Step]:
    """Bring the topics about and return what had to be done; a second call does nothing.

    Raises:
        PlanRefused: see `decide`; then nothing was changed.
        ServiceUnavailable: the broker does not answer, or refuses.
    """
    steps = decide(observe_topics(bootstrap), wanted)
    client = _client(bootstrap)
    for step in steps:
        _take(client, step)
    return steps


def delete_topics(bootstrap: str, names: Sequence[str]) -> None:
    """Delete topics with all their records; one that does not exist is fine.

    Raises:
        ServiceUnavailable: the broker does not answer, or refuses.
    """
    if not names:
        return
    client = _client(bootstrap)  # held until the answers are in: a client that goes takes its requests with it
    for name, answer in client.delete_topics(list(names), request_timeout=PATIENCE).items():
        _result(answer, f"delete topic {name}", fine=KafkaError.UNKNOWN_TOPIC_OR_PART)


def _take(client: AdminClient, step: Step) -> None:
    match step:
        case Create(topic):
            new = NewTopic(topic.name, topic.partitions, topic.replicas, config=dict(topic.config))
            created = client.create_topics([new], request_timeout=PATIENCE)[topic.name]
            # Fine if somebody was faster; what differs is put right by the next apply.
            _result(created, f"create topic {topic.name}", fine=KafkaError.TOPIC_ALREADY_EXISTS)
        case Grow(name, to):
            grown = client.create_partitions([NewPartitions(name, to)], request_timeout=PATIENCE)[name]
            _result(grown, f"add partitions to topic {name}")
        case Configure(name, config):
            put = AlterConfigOpType.SET
            entries = [ConfigEntry(key, value, incremental_operation=put) for key, value in config.items()]
            resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=entries)
            altered = client.incremental_alter_configs([resource], request_timeout=PATIENCE)[resource]
            _result(altered, f"configure topic {name}")


def _client(bootstrap: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": bootstrap, "log_level": 0, "socket.timeout.ms": int(PATIENCE * 1000)})


def _own(entries: Mapping[str, ConfigEntry]) -> dict[str, str]:
    own = ConfigSource.DYNAMIC_TOPIC_CONFIG
    return {name: entry.value or "" for name, entry in entries.items() if ConfigSource(entry.source) is own}


def _result(
    answer: "Future[Mapping[str, ConfigEntry]]", what: str, fine: int | None = None
) -> Mapping[str, ConfigEntry]:
    try:
        return answer.result(timeout=PATIENCE + GRACE)
    except TimeoutError as error:
        raise ServiceUnavailable(Problem(Reason.SERVICE_FAILED, f"Kafka did not {what}: no answer")) from error
    except KafkaException as error:
        if error.args[0].code() == fine:
            return {}
        raise _unavailable(what, error) from error


def _unavailable(what: str, error: KafkaException) -> ServiceUnavailable:
    return ServiceUnavailable(Problem(Reason.SERVICE_FAILED, f"Kafka did not {what}: {error.args[0].str()}"))


def _shrinking(topic: Topic, found: Observed) -> Problem:
    return Problem(
        Reason.FORBIDDEN_CHANGE,
        f"topic {topic.name} has {found.partitions} partitions and cannot shrink to {topic.partitions}: "
        "the records of the partitions that go would be lost, and keys would move",
        hint=f"write `partitions: {found.partitions}` or more, or start over (`meso run --fresh`)",
    )

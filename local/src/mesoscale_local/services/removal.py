"""Deletes what a plan no longer names: topics, consumer groups, positions of sources, tables."""

import time
from collections.abc import Sequence

import psycopg
from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient
from psycopg import sql

from mesoscale import bindings, naming
from mesoscale.errors import Problem, Reason, ServiceUnavailable
from mesoscale_local.services import postgres, topics

PATIENCE = 60.0  # seconds, longer than the session of any group
LATER = (
    KafkaError.NON_EMPTY_GROUP,  # members are static: Kafka believes in one that has stopped until its session ends
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,  # the broker has just been started
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
)
GONE = (KafkaError.GROUP_ID_NOT_FOUND, KafkaError.UNKNOWN_TOPIC_OR_PART)


def delete_topics(bootstrap: str, names: Sequence[str]) -> None:
    """Delete topics with their records.

    Raises:
        ServiceUnavailable: the broker does not answer, or refuses.
    """
    topics.delete_topics(bootstrap, names)


def forget_nodes(bootstrap: str, pipeline: str, nodes: Sequence[str]) -> None:
    """Forget how far these nodes have come: the offsets of their groups, their entries among the positions.

    A node that comes back under the same name then begins at the beginning, as its output has been deleted too.

    Raises:
        ServiceUnavailable: the broker does not answer, or refuses.
    """
    if not nodes:
        return
    client = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    for node in nodes:
        _delete_group(client, naming.group(pipeline, node))
    producer = Producer({"bootstrap.servers": bootstrap, "log_level": 0, "enable.idempotence": True})
    for node in nodes:
        producer.produce(naming.positions_topic(pipeline), key=node.encode(), value=None)
    if producer.flush(PATIENCE):
        raise _unavailable("Kafka did not take the positions' tombstones", "no answer")


def drop_table(binding: bindings.PostgreSQL, schema: str, table: str, sink: str) -> None:
    """Drop a table with its rows, and forget how far its sink has come, in one transaction.

    Raises:
        ServiceUnavailable: the server does not answer, or refuses.
    """
    positions = sql.Identifier(schema, naming.POSITIONS_TABLE)
    try:
        with postgres.connect(binding) as connection:
            connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(schema, table)))
            connection.execute(sql.SQL("DELETE FROM {} WHERE node = %s").format(positions), (sink,))
    except psycopg.Error as error:
        raise _unavailable(f"PostgreSQL did not drop {schema}.{table}", error) from error


def _delete_group(client: AdminClient, group: str) -> None:
    """Ask until Kafka can do it; a group that is not there is fine."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            client.delete_consumer_groups([group], request_timeout=PATIENCE)[group].result(PATIENCE)
            return
        except KafkaException as error:
            code = error.args[0].code()
            if code in GONE:
                return
            if code not in LATER or time.monotonic() > deadline:
                raise _unavailable(f"Kafka did not delete the group {group}", error.args[0].str()) from error
        time.sleep(1)


def _unavailable(what: str, error: object) -> ServiceUnavailable:
    return ServiceUnavailable(Problem(Reason.SERVICE_FAILED, f"{what}: {error}"))

"""Makes Kafka forget how far nodes have come: the offsets of their groups, their entries among the positions, and what
was sent back of their records.

A node that comes back under the same name then begins at the beginning. Only programs that end use it, see `topics`.
"""

import logging
import time
from collections.abc import Sequence

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from mesoscale import naming
from mesoscale.bindings import Kafka
from mesoscale.errors import Problem, Reason, ServiceUnavailable
from mesoscale_streams.kafka import clients, redriven

log = logging.getLogger(__name__)

PATIENCE = 60.0  # seconds, longer than the session of any group
LATER = (
    KafkaError.NON_EMPTY_GROUP,  # Kafka believes in a member that was killed until its session ends
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,  # the broker has just been started
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
)
GONE = (KafkaError.GROUP_ID_NOT_FOUND, KafkaError.UNKNOWN_TOPIC_OR_PART)


def forget(kafka: Kafka, pipeline: str, nodes: Sequence[str]) -> None:
    """Forget these nodes; one that was never known is fine.

    Raises:
        ServiceUnavailable: the broker does not answer, or refuses.
    """
    if not nodes:
        return
    settings = {**clients.settings(kafka, "mesoscale.forgetting"), "log_level": 0}
    admin = AdminClient(settings)
    for node in nodes:
        for group in (naming.group, naming.retry_topic, naming.trial_group):
            _delete_group(admin, group(pipeline, node))
    producer = Producer({**settings, "enable.idempotence": True})
    for node in nodes:
        producer.produce(naming.positions_topic(pipeline), key=node.encode(), value=None)
        producer.produce(naming.redriven_topic(pipeline), key=redriven.count_key(node), value=None)
    if producer.flush(PATIENCE):
        raise _failed("Kafka did not take the positions' tombstones: no answer")
    log.info("nodes forgotten", extra={"nodes": list(nodes)})


def _delete_group(admin: AdminClient, group: str) -> None:
    """Ask until Kafka can do it; a group that is not there is fine."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            admin.delete_consumer_groups([group], request_timeout=PATIENCE)[group].result(PATIENCE)
            return
        except KafkaException as error:
            code = error.args[0].code()
            if code in GONE:
                return
            if code not in LATER or time.monotonic() > deadline:
                raise _failed(f"Kafka did not delete the group {group}: {error.args[0].str()}") from error
        time.sleep(1)


def _failed(message: str) -> ServiceUnavailable:
    return ServiceUnavailable(Problem(Reason.SERVICE_FAILED, message))

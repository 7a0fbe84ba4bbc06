"""What every client of Kafka is told: where the brokers are, and how to bear one that is away or stands still."""

from mesoscale.bindings import Kafka

Settings = dict[str, str | int | float | bool]


def settings(kafka: Kafka, client_id: str) -> Settings:
    """The settings that readers, writers and lookers-on share."""
    return {
        "bootstrap.servers": kafka.bootstrap_servers,
        "client.id": client_id,
        "reconnect.backoff.max.ms": 1_000,
        # A broker that was away has new leaders and coordinators; they are asked for as metadata grows old.
        "topic.metadata.refresh.interval.ms": 5_000,
        # A broker that stands still does not answer the first request of a connection either. librdkafka takes that for
        # a broker of 2015 and speaks to it, for ever after, in versions that Kafka 4 does not know.
        "api.version.request.timeout.ms": 300_000,
        # A member of a group leaves and comes back only when its requests of before are answered or given up.
        "socket.timeout.ms": 15_000,
    }

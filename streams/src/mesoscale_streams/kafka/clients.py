"""What every client of Kafka is told: where the brokers are, how to be let in, and how to bear one that is away."""

from confluent_kafka import KafkaError, KafkaException

from mesoscale.bindings import PEM, Kafka

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
        **security(kafka),
    }


def onlooker(kafka: Kafka, client_id: str) -> Settings:
    """Those of a reader that is no member of a group: what is committed, and where each partition ends."""
    return {
        **settings(kafka, client_id),
        "group.id": client_id,  # librdkafka wants one; nothing is ever committed under it
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "isolation.level": "read_committed",
    }


def security(kafka: Kafka) -> Settings:
    """How the brokers let a client in; the names of brokers are held against their certificates by default."""
    told: Settings = {"security.protocol": kafka.security_protocol}
    if kafka.sasl_mechanism is not None:
        told |= {
            "sasl.mechanism": kafka.sasl_mechanism,
            "sasl.username": kafka.username,
            "sasl.password": kafka.password,
        }
    if kafka.security_protocol.endswith("SSL"):
        told |= {
            **_certificate("ssl.ca", kafka.ca),
            **_certificate("ssl.certificate", kafka.certificate),
            **_certificate("ssl.key", kafka.key),
        }
    return told


def _certificate(setting: str, certificate: str) -> Settings:
    """A PEM text as it is, anything else as the place of a file."""
    if not certificate:
        return {}
    return {f"{setting}.{'pem' if certificate.startswith(PEM) else 'location'}": certificate}


class Complaints:
    """What a client complains of by itself: a password that is wrong, say. A call that waits in vain does not tell it.

    It goes into the client's settings as `error_cb`, and hears when the client is polled.
    """

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, error: KafkaError) -> None:
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # which always follows, and never says why
            self._last = error.str()

    def forget(self) -> None:
        """All is well again."""
        self._last = ""

    def explain(self, error: KafkaException) -> str:
        """Why a call failed."""
        told = error.args[0]
        silence = (KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError._ALL_BROKERS_DOWN)
        return self._last if self._last and told.code() in silence else told.str()

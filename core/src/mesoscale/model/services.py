"""Services in a cluster: whose Kafka and PostgreSQL a pipeline uses, and how large its own database is."""

from typing import Annotated

from pydantic import Field

from mesoscale.model.base import SERVERS_PATTERN, Name, Section, Size


class Kafka(Section):
    """Brokers: `bootstrapServers`, with what `secret` holds to log in; or `cluster`, a Strimzi Kafka of this namespace.

    Without any of them, what the installation names. The entries of the secret are those of a service binding:
    security-protocol, sasl-mechanism, username, password, ca.crt, user.crt, user.key.
    """

    bootstrap_servers: Annotated[str, Field(pattern=SERVERS_PATTERN, max_length=1024)] | None = None
    secret: Name | None = None
    cluster: Name | None = None


class PostgreSQL(Section):
    """A database: the one that `secret` says how to reach, or a cluster of our own, `instances` of `storage` each.

    The entries of the secret: host, port, dbname or database, user or username, password; or uri.
    """

    secret: Name | None = None
    instances: Annotated[int, Field(ge=1, le=16)] | None = None
    storage: Size | None = None


class Services(Section):
    """On one machine these mean nothing: `meso run` starts a broker and a server of its own."""

    kafka: Kafka = Kafka()
    postgresql: PostgreSQL = PostgreSQL()

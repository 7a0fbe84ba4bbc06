"""Where services are and how to reach them: one folder per service, one small file per entry.

The layout is that of the Service Binding Specification for Kubernetes, so a mounted Secret is a binding:

    kafka/{type,bootstrap-servers}      postgresql/{type,host,port,database,username,password}

This module knows the entries only; reading and writing files is the business of whoever holds the folder.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from mesoscale.errors import Problem, Reason, ServiceUnavailable


@dataclass(frozen=True, slots=True)
class Kafka:
    bootstrap_servers: str

    def entries(self) -> dict[str, str]:
        return {"type": "kafka", "bootstrap-servers": self.bootstrap_servers}


@dataclass(frozen=True, slots=True)
class PostgreSQL:
    host: str
    port: int
    database: str
    username: str
    password: str

    def entries(self) -> dict[str, str]:
        return {
            "type": "postgresql",
            "host": self.host,
            "port": str(self.port),
            "database": self.database,
            "username": self.username,
            "password": self.password,
        }


@dataclass(frozen=True, slots=True)
class Bindings:
    """The services of one pipeline; a service that it does not use is None."""

    kafka: Kafka | None = None
    postgresql: PostgreSQL | None = None

    def files(self) -> dict[str, str]:
        """File name (`kafka/type`) → text."""
        services = {"kafka": self.kafka, "postgresql": self.postgresql}
        return {
            f"{name}/{entry}": text
            for name, service in services.items()
            if service is not None
            for entry, text in service.entries().items()
        }


def parse(files: Mapping[str, str]) -> Bindings:
    """File name (`kafka/bootstrap-servers`) → text, as values.

    Raises:
        ServiceUnavailable: a service is bound but an entry of it is missing.
    """

    def entry(name: str) -> str:
        if name not in files:
            raise ServiceUnavailable(
                Problem(Reason.SERVICE_FAILED, f"the binding has no entry {name} ({', '.join(sorted(files))})")
            )
        return files[name].strip()

    return Bindings(
        kafka=Kafka(entry("kafka/bootstrap-servers")) if "kafka/type" in files else None,
        postgresql=PostgreSQL(
            host=entry("postgresql/host"),
            port=int(entry("postgresql/port")),
            database=entry("postgresql/database"),
            username=entry("postgresql/username"),
            password=entry("postgresql/password"),
        )
        if "postgresql/type" in files
        else None,
    )

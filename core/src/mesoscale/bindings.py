"""Where services are and how to reach them: one folder per service, one small file per entry.

The layout is that of the Service Binding Specification for Kubernetes, so a mounted Secret is a binding:

    kafka/       bootstrap-servers  and, as far as the brokers ask for them,
                 security-protocol sasl-mechanism username password   ca.crt   user.crt user.key
    postgresql/  host port database username password   sslmode sslrootcert
    webhook-…/   key url   ca.crt                          one folder for each secret of a webhook, by its name

PostgreSQL's entries may also be named as CloudNativePG names them in its `…-app` Secrets (`dbname`, `user`), and a
`uri` stands in for whatever is not named. A webhook's `key` may be several, one a line, while one takes the place of
another. `ca.crt` and the like are a certificate's text or the path of its file.
Entries that nobody knows are left alone: a Secret may hold the same in other forms.

This module knows the entries only; reading and writing files is the business of whoever holds the folder.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar, get_args
from urllib.parse import parse_qsl, unquote, urlsplit

from mesoscale.errors import Problem, Reason, ServiceUnavailable, nearest

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
SslMode = Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]

Word = TypeVar("Word", bound=str)
Default = TypeVar("Default")
WEBHOOK = "webhook-"  # how the folder of a webhook's secret begins
KEY = "whsec_"  # how the text of a key begins
KEY_BYTES = range(24, 65)  # of the key itself, as Standard Webhooks has it
PEM = "-----BEGIN "  # how a certificate's text begins; anything else is a path


@dataclass(frozen=True, slots=True)
class Kafka:
    """`ca`, `certificate` and `key` are PEM texts or paths; empty where the brokers ask for none."""

    bootstrap_servers: str
    security_protocol: SecurityProtocol = "PLAINTEXT"
    sasl_mechanism: SaslMechanism | None = None
    username: str = ""
    password: str = field(default="", repr=False)
    ca: str = ""
    certificate: str = ""
    key: str = field(default="", repr=False)

    def entries(self) -> dict[str, str]:
        optional = {
            "sasl-mechanism": self.sasl_mechanism or "",
            "username": self.username,
            "password": self.password,
            "ca.crt": self.ca,
            "user.crt": self.certificate,
            "user.key": self.key,
        }
        return {
            "type": "kafka",
            "bootstrap-servers": self.bootstrap_servers,
            "security-protocol": self.security_protocol,
            **{name: text for name, text in optional.items() if text},
        }


@dataclass(frozen=True, slots=True)
class PostgreSQL:
    """`sslrootcert` is the path of a file; an empty `sslmode` leaves the choice to the client."""

    host: str
    port: int
    database: str
    username: str
    password: str = field(repr=False)
    sslmode: SslMode | None = None
    sslrootcert: str = ""

    def entries(self) -> dict[str, str]:
        optional = {"sslmode": self.sslmode or "", "sslrootcert": self.sslrootcert}
        return {
            "type": "postgresql",
            "host": self.host,
            "port": str(self.port),
            "database": self.database,
            "username": self.username,
            "password": self.password,
            **{name: text for name, text in optional.items() if text},
        }


@dataclass(frozen=True, slots=True)
class Webhook:
    """Whom a sink calls: `key` holds one key a line, and each signs; `url` is empty where the document has it."""

    key: str = field(repr=False)
    url: str = field(default="", repr=False)  # often a secret itself
    ca: str = ""

    @property
    def keys(self) -> tuple[bytes, ...]:
        return tuple(base64.b64decode(line.removeprefix(KEY)) for line in self.key.split())

    def entries(self) -> dict[str, str]:
        optional = {"url": self.url, "ca.crt": self.ca}
        return {"type": "webhook", "key": self.key, **{name: text for name, text in optional.items() if text}}


@dataclass(frozen=True, slots=True)
class Bindings:
    """The services of one pipeline, None where it does not use one; `webhooks` are by the name of their secret."""

    kafka: Kafka | None = None
    postgresql: PostgreSQL | None = None
    webhooks: Mapping[str, Webhook] = field(default_factory=dict)

    def files(self) -> dict[str, str]:
        """File name (`kafka/type`) → text."""
        services = {"kafka": self.kafka, "postgresql": self.postgresql} | {
            f"{WEBHOOK}{name}": webhook for name, webhook in self.webhooks.items()
        }
        return {
            f"{name}/{entry}": text
            for name, service in services.items()
            if service is not None
            for entry, text in service.entries().items()
        }

    def demand_kafka(self, program: str) -> Kafka:
        """Raises:
        ServiceUnavailable: Kafka, which `program` needs, is not bound.
        """
        if self.kafka is None:
            raise _not_bound(program, "kafka")
        return self.kafka

    def demand_postgresql(self, program: str) -> PostgreSQL:
        """Raises:
        ServiceUnavailable: PostgreSQL, which `program` needs, is not bound.
        """
        if self.postgresql is None:
            raise _not_bound(program, "postgresql")
        return self.postgresql

    def demand_webhook(self, program: str, secret: str, url: str | None) -> Webhook:
        """The webhook of that secret; a `url` of the document goes before that of the secret.

        Raises:
            ServiceUnavailable: it is not bound, or nobody says where the receiver is.
        """
        found = self.webhooks.get(secret)
        if found is None:
            raise _not_bound(program, f"{WEBHOOK}{secret}")
        if not (url or found.url):
            message = f'"{program}" is to call somebody, and neither the document nor secret {secret} says where'
            raise ServiceUnavailable(Problem(Reason.SERVICE_FAILED, message, hint=f"add the entry url to {secret}"))
        return replace(found, url=url or found.url)


def _not_bound(program: str, service: str) -> ServiceUnavailable:
    message = f'"{program}" needs {service}, and the bindings have none'
    hint = f"add the folder {service}/ to the bindings"
    return ServiceUnavailable(Problem(Reason.SERVICE_FAILED, message, hint=hint))


def parse(files: Mapping[str, str]) -> Bindings:
    """File name (`kafka/bootstrap-servers`) → text, as values. A service with no entry at all is not bound.

    Raises:
        ServiceUnavailable: an entry of a service that is bound is missing, or is not what it may be.
    """
    kafka, postgresql = _Entries("kafka", files), _Entries("postgresql", files)
    webhooks = sorted(
        {folder for folder, _, _ in (file.partition("/") for file in files) if folder.startswith(WEBHOOK)}
    )
    return Bindings(
        kafka=_kafka(kafka) if kafka.texts else None,
        postgresql=_postgresql(postgresql) if postgresql.texts else None,
        webhooks={folder.removeprefix(WEBHOOK): _webhook(_Entries(folder, files)) for folder in webhooks},
    )


class _Entries:
    """The entries of one service; an empty one counts as missing. `unnamed` holds what they say in another way."""

    def __init__(self, service: str, files: Mapping[str, str]) -> None:
        self._service = service
        prefix = f"{service}/"
        named = {file.removeprefix(prefix): text.strip() for file, text in files.items() if file.startswith(prefix)}
        self.texts = {name: text for name, text in named.items() if text}
        self.unnamed: dict[str, str] = {}

    def get(self, *names: str) -> str:
        """The first of these entries that is there, or nothing."""
        found = (known[name] for known in (self.texts, self.unnamed) for name in names if name in known)
        return next(found, "")

    def demand(self, *names: str) -> str:
        found = self.get(*names)
        if not found:
            there = ", ".join(sorted(self.texts)) or "it is empty"
            raise self.problem(f"has no entry {' or '.join(names)} ({there})")
        return found

    def choose(self, name: str, allowed: Sequence[Word], default: Default) -> Word | Default:
        """One of the allowed words, in capitals or not; the default where there is no such entry."""
        given = self.get(name)
        found = next((word for word in allowed if word.lower() == given.lower()), None)
        if given and found is None:
            hint = nearest(given.upper(), allowed) or nearest(given.lower(), allowed)
            raise self.problem(f'has the {name} "{given}", which is none of {", ".join(allowed)}', hint)
        return default if found is None else found

    def problem(self, what: str, hint: str = "") -> ServiceUnavailable:
        return ServiceUnavailable(Problem(Reason.SERVICE_FAILED, f"the binding {self._service} {what}", hint=hint))


def _kafka(entries: _Entries) -> Kafka:
    protocol = entries.choose("security-protocol", get_args(SecurityProtocol), _unsaid(entries))
    sasl, certificate = protocol.startswith("SASL"), entries.get("user.crt")
    return Kafka(
        bootstrap_servers=entries.demand("bootstrap-servers"),
        security_protocol=protocol,
        sasl_mechanism=entries.choose("sasl-mechanism", get_args(SaslMechanism), "SCRAM-SHA-512") if sasl else None,
        username=entries.demand("username") if sasl else "",
        password=entries.demand("password") if sasl else "",
        ca=entries.get("ca.crt"),
        certificate=certificate,
        key=entries.demand("user.key") if certificate else "",
    )


def _unsaid(entries: _Entries) -> SecurityProtocol:
    """The protocol of a Secret that does not name it, as Strimzi's do not: it follows from what else is there."""
    encrypted = bool(entries.get("ca.crt", "user.crt"))
    if entries.get("username", "sasl-mechanism"):
        return "SASL_SSL" if encrypted else "SASL_PLAINTEXT"
    return "SSL" if encrypted else "PLAINTEXT"


def _postgresql(entries: _Entries) -> PostgreSQL:
    entries.unnamed = _of_uri(entries)
    port = entries.get("port") or "5432"
    if not port.isdecimal():
        raise entries.problem(f'has the port "{port}", which is not a number')
    ca = entries.get("sslrootcert", "ca.crt")
    return PostgreSQL(
        host=entries.demand("host"),
        port=int(port),
        database=entries.demand("database", "dbname"),
        username=entries.demand("username", "user"),
        password=entries.demand("password"),
        # Whoever names an authority wants the server asked for its certificate; PostgreSQL's clients do not by default.
        sslmode=entries.choose("sslmode", get_args(SslMode), "verify-full" if ca else None),
        sslrootcert=ca,
    )


def _webhook(entries: _Entries) -> Webhook:
    found = Webhook(entries.demand("key"), entries.get("url"), entries.get("ca.crt"))
    for line in found.key.split():
        if not line.startswith(KEY) or not _is_key(line.removeprefix(KEY)):
            least, most = KEY_BYTES[0], KEY_BYTES[-1]
            hint = f"printf '{KEY}%s' \"$(openssl rand -base64 32)\" makes one"
            raise entries.problem(f"has a key that is not {KEY} and {least} to {most} bytes in base64", hint)
    if found.url and not _is_address(found.url):
        raise entries.problem("has a url that is not http:// or https://, a host and a path, without a user", "")
    return found


def _is_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) in KEY_BYTES
    except ValueError:
        return False


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
        )
    except ValueError:
        return False


def _of_uri(entries: _Entries) -> dict[str, str]:
    """The parts of `postgresql://username:password@host:port/database?sslmode=…`, as far as it has them."""
    try:
        uri = urlsplit(entries.get("uri"))
        parts = {
            "host": uri.hostname,
            "port": str(uri.port or ""),
            "database": unquote(uri.path.removeprefix("/")),
            "username": unquote(uri.username or ""),
            "password": unquote(uri.password or ""),
        }
    except ValueError:  # what it says may hold the password, so nothing of it is repeated
        hint = "it is postgresql://username:password@host:port/database, with / : @ in a password as %2F %3A %40"
        raise entries.problem("has a uri that cannot be understood", hint) from None
    return dict(parse_qsl(uri.query)) | {name: part for name, part in parts.items() if part}

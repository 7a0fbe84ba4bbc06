"""A broker that asks who its clients are, in three ways at once, and what they may do; certificates are made here."""

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from fix_services import Running

from mesoscale import bindings
from mesoscale_local.services import jars, java, ports
from mesoscale_local.services.kafka import Broker

USERNAME, PASSWORD = "nyc", 'a "secret" \\ word'
MAKER = "maker"  # who may make topics and delete them
PREFIX = "secured-"  # of all that users may touch
# As docs/grants.md has them. Group ids and transactional ids are resources of their own.
OF_NODES = {
    ResourceType.TOPIC: ("DESCRIBE", "READ", "WRITE"),
    ResourceType.GROUP: ("DESCRIBE", "READ"),
    ResourceType.TRANSACTIONAL_ID: ("DESCRIBE", "WRITE"),
}
OF_MAKER = {
    ResourceType.TOPIC: ("CREATE", "DESCRIBE", "DESCRIBE_CONFIGS", "ALTER", "ALTER_CONFIGS", "DELETE", "WRITE"),
    ResourceType.GROUP: ("DELETE",),
}
LISTENERS = {"SCRAM": "SASL_SSL", "PLAIN": "SASL_PLAINTEXT", "TLS": "SSL"}  # beside PLAINTEXT, which sets it up


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def certify(folder: Path, name: str) -> None:
    """`name`.crt and .key for this machine's loopback, signed by ca.crt."""
    (folder / f"{name}.cnf").write_text("subjectAltName = IP:127.0.0.1, DNS:localhost\n")
    openssl(folder, *f"req -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.csr -subj /CN={name}".split())
    sign = f"x509 -req -in {name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out {name}.crt"
    openssl(folder, *sign.split(), "-extfile", f"{name}.cnf")


@dataclass(frozen=True)
class SecuredBroker(Broker):
    """The broker of one machine with more listeners; `certificates` holds those of ca, broker and user."""

    certificates: Path = Path()

    def _addresses(self, chosen: dict[str, int]) -> dict[str, str]:
        more = ports.keep(self.folder / "more-ports.json", dict.fromkeys(LISTENERS))
        addresses = super()._addresses(chosen)
        for name in LISTENERS:
            for setting in ("listeners", "advertised.listeners"):
                addresses[setting] += f",{name}://{ports.LOOPBACK}:{more[name]}"
        (self.certificates / "broker.pem").write_text(
            (self.certificates / "broker.key").read_text() + (self.certificates / "broker.crt").read_text()
        )
        return addresses | self._security()

    def _security(self) -> Mapping[str, str]:
        protocols = ",".join(f"{name}:{protocol}" for name, protocol in LISTENERS.items())
        module = "org.apache.kafka.common.security.plain.PlainLoginModule"
        word = PASSWORD.replace("\\", "\\\\").replace('"', '\\"').replace("\\", "\\\\")  # for JAAS, then for properties
        return {
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",  # the broker itself, and who sets it up
            "listener.security.protocol.map": f"PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,{protocols}",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self.certificates / "broker.pem"),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.certificates / "ca.crt"),
            "listener.name.tls.ssl.client.auth": "required",
            "listener.name.scram.sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.scram.scram-sha-512.sasl.jaas.config": (
                "org.apache.kafka.common.security.scram.ScramLoginModule required;"
            ),
            "listener.name.plain.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.plain.plain.sasl.jaas.config": f'{module} required user_{USERNAME}="{word}";',
        }

    def address(self, listener: str) -> str:
        return f"{ports.LOOPBACK}:{ports.kept(self.folder / 'more-ports.json')[listener]}"


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    """The broker, which knows the user by SCRAM and by PLAIN, and whoever the authority has signed."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificates, is not here: apt-get install openssl")
    certificates, folder = tmp_path_factory.mktemp("certificates"), tmp_path_factory.mktemp("secured-kafka")
    authority = "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=tests"
    openssl(certificates, *authority.split())
    for name in ("broker", "user"):
        certify(certificates, name)
    broker = SecuredBroker(folder, java.find(), jars.provide(print), certificates=certificates)
    running = Running(broker, folder)
    _let_in(AdminClient({"bootstrap.servers": broker.binding().bootstrap_servers}))
    yield broker
    running.stop()


def _let_in(admin: AdminClient) -> None:
    """Passwords, and what each may do."""
    scram, word = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096), PASSWORD.encode()
    users = [UserScramCredentialUpsertion(name, scram, word) for name in (USERNAME, MAKER)]
    rules = {f"User:{USERNAME}": OF_NODES, "User:CN=user": OF_NODES, f"User:{MAKER}": OF_MAKER}
    allowed = [
        AclBinding(kind, PREFIX, ResourcePatternType.PREFIXED, who, "*", AclOperation[name], AclPermissionType.ALLOW)
        for who, rule in rules.items()
        for kind, names in rule.items()
        for name in names
    ]
    for made in (*admin.alter_user_scram_credentials(users).values(), *admin.create_acls(allowed).values()):
        made.result(30)


def binding(broker: SecuredBroker, listener: str, **instead: str) -> bindings.Kafka:
    """How one comes in by that listener, with some entries replaced."""
    entries = {
        "SCRAM": {"username": USERNAME, "password": PASSWORD, "ca.crt": (broker.certificates / "ca.crt").read_text()},
        "PLAIN": {"username": USERNAME, "password": PASSWORD, "sasl-mechanism": "PLAIN"},
        "TLS": {
            "ca.crt": (broker.certificates / "ca.crt").read_text(),
            "user.crt": (broker.certificates / "user.crt").read_text(),
            "user.key": (broker.certificates / "user.key").read_text(),
        },
    }[listener]
    told = (
        {"bootstrap-servers": broker.address(listener)} | entries | {k.replace("_", "."): v for k, v in instead.items()}
    )
    found = bindings.parse({f"kafka/{name}": text for name, text in told.items()}).kafka
    assert found is not None
    return found

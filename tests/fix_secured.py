"""A broker that asks who its clients are, in four ways at once, each on a port of its own; certificates made here."""

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion
from fix_services import Running

from mesoscale import bindings
from mesoscale_local.services import jars, java, ports
from mesoscale_local.services.kafka import Broker

USERNAME, PASSWORD = "nyc", 'a "secret" \\ word'
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
    admin = AdminClient({"bootstrap.servers": broker.binding().bootstrap_servers})
    scram = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
    made = admin.alter_user_scram_credentials([UserScramCredentialUpsertion(USERNAME, scram, PASSWORD.encode())])
    made[USERNAME].result(30)
    del admin  # it would complain when the broker is gone
    yield broker
    running.stop()


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

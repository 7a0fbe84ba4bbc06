"""Brokers: which Kafka a pipeline uses, how its clients get in, and who makes its topics."""

from dataclasses import dataclass

from mesoscale.manifests.installation import Kafka as Installed
from mesoscale.manifests.target import Target

CLUSTER_LABEL = "strimzi.io/cluster"
AUTHORITY = "ca.crt"  # of whoever signed the brokers' certificates


@dataclass(frozen=True, slots=True)
class Brokers:
    """`cluster` is a Strimzi Kafka in the pipeline's namespace, whose operators make topics and users; empty: others'.

    `secret` holds what a client needs to log in, in the entries `login` (none named: all of them), and `authority` the
    certificate of whoever signs the brokers'. `entries` are those of the service binding which are no secret.
    """

    entries: dict[str, str]
    cluster: str = ""
    secret: str = ""
    login: tuple[str, ...] = ()
    authority: str = ""

    @property
    def servers(self) -> str:
        return self.entries["bootstrap-servers"]

    @property
    def ports(self) -> tuple[int, ...]:
        return tuple(sorted({int(server.rpartition(":")[2]) for server in self.servers.split(",")}))


def of(target: Target) -> Brokers:
    """The document's, or else the installation's."""
    asked, installed = target.graph.pipeline.spec.services.kafka, target.installation.kafka
    if asked.bootstrap_servers:
        return _elsewhere(asked.bootstrap_servers, asked.secret or "")
    if asked.cluster or not installed.bootstrap_servers:
        return _strimzi(asked.cluster or installed.cluster, target, installed)
    return _elsewhere(installed.bootstrap_servers, installed.secret)


def _elsewhere(servers: str, secret: str) -> Brokers:
    return Brokers({"type": "kafka", "bootstrap-servers": servers}, secret=secret)


def _strimzi(cluster: str, target: Target, installed: Installed) -> Brokers:
    """By the names that Strimzi gives its Service and Secrets; a user's Secret bears the user's name."""
    user = target.name()
    scram = {"sasl-mechanism": "SCRAM-SHA-512", "username": user} if installed.authentication == "scram-sha-512" else {}
    protocol = ("SASL_" if scram else "") + ("SSL" if installed.tls else "PLAINTEXT")
    return Brokers(
        {
            "type": "kafka",
            "bootstrap-servers": f"{cluster}-kafka-bootstrap.{target.namespace}.svc:{installed.port}",
            "security-protocol": protocol,
            **scram,
        },
        cluster=cluster,
        secret=user if installed.authentication != "none" else "",
        login=_login(installed),
        authority=f"{cluster}-cluster-ca-cert" if installed.tls else "",
    )


def _login(installed: Installed) -> tuple[str, ...]:
    """The entries of a user's Secret that matter; others hold the same as binary files."""
    return {"tls": ("user.crt", "user.key"), "scram-sha-512": ("password",), "none": ()}[installed.authentication]

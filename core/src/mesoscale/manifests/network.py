"""NetworkPolicy: who may talk to whom. Nodes meet in topics only, so each needs its services and nobody needs it.

https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from mesoscale.manifests import brokers, database, deployment, pods, statefulset
from mesoscale.manifests.target import PIPELINE, Target
from mesoscale.manifests.types import Child, Manifest
from mesoscale.model.sink import Sink
from mesoscale.model.status import Aspect

POSTGRESQL_PORT = 5432
_HTTP, _HTTPS = 80, 443
_API_SERVER = (443, 6443)  # the port of its Service, and the usual one behind it
_DATABASE_METRICS = 9187
_DATABASE_STATUS = 8000


def children(target: Target) -> list[Child]:
    """Nothing goes in or out of any pod of the pipeline, but what is named for some of them."""
    if not target.installation.network_policies:
        return []
    nodes = [
        _policy(
            target,
            statefulset.name(target, one.node),
            one.kind,
            one.node,
            one.needs,
            [_scrape(target)],
            _calls(target, one.node),
        )
        for one in target.plan.workloads
    ]
    own = [_database(target)] if database.made(target) else []
    return [_nothing(target), *nodes, _dashboard(target), *_preparations(target), *_jobs(target), *own]


def _nothing(target: Target) -> Child:
    manifest = target.manifest("networking.k8s.io/v1", "NetworkPolicy", target.name("meso-default"), "network")
    pods_of_ours = {"matchLabels": {PIPELINE: target.pipeline}}
    manifest["spec"] = {"podSelector": pods_of_ours, "policyTypes": ["Ingress", "Egress"]}
    return Child(manifest, "StreamsReady")


def _policy(
    target: Target,
    name: str,
    component: str,
    node: str,
    services: Iterable[str],
    ingress: Sequence[Manifest] = (),
    egress: Sequence[Manifest] = (),
    condition: Aspect = "StreamsReady",
) -> Child:
    """What comes in as named; out go questions for addresses, and what the services and `egress` allow."""
    manifest = target.manifest("networking.k8s.io/v1", "NetworkPolicy", name, component, node)
    manifest["spec"] = {
        "podSelector": {"matchLabels": target.selector(component, node)},
        "policyTypes": ["Ingress", "Egress"],
        "egress": [_names(), *(_service(target, service) for service in services), *egress],
        **({"ingress": list(ingress)} if ingress else {}),
    }
    return Child(manifest, condition)


def _dashboard(target: Target) -> Child:
    readers = [_namespace(target.installation.operator_namespace), _namespace(target.installation.monitoring_namespace)]
    ingress = [{"from": readers, "ports": _ports(deployment.PORT)}]
    return _policy(target, deployment.name(target), deployment.COMPONENT, "", target.services, ingress)


def _preparations(target: Target) -> list[Child]:
    topics = [] if brokers.of(target).cluster else [("topics", "kafka")]
    schema = [("schema", "postgresql")] if database.used(target) else []
    return [_policy(target, target.name(program), program, "", [service]) for program, service in topics + schema]


def _jobs(target: Target) -> list[Child]:
    """A driver asks the API server for executors, and all of them talk to each other on ports that they choose."""
    made = []
    for job in target.jobs:
        each_other = [{"podSelector": {"matchLabels": target.selector("job", job.name)}}]
        egress = [{"to": each_other}, {"ports": _ports(*_API_SERVER)}]
        name = target.name(job.name)
        made.append(
            _policy(target, name, "job", job.name, target.services, [{"from": each_other}], egress, "BatchReady")
        )
    return made


def _database(target: Target) -> Child:
    """The instances of our own database: its pods are CloudNativePG's, which go where they like."""
    instances = {"matchLabels": {"cnpg.io/cluster": database.name(target)}}
    ours = {"podSelector": {"matchLabels": {PIPELINE: target.pipeline}}}
    operator = _namespace(target.installation.database_operator_namespace)
    manifest = target.manifest("networking.k8s.io/v1", "NetworkPolicy", database.name(target), "database")
    manifest["spec"] = {
        "podSelector": instances,
        "policyTypes": ["Ingress"],
        "ingress": [
            {"from": [ours, {"podSelector": instances}, operator], "ports": _ports(POSTGRESQL_PORT, _DATABASE_STATUS)},
            {"from": [_namespace(target.installation.monitoring_namespace)], "ports": _ports(_DATABASE_METRICS)},
        ],
    }
    return Child(manifest, "DatabaseReady")


def _service(target: Target, service: str) -> Manifest:
    if service == "kafka":
        found = brokers.of(target)
        where = [{"podSelector": {"matchLabels": {brokers.CLUSTER_LABEL: found.cluster}}}]
        return ({"to": where} if found.cluster else {}) | {"ports": _ports(*found.ports)}
    if database.made(target):
        where = [{"podSelector": {"matchLabels": {"cnpg.io/cluster": database.name(target)}}}]
        return {"to": where, "ports": _ports(POSTGRESQL_PORT)}
    return {"ports": [{"protocol": "TCP"}]}  # where a database of others listens stands in a Secret that we do not read


def _calls(target: Target, node: str) -> list[Manifest]:
    """Whom a sink calls may be anywhere. Where it listens is known if the document says so: Secrets are not read."""
    section = target.graph.node(node).section
    if not isinstance(section, Sink) or section.webhook is None:
        return []
    url = urlsplit(section.webhook.url or "https:")
    return [{"ports": _ports(url.port or (_HTTP if url.scheme == "http" else _HTTPS))}]


def _names() -> Manifest:
    return {"ports": [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]}


def _scrape(target: Target) -> Manifest:
    return {"from": [_namespace(target.installation.monitoring_namespace)], "ports": _ports(pods.METRICS_PORT)}


def _namespace(name: str) -> Manifest:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def _ports(*numbers: int) -> list[Manifest]:
    return [{"protocol": "TCP", "port": number} for number in numbers]

"""ScaledObject (KEDA) or HorizontalPodAutoscaler: as many processes of a node as its lag, or its work, asks for."""

from mesoscale import naming
from mesoscale.graph.types import Node
from mesoscale.manifests import brokers, document, statefulset
from mesoscale.manifests.brokers import Brokers
from mesoscale.manifests.target import Target
from mesoscale.manifests.types import Child, Manifest
from mesoscale.model.stage import Scale

BUSY = 70  # percent of the processor asked for, above which HorizontalPodAutoscaler adds a process
CALM = 300  # seconds of little lag before a process is taken away: each change of their number is a rebalance
LOOK = 15  # seconds between two looks at the lag

# What KEDA's trigger calls the entries of a binding; a secret of the user's own says with the last two how to use them.
_LOGIN = {"ca": "ca.crt", "cert": "user.crt", "key": "user.key", "username": "username", "password": "password"}
_OF_OTHERS = _LOGIN | {"tls": "keda-tls", "sasl": "keda-sasl"}


def children(target: Target) -> list[Child]:
    """One for each node that scales, and what KEDA needs to log in."""
    nodes = [node for node in target.graph.nodes if target.scales(node)]
    if target.installation.autoscaling == "hpa":
        return [_by_work(target, node) for node in nodes]
    found = brokers.of(target)
    login = [_login(target, found)] if nodes and _asked(found) else []
    return [*login, *(_by_lag(target, node, found) for node in nodes)]


def _scaled(target: Target, node: Node) -> Manifest:
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": statefulset.name(target, node.name)}


def _by_work(target: Target, node: Node) -> Child:
    api = "autoscaling/v2"
    name, scale = statefulset.name(target, node.name), node.scale
    manifest = target.manifest(api, "HorizontalPodAutoscaler", name, node.kind, node.name)
    busy = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": BUSY}}
    manifest["spec"] = {
        "scaleTargetRef": _scaled(target, node),
        "minReplicas": max(1, scale.min),  # it cannot tell from no processes that there is work for one
        "maxReplicas": scale.max,
        "metrics": [{"type": "Resource", "resource": busy}],
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": CALM}},
    }
    return Child(manifest, "StreamsReady", statefulset.WAVES[node.kind])


def _by_lag(target: Target, node: Node, found: Brokers) -> Child:
    name, scale = statefulset.name(target, node.name), node.scale
    manifest = target.manifest("keda.sh/v1alpha1", "ScaledObject", name, node.kind, node.name)
    manifest["spec"] = {
        "scaleTargetRef": _scaled(target, node),
        "minReplicaCount": scale.min,
        "maxReplicaCount": scale.max,
        "pollingInterval": LOOK,
        "cooldownPeriod": CALM,
        "triggers": [_trigger(target, node, scale, found)],
    }
    return Child(manifest, "StreamsReady", statefulset.WAVES[node.kind])


def _trigger(target: Target, node: Node, scale: Scale, found: Brokers) -> Manifest:
    """Sinks tell their group's offsets for show, so the lag of all nodes is where KEDA looks for it."""
    assert node.input is not None
    metadata = {
        "bootstrapServers": found.servers,
        "consumerGroup": naming.group(target.pipeline, node.name),
        "topic": target.graph.edge(node.input).topic,
        "lagThreshold": str(scale.lag_per_replica),
        "activationLagThreshold": "0",
        "offsetResetPolicy": "earliest",
        **_security(found),
    }
    login = {"authenticationRef": {"name": _login_name(target)}} if _asked(found) else {}
    return {"type": "kafka", "metadata": metadata, **login}


def _security(found: Brokers) -> dict[str, str]:
    protocol = found.entries.get("security-protocol", "")
    tls = {"tls": "enable"} if protocol.endswith("SSL") else {}
    return tls | ({"sasl": "scram_sha512"} if protocol.startswith("SASL") else {})


def _asked(found: Brokers) -> bool:
    """Whether the brokers ask KEDA who it is, or KEDA them."""
    return bool(found.secret or found.authority)


def _login_name(target: Target) -> str:
    return target.name("meso-scaling")


def _login(target: Target, found: Brokers) -> Child:
    manifest = target.manifest("keda.sh/v1alpha1", "TriggerAuthentication", _login_name(target), "scaling")
    manifest["spec"] = {"secretTargetRef": _secrets(found)}
    if "username" in found.entries:
        bindings = {"parameter": "username", "name": document.bindings_name(target), "key": "kafka.username"}
        manifest["spec"]["configMapTargetRef"] = [bindings]
    return Child(manifest, "StreamsReady")


def _secrets(found: Brokers) -> list[Manifest]:
    if not found.cluster:
        return [{"parameter": word, "name": found.secret, "key": entry} for word, entry in _OF_OTHERS.items()]
    held = dict.fromkeys(found.login, found.secret) | {brokers.AUTHORITY: found.authority}
    return [{"parameter": word, "name": held[entry], "key": entry} for word, entry in _LOGIN.items() if held.get(entry)]

"""Service: a headless one for each node, which gives its pods names of their own, and the dashboard's."""

from mesoscale.manifests import deployment, pods, statefulset
from mesoscale.manifests.target import Target
from mesoscale.manifests.types import Child, Manifest

DASHBOARD_PORT = 80


def children(target: Target) -> list[Child]:
    """One for each node, and one for the dashboard."""
    nodes = [_headless(target, workload.node, workload.kind) for workload in target.plan.workloads]
    return [*nodes, _dashboard(target)]


def _headless(target: Target, node: str, component: str) -> Child:
    manifest = target.manifest("v1", "Service", statefulset.name(target, node), component, node)
    manifest["spec"] = {
        "type": "ClusterIP",
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "selector": target.selector(component, node),
        "ports": [_port(statefulset.METRICS, pods.METRICS_PORT)],
    }
    return Child(manifest, "StreamsReady")


def _dashboard(target: Target) -> Child:
    manifest = target.manifest("v1", "Service", deployment.name(target), deployment.COMPONENT)
    manifest["spec"] = {
        "type": "ClusterIP",
        "selector": target.selector(deployment.COMPONENT),
        "ports": [_port(deployment.HTTP, DASHBOARD_PORT)],
    }
    return Child(manifest, "StreamsReady")


def _port(name: str, number: int) -> Manifest:
    return {"name": name, "port": number, "protocol": "TCP", "targetPort": name}

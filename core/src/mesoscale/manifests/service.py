"""Service: a headless one for each node, which gives its pods names of their own."""

from mesoscale.manifests import pods, statefulset
from mesoscale.manifests.target import Target
from mesoscale.manifests.types import Child


def children(target: Target) -> list[Child]:
    """One for each node."""
    return [_child(target, workload.node, workload.kind) for workload in target.plan.workloads]


def _child(target: Target, node: str, component: str) -> Child:
    manifest = target.manifest("v1", "Service", statefulset.name(target, node), component, node)
    port = {
        "name": statefulset.METRICS,
        "port": pods.METRICS_PORT,
        "protocol": "TCP",
        "targetPort": statefulset.METRICS,
    }
    manifest["spec"] = {
        "type": "ClusterIP",
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "selector": target.selector(component, node),
        "ports": [port],
    }
    return Child(manifest, "StreamsReady")

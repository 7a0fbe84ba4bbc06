"""PodDisruptionBudget: whoever empties a machine takes one process of a node at a time."""

from mesoscale.manifests import statefulset
from mesoscale.manifests.target import Target
from mesoscale.manifests.types import Child


def children(target: Target) -> list[Child]:
    """One for each node; with a single process it may go, since another comes up elsewhere and nothing is lost."""
    return [_child(target, workload.node, workload.kind) for workload in target.plan.workloads]


def _child(target: Target, node: str, component: str) -> Child:
    manifest = target.manifest("policy/v1", "PodDisruptionBudget", statefulset.name(target, node), component, node)
    manifest["spec"] = {
        "maxUnavailable": 1,
        "selector": {"matchLabels": target.selector(component, node)},
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }
    return Child(manifest, "StreamsReady")

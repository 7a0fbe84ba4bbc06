"""Plan + installation → every Kubernetes object of a pipeline, in the order in which they are best applied."""

from mesoscale.graph.types import Graph
from mesoscale.manifests import (
    account,
    alerts,
    dag,
    database,
    deployment,
    disruption,
    document,
    grafana,
    monitor,
    network,
    preparation,
    role,
    scaling,
    service,
    spark,
    statefulset,
    topics,
    user,
)
from mesoscale.manifests.installation import Installation
from mesoscale.manifests.target import Target
from mesoscale.manifests.types import Child
from mesoscale.plan.types import Plan

_KINDS = (
    document,
    account,
    role,
    network,
    topics,
    user,
    database,
    preparation,
    service,
    disruption,
    statefulset,
    scaling,
    deployment,
    spark,
    dag,
    monitor,
    alerts,
    grafana,
)


def build(graph: Graph, plan: Plan, installation: Installation, namespace: str) -> tuple[Child, ...]:
    """All children, without owners; two calls with the same values give the same manifests."""
    target = Target(graph, plan, installation, namespace)
    return tuple(child for module in _KINDS for child in module.children(target))

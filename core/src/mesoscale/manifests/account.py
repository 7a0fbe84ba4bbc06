"""ServiceAccount: one for each workload, which may do nothing and gets no token."""

from mesoscale.manifests import statefulset
from mesoscale.manifests.target import Target
from mesoscale.manifests.types import Child
from mesoscale.model.status import Aspect

PREPARATION = "meso-preparation"  # no node's name begins so


def children(target: Target) -> list[Child]:
    """Those of the nodes, of the dashboard, of what makes topics and tables, and of Spark's drivers."""
    nodes = [
        account(target, statefulset.name(target, workload.node), workload.kind, workload.node)
        for workload in target.plan.workloads
    ]
    dashboard = account(target, target.name("dashboard"), "dashboard")
    jobs = [account(target, target.name(job.name), "job", job.name, "BatchReady") for job in target.jobs]
    return [*nodes, dashboard, account(target, preparation(target), "preparation", condition="SchemaReady"), *jobs]


def preparation(target: Target) -> str:
    """The name of the account of those Jobs."""
    return target.name(PREPARATION)


def account(target: Target, name: str, component: str, node: str = "", condition: Aspect = "StreamsReady") -> Child:
    """An account without a token."""
    manifest = target.manifest("v1", "ServiceAccount", name, component, node)
    return Child(manifest | {"automountServiceAccountToken": False}, condition)

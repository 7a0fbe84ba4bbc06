"""Target: the pipeline, its plan and where it is to run, with the names and labels that all of its objects share."""

from dataclasses import dataclass

from mesoscale import naming
from mesoscale.graph.types import Graph, Node
from mesoscale.manifests.installation import Installation
from mesoscale.manifests.types import Manifest
from mesoscale.model.job import Job
from mesoscale.plan.types import Plan

PIPELINE = "mesoscale.dev/pipeline"
NODE = "mesoscale.dev/node"


@dataclass(frozen=True, slots=True)
class Target:
    """What every manifest of one pipeline is made from."""

    graph: Graph
    plan: Plan
    installation: Installation
    namespace: str

    @property
    def pipeline(self) -> str:
        return self.graph.pipeline.name

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Those with a program of the user's own."""
        return tuple(job for job in self.graph.pipeline.spec.jobs if job.program)

    @property
    def services(self) -> tuple[str, ...]:
        """What any node needs, and so the dashboard and the jobs may."""
        return tuple(sorted({need for workload in self.plan.workloads for need in workload.needs}))

    def name(self, *parts: str) -> str:
        """The name of an object of this pipeline."""
        return naming.object_name(self.pipeline, *parts)

    def labels(self, component: str, node: str = "") -> dict[str, str]:
        """https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/, and two of our own."""
        ours = {PIPELINE: self.pipeline} | ({NODE: node} if node else {})
        return {
            "app.kubernetes.io/name": "mesoscale",
            "app.kubernetes.io/instance": self.pipeline,
            "app.kubernetes.io/component": component,
            "app.kubernetes.io/managed-by": "mesoscale",
            "app.kubernetes.io/part-of": "mesoscale",
            **ours,
        }

    def selector(self, component: str, node: str = "") -> dict[str, str]:
        """The labels by which the pods of one workload are found; they never change."""
        return {PIPELINE: self.pipeline, "app.kubernetes.io/component": component} | ({NODE: node} if node else {})

    def manifest(self, api_version: str, kind: str, name: str, component: str, node: str = "") -> Manifest:
        """The head of an object: what it is, its name, where it lies and its labels."""
        metadata = {"name": name, "namespace": self.namespace, "labels": self.labels(component, node)}
        return {"apiVersion": api_version, "kind": kind, "metadata": metadata}

    @property
    def paused(self) -> bool:
        """No records are to move, while everything else stays as it is."""
        return "data" in self.graph.pipeline.spec.pause

    def replicas(self, node: Node) -> int | None:
        """How many processes a node has; None where an autoscaler decides."""
        if self.installation.replicas_override is not None:
            return self.installation.replicas_override
        if self.paused:
            return 0
        return None if self.scales(node) else node.scale.min

    def scales(self, node: Node) -> bool:
        """Whether an autoscaler decides how many processes a node has."""
        fixed = (
            self.paused or self.installation.replicas_override is not None or self.installation.autoscaling == "none"
        )
        return not fixed and node.scale.max > node.scale.min

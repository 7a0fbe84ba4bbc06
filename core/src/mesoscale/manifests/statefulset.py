"""StatefulSet: the processes of one node. The pod's ordinal is its instance, the identity by which Kafka knows it.

A pod that takes the place of another has its ordinal and so its transactional id and its place in the group: it fences
the one that is gone and goes on at once, where a Deployment's new pod would wait for the old one's time-outs (ADR 10).
"""

from mesoscale import units
from mesoscale.graph.types import Edge, Node
from mesoscale.manifests import document, pods, quantities
from mesoscale.manifests.fields import hash_of
from mesoscale.manifests.installation import Program
from mesoscale.manifests.target import Target
from mesoscale.manifests.types import SINKS, SOURCES, STAGES, Child, Manifest
from mesoscale.model.source import Source
from mesoscale.model.stage import Stage
from mesoscale.plan.types import Workload

REVISION = "mesoscale.dev/revision"
METRICS = "metrics"  # the name of the port
WAVES = {"source": SOURCES, "stage": STAGES, "sink": SINKS}

_ELSEWHERE = {"topic", "scale"}  # read by whoever makes topics and by the autoscaler, not by the node's own program


def children(target: Target) -> list[Child]:
    """One for each node."""
    return [_child(target, target.graph.node(workload.node), workload) for workload in target.plan.workloads]


def name(target: Target, node: str) -> str:
    return target.name(node)


def _child(target: Target, node: Node, workload: Workload) -> Child:
    manifest = target.manifest("apps/v1", "StatefulSet", name(target, node.name), node.kind, node.name)
    replicas = target.replicas(node)
    manifest["spec"] = {
        "serviceName": name(target, node.name),
        "podManagementPolicy": "Parallel",
        "revisionHistoryLimit": 2,
        "selector": {"matchLabels": target.selector(node.kind, node.name)},
        "template": _template(target, node, workload),
        **({} if replicas is None else {"replicas": replicas}),
    }
    return Child(manifest, "StreamsReady", WAVES[node.kind])


def _template(target: Target, node: Node, workload: Workload) -> Manifest:
    spec = pods.pod(target, _container(target, node, workload), name(target, node.name), _files(node))
    metadata = {
        "labels": target.labels(node.kind, node.name),
        "annotations": {REVISION: revision(target, node, workload)},
    }
    return {"metadata": metadata, "spec": spec}


def _container(target: Target, node: Node, workload: Workload) -> Manifest:
    made = pods.container(
        target,
        "node",
        _own_image(target, node) or target.installation.images.streams,
        workload.argv,
        _program(target, node),
        workload.needs,
        {METRICS: pods.METRICS_PORT},
    )
    made["command"] += ["--instance", "$(POD_INDEX)", "--listen", f"0.0.0.0:{pods.METRICS_PORT}"]
    if node.kind == "source":
        made["command"] += ["--stay"]  # or it would be started again and again after its last record
    if workload.remembers:
        made["command"] += ["--state", pods.STATE]
        made["volumeMounts"] += pods.remembering()
    if workload.model:
        made["command"] += ["--models", pods.MODELS]
        made["volumeMounts"] += pods.scoring(workload.model)
    if workload.secret:
        made["volumeMounts"] += pods.calling(workload.secret)
    index = {"apiVersion": "v1", "fieldPath": "metadata.labels['apps.kubernetes.io/pod-index']"}
    made["env"] += [{"name": "POD_INDEX", "valueFrom": {"fieldRef": index}}]
    if _own_image(target, node):
        made["env"] += [{"name": "PYTHONPATH", "value": pods.CODE}]
    probes = {
        "livenessProbe": pods.probe("/healthz", METRICS, period=10, failures=6),
        "readinessProbe": pods.probe("/readyz", METRICS, period=3, failures=2),
        "startupProbe": pods.probe("/healthz", METRICS, period=2, failures=60),
    }
    return made | probes


def _program(target: Target, node: Node) -> Program:
    """What the container asks for and may have: what the installation says, or more if the document lets it hold more.

    A program above its `memoryLimit` ends itself, between two batches or at half as much again; the kernel, which
    tells no reason, is not to be first.
    """
    program: Program = getattr(target.installation.resources, node.kind)
    limit = node.section.memory_limit if isinstance(node.section, Stage) else None
    given, wanted = program.limits.memory, units.size_bytes(limit) * 3 // 2 if limit else 0
    if not given or quantities.number_of_bytes(given) >= wanted:
        return program
    limits = program.limits.model_copy(update={"memory": quantities.of_bytes(wanted)})
    return program.model_copy(update={"limits": limits})


def _files(node: Node) -> list[str]:
    replay = node.section.replay if isinstance(node.section, Source) else None
    return [replay.file] if replay and replay.file else []


def _own_image(target: Target, node: Node) -> str | None:
    """The user's own image, for stages with a step of the user's own."""
    code = target.graph.pipeline.spec.code
    return code.image if code and isinstance(node.section, Stage) and node.section.step else None


def revision(target: Target, node: Node, workload: Workload) -> str:
    """A hash of what the node's program reads at its start; with another, its pods are replaced, and no others."""
    section = node.section.model_dump(mode="json", by_alias=True, exclude=_ELSEWHERE)
    edges = [target.graph.edge(name) for name in (*node.inputs, node.output) if name is not None]
    entries = document.entries(target)
    return hash_of([section, [_shape(edge) for edge in edges], [entries[service] for service in workload.needs]])


def _shape(edge: Edge) -> list[object]:
    return [edge.topic, edge.contract.model_dump(mode="json", by_alias=True)]

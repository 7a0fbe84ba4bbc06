"""Deployment: the dashboard, from which people, Prometheus and the operator learn what has been counted."""

from mesoscale.manifests import document, pods
from mesoscale.manifests.fields import hash_of
from mesoscale.manifests.statefulset import REVISION
from mesoscale.manifests.target import Target
from mesoscale.manifests.types import Child, Manifest

COMPONENT = "dashboard"
PORT = 8080
HTTP = "http"  # the name of the port

_FOR_THE_OPERATOR = {"adoption", "drift_policy", "deletion_policy", "pause"}


def children(target: Target) -> list[Child]:
    """One: the dashboard keeps nothing, so a second would only read the same twice."""
    override = target.installation.replicas_override
    manifest = target.manifest("apps/v1", "Deployment", name(target), COMPONENT)
    manifest["spec"] = {
        "replicas": 1 if override is None else override,
        "revisionHistoryLimit": 2,
        "selector": {"matchLabels": target.selector(COMPONENT)},
        "template": _template(target),
    }
    return [Child(manifest, "StreamsReady")]


def name(target: Target) -> str:
    return target.name(COMPONENT)


def _revision(target: Target) -> str:
    """A hash of what the dashboard reads at its start: how the operator is to go about things is none of it."""
    spec = target.graph.pipeline.spec
    shown = spec.model_dump(mode="json", by_alias=True, exclude=_FOR_THE_OPERATOR, exclude_defaults=True)
    return hash_of([shown, document.entries(target)])


def _template(target: Target) -> Manifest:
    installed = target.installation
    container = pods.container(
        target,
        COMPONENT,
        installed.images.dashboard,
        ["python", "-m", "mesoscale_dashboard"],
        installed.resources.dashboard,
        target.services,
        {HTTP: PORT},
    )
    container["command"] += ["--listen", f"0.0.0.0:{PORT}"]
    container["livenessProbe"] = pods.probe("/healthz", HTTP, period=10, failures=6)
    container["readinessProbe"] = pods.probe("/readyz", HTTP, period=3, failures=2)
    metadata = {"labels": target.labels(COMPONENT), "annotations": {REVISION: _revision(target)}}
    return {"metadata": metadata, "spec": pods.pod(target, container, name(target))}
